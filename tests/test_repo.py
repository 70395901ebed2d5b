"""Opening a repository: where it is, what its settings are, and that changes of those are noticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from data_versioning import repo as repos
from data_versioning.errors import ConfigError, NotInRepository
from data_versioning.workspace import config_levels
from tests.oracle import Sandbox

pytestmark = pytest.mark.usefixtures("private_home")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The roots whose configuration files were read from now on."""
    roots: list[str | None] = []
    load = config_levels.load

    def spy(root: str | None) -> object:
        roots.append(root)
        return load(root)

    monkeypatch.setattr(config_levels, "load", spy)
    return roots


def configure(root: Path, url: str) -> None:
    (root / ".dvc/config").write_text(f"['remote \"r\"']\n    url = {url}\n")


def url(root: Path) -> str | None:
    return repos.open(str(root)).settings.get('remote "r"', "url")


def settle() -> None:
    """Wait until time stamps are old enough to tell changes apart."""
    time.sleep(0.05)


def test_the_root_is_found_from_below(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "a/b").mkdir(parents=True)
    assert repos.find_root(str(repository / "a/b")) == str(repository)
    monkeypatch.chdir(repository / "a")
    assert repos.open().root == str(repository)
    assert repos.find_root(str(repository / "a/nowhere")) == str(repository)


def test_the_nearest_root_counts(repository: Path) -> None:
    (repository / "inner/.dvc").mkdir(parents=True)
    assert repos.find_root(str(repository / "inner")) == str(repository / "inner")


def test_a_link_to_the_repository(repository: Path) -> None:
    link = repository.with_name("link")
    link.symlink_to(repository)
    assert repos.open(str(link)).root == str(repository)


def test_no_repository(place: Path) -> None:
    (place / ".dvc").write_text("a file is no repository")
    with pytest.raises(NotInRepository) as missing:
        repos.open(str(place))
    assert str(place) in str(missing.value)
    assert missing.value.hint
    assert missing.value.exit_code == 253


def test_settings_are_read_once(repository: Path, loads: list[str | None]) -> None:
    configure(repository, "/one")
    settle()
    assert [url(repository) for _ in range(3)] == ["/one"] * 3
    assert loads == [str(repository)]


def test_what_is_kept_of_settings_only_their_user_reads(repository: Path) -> None:
    (repository / ".dvc/config.local").write_text(
        "['remote \"r\"']\n    url = http://b\n    password = hunter2\n"
    )
    settle()
    assert url(repository) == "http://b"
    kept = [
        path
        for path in (repository / ".dvc/tmp").rglob("*")
        if path.is_file() and b"hunter2" in path.read_bytes()
    ]
    assert kept and all(path.stat().st_mode & 0o777 == 0o600 for path in kept)


