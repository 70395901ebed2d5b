"""`add` and `commit`: every option and situation leaves the same bytes as DVC's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.trees import Change, Kind
from tests.compat.twins import Twins
from tests.oracle import Sandbox, Tool


def test_add_again_changes_nothing(tracked: Twins) -> None:
    tracked.run("add", "data")
    tracked.run("add", "model.bin", "data")
    tracked.refuse("add", "data.dvc")


def test_add_of_one_file_inside_a_tracked_directory(tracked: Twins) -> None:
    tracked.write("data/inner/c", "changed\n")
    tracked.write("data/new", "new\n")
    tracked.run("add", "data/inner/c")
    tracked.run("add", "data/new")
    tracked.write("data/inner/deep/d", "changed as well\n")
    tracked.run("add", "data/inner")


def test_add_no_commit_then_commit(twins: Twins) -> None:
    twins.write("data/x", "x")
    twins.write("file", "file")
    twins.run("add", "--no-commit", "data", "file")
    twins.run("commit")
    twins.write("data/x", "y")
    twins.write("data/z", "z")
    twins.refuse("commit")
    twins.run("commit", "-f")
    twins.write("file", "again")
    twins.run("commit", "-f", "file.dvc")


def test_out(twins: Twins) -> None:
    """DVC leaves its temporary copies in the cache (`.dvc/cache/files/md5/.TOKEN.tmp`); ours may not."""
    twins.write("source/x", "x")
    twins.write("source/y", "y")
    twins.each("add", "source", "--out", "copied")
    for player in twins.players:
        player.run("add", str(player.root.parent / "outside/file"), "--out", "from outside").ok()
    leftovers = [list((player.root / ".dvc/cache/files/md5").glob(".*.tmp")) for player in twins.players]
    assert leftovers[0], "DVC tidies up now: the exception is no longer needed"
    assert leftovers[1] == []
    for path in leftovers[0]:
        path.unlink()
    twins.compare("--out")


def test_glob(twins: Twins) -> None:
    for name in ("deep/one.csv", "deep/x.csv", "deep/more/three.csv", "deep/four.txt"):
        twins.write(name, name)
    twins.run("add", "--glob", "deep/**/t*.csv")
    twins.run("add", "--glob", "d??p/*.txt", "deep/o*")
    twins.delete("deep/four.txt.dvc")
    twins.run("add", "deep/four.txt")


def test_force_is_accepted(tracked: Twins) -> None:
    tracked.write("data/a", "forced")
    tracked.run("add", "-f", "data")


@pytest.mark.parametrize("text", ["", "[]"])
def test_empty_things(twins: Twins, text: str) -> None:
    twins.write("empty", text)
    twins.edit("hollow", Change(Kind.EMPTY_DIRECTORY, ""))
    twins.edit("nested", Change(Kind.EMPTY_DIRECTORY, ""), Change(Kind.EMPTY_DIRECTORY, "a/b/c"))
    twins.run("add", "empty", "hollow", "nested")
    for name in ("empty", "hollow", "nested"):
        twins.delete(name)
    twins.run("checkout")


def test_executable_file(twins: Twins) -> None:
    twins.write("tool", "#!/bin/sh\n", executable=True)
    twins.write("tools/run", "#!/bin/sh\n", executable=True)
    twins.run("add", "tool", "tools")
    twins.delete("tool")
    twins.delete("tools")
    twins.run("checkout")
    twins.write("tool", "#!/bin/sh\n")
    twins.run("add", "tool")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666, 0o755, 0o700, 0o777, 0o400])
def test_modes_of_the_user(twins: Twins, mode: int) -> None:
    twins.write("file", "in a file")
    twins.write("data/inner", "in a directory")
    for player in twins.players:
        (player.root / "file").chmod(mode)
        (player.root / "data/inner").chmod(mode)
    twins.run("add", "file", "data")
    twins.run("checkout", "--relink")


@pytest.mark.parametrize("cache_type", ["copy", "hardlink", "symlink"])
def test_a_link_that_leads_outside(
    sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, place: Path, cache_type: str
) -> None:
    twins = Twins.make((dvc, dv), sandbox, template, place, cache_type=cache_type)
    twins.edit("data", Change(Kind.LINK, "link", b"<outside>/file"), Change(Kind.WRITE, "file", b"x"))
    twins.run("add", "data")


def test_pointer_with_comments_keeps_them(tracked: Twins) -> None:
    for player in tracked.players:
        pointer = player.root / "data.dvc"
        text = pointer.read_text().replace("outs:", "# our data\ndesc: 'quoted'   # why\nouts:\n# the list")
        pointer.write_text(text + "meta:\n  anything: [1, 2,\n    {a: b}]   # kept\n\n# last line\n")
    tracked.write("data/a", "changed")
    tracked.run("add", "data")


def test_gitignore_in_every_shape(twins: Twins) -> None:
    for number, text in enumerate(
        ["*.log", "*.log\n", "/data5\n", "# only a comment", "\r\n/x\r\n", "data5\n", ""]
    ):
        twins.write(f"d{number}/.gitignore", text)
        twins.write(f"d{number}/data5", str(number))
        twins.run("add", f"d{number}/data5")
    twins.run(
        "remove",
        "d0/data5.dvc",
        "d1/data5.dvc",
        "d2/data5.dvc",
        "d3/data5.dvc",
        "d4/data5.dvc",
        "d6/data5.dvc",
    )


def test_dvcignore(twins: Twins) -> None:
    twins.write(
        ".dvcignore",
        "*.tmp\n!keep.tmp\n/data/skip/\n  spaced  \n#no\n\\#yes\nfo?\n[xy]z\n**/deep/*.bin\ninner/\n",
    )
    names = (
        "a.tmp",
        "keep.tmp",
        "skip/x",
        "spaced",
        "#yes",
        "foo",
        "xz",
        "zz",
        "q/deep/1.bin",
        "q/inner/x",
        "real",
    )
    for name in names:
        twins.write(f"data/{name}", name)
    twins.write("other/skip/x", "x")
    twins.run("add", "data", "other")
    twins.write("data/more.tmp", "ignored")
    twins.compare("an ignored file came")
    twins.delete("data/real")
    twins.run("checkout", "-f")
    twins.write(".dvcignore", "*.bin\n")
    twins.compare("rules changed")
    twins.run("add", "data")


def test_nested_dvcignore(twins: Twins) -> None:
    twins.write("sub/.dvcignore", "*.csv\n!b.csv\n")
    for name in ("sub/data/a.csv", "sub/data/b.csv", "sub/data/c.txt", "top/a.csv"):
        twins.write(name, name)
    twins.run("add", "sub/data", "top")


def test_dvcignore_inside_the_data_is_refused(twins: Twins) -> None:
    twins.write("data/x", "x")
    twins.write("data/.dvcignore", "*.tmp\n")
    before = twins.ours.disk()
    assert all(player.run("add", "data").code for player in twins.players)
    assert twins.ours.disk() == before
