"""What the user names, as paths of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_versioning.errors import PathError
from data_versioning.operations import targets, wildcards
from tests.operations.work import Work


def test_the_current_directory(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = work.repo()
    assert targets.base(repo) == ""
    (work.root / "a/b").mkdir(parents=True)
    monkeypatch.chdir(work.root / "a/b")
    assert targets.base(repo) == "a/b"
    monkeypatch.chdir(work.root.parent)
    assert targets.base(repo) == ""
    (work.root.parent / "link").symlink_to(work.root / "a")
    monkeypatch.chdir(work.root.parent / "link")
    assert targets.base(repo) == "a"


def test_a_directory_beside_the_repository(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name begins as the repository's does."""
    beside = work.root.with_name(work.root.name + "-2")
    beside.mkdir()
    monkeypatch.chdir(beside)
    assert targets.base(work.repo()) == ""
    with pytest.raises(PathError, match="outside"):
        targets.inside(work.repo(), "file")


@pytest.mark.parametrize(
    ("name", "path"), [("a", "a"), ("./a/../b//c/", "b/c"), ("..data", "..data"), ("a b", "a b"), ("é", "é")]
)
def test_inside(work: Work, name: str, path: str) -> None:
    assert targets.inside(work.repo(), name) == path
    assert targets.inside(work.repo(), f"{work.root}/{name}") == path


@pytest.mark.parametrize(
    "name", ["..", "../x", "a/../../x", "/", "/etc/passwd", ".", "", ".dvc", ".git/x", ".dvc/tmp"]
)
def test_what_is_not_the_users(work: Work, name: str) -> None:
    with pytest.raises(PathError) as refused:
        targets.inside(work.repo(), name)
    assert refused.value.hint or "own files" in str(refused.value)


def test_a_name_that_a_pointer_cannot_hold(work: Work) -> None:
    with pytest.raises(PathError, match="UTF-8"):
        targets.inside(work.repo(), os.fsdecode(b"\xff"))


def test_behind_a_link(work: Work) -> None:
    (work.root / "a").mkdir()
    (work.root / "a/link").symlink_to("/")
    (work.root / "file-link").symlink_to("a")
    with pytest.raises(PathError, match="a/link"):
        targets.inside(work.repo(), "a/link/x")
    assert targets.inside(work.repo(), "file-link") == "file-link"


def test_wildcards(work: Work) -> None:
    for name in ("a.csv", "b.csv", "sub/c.csv", "[x].csv"):
        work.write(name)
    assert wildcards.expand(["*.csv", "a*"], glob=True) == ["[x].csv", "a.csv", "b.csv"]
    assert wildcards.expand(["**/*.csv"], glob=True) == ["[x].csv", "a.csv", "b.csv", "sub/c.csv"]
    assert wildcards.expand(["*.csv", "a*"], glob=False) == ["*.csv", "a*"]
    with pytest.raises(PathError) as nothing:
        wildcards.expand(["a.csv", "*.txt"], glob=True)
    assert nothing.value.hint
    assert Path("a.csv").exists()
