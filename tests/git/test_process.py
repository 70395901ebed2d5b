from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from data_versioning.errors import GitError
from data_versioning.git import process
from data_versioning.git.repository import Git
from tests.git.conftest import Shell


def test_git_is_not_installed(root: Path, git: Git, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("PATH", str(place))
    with pytest.raises(GitError, match="not installed") as caught:
        git.tags()
    assert caught.value.hint == "install Git 2.25 or newer"


def test_the_directory_is_gone(place: Path) -> None:
    with pytest.raises(GitError, match="not a directory any more"):
        process.run(str(place / "gone"), "status")


def test_git_speaks_for_itself(git: Git) -> None:
    with pytest.raises(GitError, match=r"^git log: fatal: .*does not have any commits yet") as caught:
        process.run(git.root, "log")
    assert caught.value.hint


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user's repository")
def test_a_repository_of_another_user(
    place: Path, root: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (root, root / ".git"):
        os.chown(path, nobody, -1)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(GitError, match="dubious ownership") as caught:
        git.is_dirty()
    assert caught.value.hint == f"git config --global --add safe.directory {git.root}"


def test_another_git_command_is_running(root: Path, git: Git, sh: Shell) -> None:
    (root / ".git/index.lock").touch()
    (root / "a").touch()
    with pytest.raises(GitError, match=r"index\.lock") as caught:
        git.stage(["a"])
    assert "wait" in str(caught.value.hint)
    assert not git.is_dirty()  # reading needs no lock


def test_nothing_asks_on_the_terminal_and_nothing_leads_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -q")
    env = process.environment({})
    assert env["GIT_TERMINAL_PROMPT"] == "0"
    assert env["GIT_SSH_COMMAND"] == "ssh -q"
    assert "GIT_DIR" not in env


def test_what_git_calls_local_is_dropped_except_settings(sh: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    local = set(sh("rev-parse", "--local-env-vars").split())
    for name in local:
        monkeypatch.setenv(name, "0")
    assert local & process.environment({}).keys() == {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}


def test_words_of_git_that_are_not_utf8(root: Path, git: Git) -> None:
    with pytest.raises(GitError, match="\udcff"):
        process.run(git.root, "switch", "\udcff")


def test_chunks() -> None:
    assert [len(group) for group in process.chunks([str(n) for n in range(2500)])] == [1000, 1000, 500]
    assert sys.getfilesystemencoding() == "utf-8"
    assert process.fields(process.lines(["a\nb", "\udcff"])) == ["a\nb", "\udcff"]
