"""Git repositories in a private home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data_versioning.git.repository import Git
from tests.oracle import Sandbox

Shell = Callable[..., str]


@pytest.fixture(autouse=True)
def _private_home(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def root(place: Path, sandbox: Sandbox) -> Path:
    """The top of a repository without commits."""
    path = place / "work"
    sandbox.git(place, "init", "--quiet", str(path))
    return path


@pytest.fixture
def git(root: Path) -> Git:
    found = Git.find(str(root))
    assert found is not None
    return found


@pytest.fixture
def sh(sandbox: Sandbox, root: Path) -> Shell:
    """Run a Git command there, return what it says."""

    def run(*args: str, cwd: Path = root) -> str:
        return sandbox.git(cwd, *args)

    return run
