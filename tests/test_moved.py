"""A repository that is somewhere else now: moved, copied, or reached by another path. Nothing kept leads back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.operations.work import Work
from tests.oracle import Sandbox, difference, snapshot

pytestmark = pytest.mark.usefixtures("private_home")


@pytest.fixture
def work(repository: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A repository whose every kept file is warm."""
    work = Work(repository, sandbox)
    monkeypatch.chdir(repository)
    work.write("tree/a", "a")
    work.write("tree/in/b", "b")
    work.write("file", "file")
    work.write("dvc.yaml", "stages:\n  train:\n    cmd: train\n    deps: [file]\n    params: [lr]\n")
    work.write("params.yaml", "lr: 1\n")
    work.add("tree", "file")
    work.commit()
    work.save()
    warm(work)
    return work


def warm(work: Work) -> None:
    work.settle()
    for _ in range(2):
        work.status()
        work.data_status()
        work.checkout()


def run(*command: str | Path) -> None:
    subprocess.run(list(map(str, command)), check=True)


def moved(here: Path, there: Path) -> None:
    here.rename(there)


def alias(here: Path, there: Path) -> None:
    here.rename(there.with_name("real"))
    there.symlink_to("real")


COPIES: dict[str, Callable[[Path, Path], object]] = {
    "cp -r": lambda here, there: run("cp", "-r", here, there),
    "cp -a": lambda here, there: run("cp", "-a", here, there),
    "git clone and the cache": lambda here, there: (
        run("git", "clone", "-q", here, there),
        run("cp", "-a", here / ".dvc/cache", here / ".dvc/tmp", there / ".dvc"),
        run("cp", "-a", here / "tree", here / "file", there),
    ),
}
WAYS = {**COPIES, "mv": moved, "another path": alias}


@pytest.fixture
def elsewhere(work: Work, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Work]:
    def go(way: str) -> Work:
        there = work.root.parent / "deeper/elsewhere"
        there.parent.mkdir()
        WAYS[way](work.root, there)
        monkeypatch.chdir(there)
        return Work(there, work.sandbox)

    return go


@pytest.mark.parametrize("way", WAYS)
def test_it_is_what_it_was(elsewhere: Callable[[str], Work], way: str) -> None:
    there = elsewhere(way)
    for _ in range(2):
        assert there.status() == {}
        assert there.data_status().uncommitted.modified == ()
        assert there.checkout().is_empty
    assert there.repo().cache.base == f"{os.path.realpath(there.root)}/.dvc/cache"


@pytest.mark.parametrize("way", WAYS)
def test_changes_show(elsewhere: Callable[[str], Work], way: str) -> None:
    """Also those that leave size and modification time alone."""
    there = elsewhere(way)
    for name in ("tree/in/b", "file", "params.yaml"):
        path = there.root / name
        before = path.stat()
        there.write(name, path.read_bytes()[:-1] + b"2")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert set(there.status()) == {"tree.dvc", "file.dvc", "train"}
    there.delete("tree.dvc")
    assert set(there.status()) == {"file.dvc", "train"}


@pytest.mark.parametrize("way", COPIES)
def test_the_original_is_left_alone(work: Work, elsewhere: Callable[[str], Work], way: str) -> None:
    before = snapshot(work.root, private=(".git", ".dvc/tmp"))
    there = elsewhere(way)
    there.write("tree/in/b", "new")
    there.write("more", "more")
    there.add("tree", "more")
    there.delete("file")
    there.checkout()
    assert there.status() == {}
    assert not difference(before, snapshot(work.root, private=(".git", ".dvc/tmp")))
    shutil.rmtree(work.root)
    there.delete("tree")
    assert there.checkout().added == ("tree/",)
    assert there.files("tree") == {"a": b"a", "in/b": b"new"}


def test_symbolic_links_of_a_moved_repository(work: Work, elsewhere: Callable[[str], Work]) -> None:
    """They lead to where the cache was; a checkout makes them anew."""
    work.configure(type="symlink")
    work.checkout(relink=True)
    there = elsewhere("mv")
    there.checkout()
    assert there.files("tree") == {"a": b"a", "in/b": b"b"}
    assert there.read("file") == b"file"
    assert os.readlink(there.root / "file").startswith(str(there.root))
    assert there.status() == {}


def test_symbolic_links_of_a_copy(work: Work, elsewhere: Callable[[str], Work]) -> None:
    """They lead into the cache of the original until they are made anew."""
    work.configure(type="symlink")
    work.checkout(relink=True)
    there = elsewhere("cp -a")
    assert there.status() == {}
    there.checkout(relink=True)
    shutil.rmtree(work.root)
    assert there.files("tree") == {"a": b"a", "in/b": b"b"}
    assert there.status() == {}


def test_into_a_git_repository(place: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is ignored there was not ignored before."""
    root = place / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("")
    monkeypatch.chdir(root)
    work = Work(root, sandbox)
    work.write("hidden/data", "1")
    work.add("hidden/data")
    warm(work)
    assert len(work.status()) == 0
    work.write("hidden/data", "2")
    assert set(work.status()) == {"hidden/data.dvc"}
    warm_status = work.status()
    (place / ".gitignore").write_text("hidden/\n")
    assert work.status() == warm_status
    sandbox.git(place, "init", "-q")
    assert work.status() == {}
