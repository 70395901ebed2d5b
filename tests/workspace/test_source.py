"""The workspace as a source of project files."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.paths import RepoPath
from data_versioning.workspace.source import Workspace


@pytest.fixture
def source(place: Path) -> Workspace:
    for name in ("a.dvc", "sub/dvc.yaml", "sub/dvc.lock", "sub/.gitignore", "skipped/b.dvc", "params.yaml"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(name)
    (place / "nested/.dvc").mkdir(parents=True)
    (place / "nested/c.dvc").write_text("")
    return Workspace(str(place), skip=frozenset({b"skipped"}))


def test_files_of_the_project(source: Workspace) -> None:
    assert list(source.walk()) == ["a.dvc", "sub/.gitignore", "sub/dvc.lock", "sub/dvc.yaml"]


def test_reading(source: Workspace) -> None:
    assert source.read(RepoPath("a.dvc")) == b"a.dvc"
    with pytest.raises(FileNotFoundError):
        source.read(RepoPath("missing"))


def test_existence(source: Workspace) -> None:
    assert source.exists(RepoPath("sub"))
    assert source.exists(RepoPath("params.yaml"))
    assert not source.exists(RepoPath("missing"))


def test_what_was_asked_for_is_remembered(source: Workspace) -> None:
    """Also what is not there: when it appears, a compiled project is out of date."""
    source.read(RepoPath("a.dvc"))
    source.exists(RepoPath("missing"))
    with pytest.raises(FileNotFoundError):
        source.read(RepoPath("absent"))
    assert source.asked == {"a.dvc", "missing", "absent"}
