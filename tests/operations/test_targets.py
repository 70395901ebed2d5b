"""What the user names, as paths of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_versioning.errors import PathError
from data_versioning.operations import targets, wildcards
from tests.operations.work import Work
from tests.oracle import Sandbox, Tool, copy_repository, difference, snapshot
from tests.tracking import with_remote


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


@pytest.mark.parametrize("name", ["a", "a/b.dvc", "sub/dvc.yaml:train", "sub/dvc.yaml:each@x/y", "gone/file"])
def test_absolute_names(work: Work, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    link = work.root.parent / "link"
    link.symlink_to(work.root)
    (work.root / "sub").mkdir()
    tops = (work.root, link, work.root / "sub/..")
    assert targets.named(work.repo(), [f"{top}/{name}" for top in tops]) == [name] * 3
    monkeypatch.chdir(link / "sub")
    assert targets.named(work.repo(), [f"{link}/{name}"]) == [os.path.relpath(name, "sub")]


def test_names_that_stay(work: Work) -> None:
    names = ["train", "../x", "dvc.yaml:train", "a//b", "/etc/passwd", f"{work.root}-2/a"]
    assert targets.named(work.repo(), names) == names


def test_the_root_by_another_name(work: Work) -> None:
    (work.root.parent / "link").symlink_to(work.root)
    for top in (work.root, work.root.parent / "link"):
        assert targets.named(work.repo(), [f"{top}", f"{top}/"]) == [".", "."]


COMMANDS = (
    ("status", "--json"),
    ("data", "status", "--json"),
    ("push",),
    ("fetch",),
    ("commit", "-f"),
    ("checkout",),
    ("pull",),
    ("remove",),
)
PIPELINE = "stages:\n  make:\n    cmd: cp ../lone out\n    deps: [../lone]\n    outs: [out]\n"


def test_every_command_takes_absolute_names(
    work: Work, sandbox: Sandbox, place: Path, dvc: Tool, dv: Tool
) -> None:
    """As the real DVC, from any directory; and, unlike it, through a link to the repository."""
    with_remote(work.root, sandbox, dvc)
    for name in ("sub/data/a", "lone"):
        work.write(name, name)
    work.write("sub/dvc.yaml", PIPELINE)
    work.add("sub/data", "lone")
    dvc(work.root, "repro", "-q", "sub/dvc.yaml").ok()
    work.save()
    theirs = copy_repository(work.root, place / "theirs")
    linked = place / "linked"
    linked.symlink_to(copy_repository(work.root, place / "real"))
    for command in COMMANDS:
        part = () if command == ("remove",) else ("sub/data/a",)
        for name in (*part, "sub/data.dvc", "sub/dvc.yaml:make"):
            for root in (theirs, work.root, linked) if command in {("checkout",), ("pull",)} else ():
                sandbox.git(root, "clean", "-fdxq", "-e", ".dvc")
            done = [
                tool(root / "sub", *command, f"{root}/{name}").ok()
                for tool, root in ((dvc, theirs), (dv, work.root), (dv, linked))
            ]
            if "--json" in command:
                assert done[0].json == done[1].json == done[2].json
            found = [
                snapshot(root, private=(".git", ".dvc/tmp", ".dvc/cache"))
                for root in (theirs, work.root, linked.resolve())
            ]
            assert difference(found[0], found[1]) == difference(found[0], found[2]) == {}, (command, name)
