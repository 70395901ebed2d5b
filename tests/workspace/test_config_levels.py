"""The four configuration files, together."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError
from data_versioning.formats import configtext
from data_versioning.workspace import config_levels


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "user"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "machine"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("user", "machine", "repo/.dvc"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "repo"


def write(root: Path, level: str, text: str) -> None:
    Path(config_levels.level_paths(str(root))[level]).write_text(text)


def test_the_strongest_level_wins_option_by_option(root: Path) -> None:
    write(root, "system", "[core]\nautostage = true\nchecksum_jobs = 1\n")
    write(root, "global", "[core]\nchecksum_jobs = 2\nremote = A\n")
    write(root, "repo", "['remote \"a\"']\nurl = ../../store\n[cache]\ndir = ~/cache\n")
    write(root, "local", "['remote \"a\"']\njobs = 4\n")
    settings = config_levels.load(str(root))
    assert settings.flag("core", "autostage")
    assert settings.get("core", "checksum_jobs") == "2"
    assert settings.get("core", "remote") == "a"
    assert settings.remotes()["a"] == {"url": f"{root.parent}/store", "jobs": "4"}
    assert settings.get("cache", "dir") == f"{root.parent}/home/cache"
    assert settings.origins['remote "a"'] == {"url": "repo", "jobs": "local"}


def test_no_files_and_no_repository(root: Path) -> None:
    assert config_levels.load(str(root)).values == {}
    assert config_levels.load(None).values == {}


def test_a_file_that_is_not_text(root: Path) -> None:
    Path(root / ".dvc/config").write_bytes(b"[core]\nremote = \xff\xfe\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        config_levels.load(str(root))


def test_saving_keeps_the_mode_and_what_others_wrote(root: Path) -> None:
    write(root, "local", "[core]\n    remote = a\n")
    (root / ".dvc/config.local").chmod(0o600)
    config_levels.save(str(root), "local", lambda text, _: configtext.edit(text, "core", "autostage", "true"))
    assert (root / ".dvc/config.local").read_text() == "[core]\n    remote = a\n    autostage = true\n"
    assert (root / ".dvc/config.local").stat().st_mode & 0o777 == 0o600


def test_a_change_that_breaks_a_level_is_not_saved(root: Path) -> None:
    write(root, "repo", "[core]\n    autostage = true\n")
    with pytest.raises(ConfigError):
        config_levels.save(
            str(root), "repo", lambda text, _: configtext.edit(text, "core", "autostage", "maybe")
        )
    assert (root / ".dvc/config").read_text() == "[core]\n    autostage = true\n"


def test_broken_levels_can_be_repaired_one_by_one(root: Path) -> None:
    for level in ("repo", "local"):
        write(root, level, "[core]\n    autostage = maybe\n")
    config_levels.save(str(root), "repo", lambda text, _: configtext.edit(text, "core", "autostage", None))
    assert "maybe" not in (root / ".dvc/config").read_text()
    config_levels.save(str(root), "local", lambda text, _: configtext.edit(text, "core", "autostage", None))
    config_levels.load(str(root))


COMMAND = "['remote \"dav\"']\nurl = webdavs://host/x\nbearer_token_command = {}\n"


def test_a_committed_program_is_not_trusted(root: Path) -> None:
    write(root, "repo", COMMAND.format("get-token"))
    assert list(config_levels.untrusted_programs(str(root))) == [("dav", "bearer_token_command")]


@pytest.mark.parametrize(("level", "value", "trusted"), [
    ("local", "get-token", True),
    ("local", "another", True),
    ("global", "get-token", True),
    ("system", "get-token", True),
    ("global", "another", False),
])  # fmt: skip
def test_a_program_of_the_users_own_is_trusted(root: Path, level: str, value: str, trusted: bool) -> None:
    write(root, "repo", COMMAND.format("get-token"))
    write(root, level, COMMAND.format(value))
    assert (not list(config_levels.untrusted_programs(str(root)))) == trusted


def test_a_committed_file_of_amazons_tools_that_names_a_program(root: Path) -> None:
    write(root, "repo", "['remote \"s\"']\nurl = s3://b\nconfigpath = ../aws\ncredentialpath = ../keys\n")
    assert list(config_levels.untrusted_programs(str(root))) == []
    (root / "aws").write_text("[default]\ncredential_process = /bin/evil\n")
    (root / "keys").write_text("[default]\naws_access_key_id = x\n")
    assert list(config_levels.untrusted_programs(str(root))) == [("s", "configpath")]


def git(cwd: Path, *args: str) -> None:
    identity = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, env=os.environ | identity)


@pytest.fixture
def worktree(root: Path) -> Path:
    git(root, "init", "-q")
    write(root, "repo", "[core]\n    autostage = true\n")
    (root / ".gitignore").write_text("config.local\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "start")
    git(root, "worktree", "add", "-q", "../linked")
    return root.parent / "linked"


def test_a_linked_worktree_uses_the_cache_of_the_main_one(root: Path, worktree: Path) -> None:
    config_levels.share_cache_of_main_worktree(str(worktree))
    assert config_levels.load(str(worktree)).get("cache", "dir") == f"{root}/.dvc/cache"
    before = (worktree / ".dvc/config.local").stat()
    config_levels.share_cache_of_main_worktree(str(worktree))
    assert (worktree / ".dvc/config.local").stat() == before


def test_a_relative_cache_means_the_main_worktrees(root: Path, worktree: Path) -> None:
    for place in (root, worktree):
        write(place, "repo", "[cache]\n    dir = ../../deeper/cache\n")
    write(root, "local", "[cache]\n    dir = ../elsewhere\n")
    config_levels.share_cache_of_main_worktree(str(worktree))
    assert config_levels.load(str(worktree)).get("cache", "dir") == f"{root}/elsewhere"


def test_a_worktree_with_its_own_cache_keeps_it(worktree: Path) -> None:
    (worktree / ".dvc/cache").mkdir()
    config_levels.share_cache_of_main_worktree(str(worktree))
    assert not (worktree / ".dvc/config.local").exists()


def test_a_submodule_is_no_worktree(root: Path, tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (root / ".git").write_text("gitdir: ../module\n")
    config_levels.share_cache_of_main_worktree(str(root))
    assert not (root / ".dvc/config.local").exists()
