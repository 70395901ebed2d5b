"""The words that shells complete."""

from __future__ import annotations

import pytest

from data_versioning.operations import complete
from data_versioning.operations.complete import Kind
from tests.operations.work import Work


@pytest.fixture
def tracked(work: Work) -> Work:
    """Data, a file with a strange name, two stages, a remote; one of the outputs is not there."""
    for name in ("data/1", "sub/file", "two\nlines"):
        work.write(name, name)
    work.add("data", "sub/file", "two\nlines")
    (work.root / "sub/file").unlink()
    work.write("dvc.yaml", "stages:\n  train: {cmd: train, outs: [model]}\n")
    work.write("sub/dvc.yaml", "stages:\n  clean: {cmd: clean, outs: [clean.csv]}\n")
    work.write(".dvc/config", "['remote \"store\"']\n    url = /store\n")
    return work


@pytest.mark.parametrize(
    ("kind", "directory", "words"),
    [
        (Kind.TARGETS, ".", ["data", "model", "sub/clean.csv", "sub/file"]),
        (Kind.TARGETS, "sub", ["../data", "../model", "clean.csv", "file"]),
        (Kind.STAGES, ".", ["data.dvc", "sub/dvc.yaml:clean", "sub/file.dvc", "train"]),
        (Kind.STAGES, "sub", ["../data.dvc", "../dvc.yaml:train", "clean", "file.dvc"]),
        (Kind.REMOTES, ".", ["store"]),
    ],
)
def test_what_the_repository_holds(
    tracked: Work, monkeypatch: pytest.MonkeyPatch, kind: Kind, directory: str, words: list[str]
) -> None:
    monkeypatch.chdir(tracked.root / directory)
    assert complete.words(tracked.repo(), kind) == words


def test_branches_and_tags(work: Work) -> None:
    work.git("branch", "topic/one")
    work.git("tag", "-a", "v1", "-m", "v1")
    assert {"topic/one", "v1"} < set(complete.words(work.repo(), Kind.REVISIONS))


def test_without_git_there_are_no_revisions(work: Work) -> None:
    work.write(".dvc/config", "[core]\n    no_scm = true\n")
    assert complete.words(work.repo(), Kind.REVISIONS) == []
