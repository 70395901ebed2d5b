from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.git import process
from data_versioning.git.repository import Git
from data_versioning.git.source import Revision
from data_versioning.paths import RepoPath
from data_versioning.source import Source


def write(root: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return list(files)


def test_a_revision_below_a_prefix(root: Path, git: Git) -> None:
    names = write(root, {"p/a.dvc": "1", "p/s/b": "2", "pq/c": "3", "d": "4"})
    first = git.commit(names, "one")
    assert first
    (root / "p/a.dvc").write_text("changed")
    git.commit(["p/a.dvc"], "two")
    source: Source = Revision(git, first, "p")

    assert list(source.walk()) == ["a.dvc", "s/b"]
    assert source.read(RepoPath("a.dvc")) == b"1"
    assert [source.exists(RepoPath(path)) for path in ("a.dvc", "s", "s/b", "c", "d")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(FileNotFoundError):
        source.read(RepoPath("d"))
    with pytest.raises(FileNotFoundError):
        source.read(RepoPath("s"))
    assert list(Revision(git, first).walk()) == ["d", "p/a.dvc", "p/s/b", "pq/c"]


def test_many_files_at_once(root: Path, git: Git) -> None:
    first = git.commit(write(root, {"a": "1", "b\nc": "2"}), "one")
    assert first
    paths = [RepoPath(path) for path in ("b\nc", "none", "a")]
    assert Revision(git, first).read_many(paths) == [b"2", None, b"1"]


def test_a_project_is_read_at_once(root: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a.dvc", "s/b.dvc", "dvc.yaml", "s/dvc.lock", "s/.dvcignore"]
    first = git.commit(write(root, dict.fromkeys(names, "x")), "one")
    assert first
    source = Revision(git, first)
    assert source.read(RepoPath("a.dvc")) == b"x"
    monkeypatch.setattr(process, "attempt", lambda *_, **__: pytest.fail("one process more"))
    assert [source.read(RepoPath(name)) for name in names] == [b"x"] * 5
    with pytest.raises(FileNotFoundError):
        source.read(RepoPath("dvc.lock"))