@pytest.mark.parametrize("level", ["repo", "local", "global", "system"])
def test_a_changed_level_is_noticed(
    repository: Path, place: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(place / "global"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(place / "system"))
    (place / "global").mkdir()
    (place / "system").mkdir()
    settle()
    assert url(repository) is None
    file = {
        "repo": repository / ".dvc/config",
        "local": repository / ".dvc/config.local",
        "global": place / "global/config",
        "system": place / "system/config",
    }[level]
    for value in ("/one", "/two", "/too"):
        file.write_text(f"['remote \"r\"']\n    url = {value}\n")
        assert url(repository) == value
        settle()
        assert url(repository) == value
    file.unlink()
    assert url(repository) is None


def test_a_change_in_the_same_tick_of_the_clock(repository: Path) -> None:
    for number in range(20):
        configure(repository, f"/{number:03}")
        assert url(repository) == f"/{number:03}"
        configure(repository, f"/{number + 500}")
        assert url(repository) == f"/{number + 500}"


def test_a_moved_repository_has_other_places(repository: Path) -> None:
    (repository / ".dvc/config").write_text("[cache]\n    dir = ../../cache\n")
    settle()
    assert repos.open(str(repository)).cache.base == str(repository.parent / "cache")
    (repository.parent / "deeper").mkdir()
    moved = repository.rename(repository.parent / "deeper/repo")
    assert repos.open(str(moved)).cache.base == str(moved.parent / "cache")


def test_a_wrong_setting(repository: Path) -> None:
    (repository / ".dvc/config").write_text("[core]\n    remot = x\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match="remot"):
            repos.open(str(repository))


def test_where_nothing_can_be_written(repository: Path) -> None:
    configure(repository, "/one")
    (repository / ".dvc/tmp").write_text("no directory")
    settle()
    assert [url(repository) for _ in range(2)] == ["/one"] * 2


def test_places(repository: Path) -> None:
    found = repos.open(str(repository))
    assert found.dvc_dir == f"{repository}/.dvc"
    assert found.temp_dir == f"{repository}/.dvc/tmp/dv"
    assert found.durable_dir == f"{repository}/.git/dv"
    assert found.cache.base == f"{repository}/.dvc/cache"
    assert found.git is not None
    shutil.rmtree(repository / ".git")
    assert (found.git, found.durable_dir) == (None, f"{repository}/.dvc/dv")


def test_without_git(repository: Path) -> None:
    (repository / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    found = repos.open(str(repository))
    assert (found.git, found.durable_dir) == (None, f"{repository}/.dvc/dv")


def test_a_linked_worktree_uses_the_cache_of_the_main_one(repository: Path, sandbox: Sandbox) -> None:
    other = repository.with_name("other")
    sandbox.git(repository, "worktree", "add", "-q", str(other))
    found = repos.open(str(other))
    assert found.cache.base == f"{repository}/.dvc/cache"
    assert found.durable_dir == f"{repository}/.git/dv"
    assert found.temp_dir == f"{other}/.dvc/tmp/dv"


def test_a_shared_cache(repository: Path) -> None:
    (repository / ".dvc/config").write_text("[cache]\n    shared = group\n")
    assert repos.open(str(repository)).cache.shared
    (repository / ".dvc/config").write_text("")
    assert not repos.open(str(repository)).cache.shared


def test_durability(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = repos.open(str(repository))
    assert (found.durability, found.cache.durable) == ("power", True)
    monkeypatch.setenv("DV_DURABILITY", "process")
    assert (found.durability, found.cache.durable) == ("process", False)
    monkeypatch.setenv("DV_DURABILITY", "none")
    with pytest.raises(ConfigError, match="none"):
        _ = found.cache


def test_waiting_for_locks(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repos.open(str(repository)).lock_timeout == repos.DEFAULT_LOCK_TIMEOUT
    assert repos.open(str(repository), patient=True).lock_timeout == float("inf")
    monkeypatch.setenv("DV_LOCK_TIMEOUT", "2.5")
    assert repos.open(str(repository)).lock_timeout == 2.5


@pytest.fixture
def user(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own dv.toml, not there yet."""
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(place / "global"))
    (place / "global").mkdir()
    return place / "global/dv.toml"


def preferred(root: Path) -> tuple[str, float]:
    found = repos.open(str(root))
    return found.durability, found.lock_timeout


def test_preferences(repository: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment over the repository over the user; every change is noticed."""
    committed = repository / ".dvc/dv.toml"
    settle()
    assert preferred(repository) == ("power", 60.0)
    user.write_text('durability = "process"\nlock_timeout = 1\n')
    assert preferred(repository) == ("process", 1.0)
    settle()
    assert preferred(repository) == ("process", 1.0)
    committed.write_text("lock_timeout = 2\n")
    assert preferred(repository) == ("process", 2.0)
    committed.write_text('lock_timeout = 3\ndurability = "power"\n')
    settle()
    assert preferred(repository) == preferred(repository) == ("power", 3.0)
    monkeypatch.setenv("DV_DURABILITY", "process")
    monkeypatch.setenv("DV_LOCK_TIMEOUT", "4")
    assert preferred(repository) == ("process", 4.0)
    monkeypatch.delenv("DV_DURABILITY")
    monkeypatch.delenv("DV_LOCK_TIMEOUT")
    committed.unlink()
    user.unlink()
    assert preferred(repository) == ("power", 60.0)


def test_preferences_are_read_once(repository: Path, user: Path, loads: list[str | None]) -> None:
    (repository / ".dvc/dv.toml").write_text("lock_timeout = 2\n")
    settle()
    assert [preferred(repository) for _ in range(3)] == [("power", 2.0)] * 3
    assert loads == [str(repository)]


def test_wrong_preferences(repository: Path, user: Path) -> None:
    for file, text in ((user, "lock_timout = 1"), (repository / ".dvc/dv.toml", 'durability = "process"')):
        file.write_text(text)
        for _ in range(2):
            settle()
            with pytest.raises(ConfigError, match=str(file)) as wrong:
                repos.open(str(repository))
            assert wrong.value.hint
        file.unlink()
    user.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        repos.open(str(repository))


def test_what_a_clone_brings_never_lowers_durability(
    repository: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the user asks for less: an error, so that its author notices."""
    (repository / ".dvc/dv.toml").write_text('durability = "process"')
    for wish in ("", "power", "process"):
        monkeypatch.setenv("DV_DURABILITY", wish)
        with pytest.raises(ConfigError, match="lowered"):
            repos.open(str(repository))


def test_limits(repository: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def limits() -> tuple[float | None, float | None]:
        found = repos.open(str(repository))
        return found.preferences.limit("upload"), found.preferences.limit("download")

    assert limits() == (None, None)
    user.write_text("upload_limit = '2MB'\ndownload_limit = '3MB'\n")
    (repository / ".dvc/dv.toml").write_text("upload_limit = '1MB'\n")
    assert limits() == (1e6, 3e6)
    monkeypatch.setenv("DV_UPLOAD_LIMIT", "5kB")
    monkeypatch.setenv("DV_DOWNLOAD_LIMIT", "none")
    assert limits() == (5000.0, None)
    monkeypatch.setenv("DV_UPLOAD_LIMIT", "fast")
    with pytest.raises(ConfigError, match="DV_UPLOAD_LIMIT must be bytes a second") as wrong:
        limits()
    assert wrong.value.hint == "unset DV_UPLOAD_LIMIT"


@pytest.mark.parametrize("wish", ["x", "-1", "nan"])
def test_a_wrong_timeout_in_the_environment(
    repository: Path, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    monkeypatch.setenv("DV_LOCK_TIMEOUT", wish)
    with pytest.raises(ConfigError, match="DV_LOCK_TIMEOUT") as wrong:
        _ = repos.open(str(repository)).lock_timeout
    assert wrong.value.hint == "unset DV_LOCK_TIMEOUT"


def test_paths_of_the_user(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = repos.open(str(repository))
    (repository / "sub/deep").mkdir(parents=True)
    monkeypatch.chdir(repository / "sub")
    assert found.relative("deep/x") == "sub/deep/x"
    assert found.relative("../x") == "x"
    assert found.relative(str(repository / "x")) == "x"
    assert found.relative("..") == "."
    assert found.relative("../..") == ".."
    assert found.relative("/nowhere").startswith("../")
    assert found.shown("sub/deep/x") == "deep/x"
    assert found.shown("x") == "../x"


def test_paths_through_a_link(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to the repository may go through a link; the last part of a path is what the user means."""
    found = repos.open(str(repository))
    link = repository.with_name("link")
    link.symlink_to(repository)
    (repository / "to").symlink_to("/")
    assert found.relative(str(link / "sub/x")) == "sub/x"
    assert found.relative(str(link / "to")) == "to"
    monkeypatch.chdir(link)
    assert found.relative("x") == "x"


def test_reading_needs_no_git(repository: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding Git and reading HEAD start no process."""
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **_: started.append(args))
    monkeypatch.setattr(os, "posix_spawn", lambda *args, **_: started.append(args))
    git = repos.open(str(repository)).git
    assert git is not None
    assert git.head()
    assert started == []
