"""Renaming tracked data: as the real DVC does it, and safe whenever it is killed."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Callable

import pytest

from data_versioning.errors import DataVersioningError, DiskError
from data_versioning.operations import move
from data_versioning.operations.move import MoveResult
from tests.operations.work import Work, digest
from tests.oracle import Sandbox, Tool, copy_repository, difference, snapshot
from tests.tracking import records

ASIDE = (".git", ".dvc/tmp", ".dvc/cache")
NOTES = """\
# why
outs:
- md5: {md5}
  size: 4
  hash: md5
  path: lone  # here
  desc: one
  labels:
  - a
meta:
  by: me
"""


def run(work: Work, source: str, target: str) -> MoveResult:
    return move.move(work.repo(), source, target)


@pytest.fixture
def data(work: Work) -> Work:
    for name in ("a", "in/b"):
        work.write(f"data/{name}", name)
    work.write("lone", "lone")
    work.add("data", "lone")
    work.write("lone.dvc", NOTES.format(md5=digest("lone")))
    (work.root / "sub").mkdir()
    work.save()
    return work


CARRIED_OUT = [
    [("lone", "new")],
    [("lone", "sub/"), ("sub/lone", "."), ("data", "sub/deep")],
    [("data", "more"), ("more", "sub/more")],
]
REFUSED = [
    [("lone", "data/in/lone")],
    [("lone", "nowhere/lone")],
    [("lone", "../lone")],
    [("lone", "lone")],
    [("lone", "data")],
    [("data/a", "a")],
    [("lone.dvc", "new.dvc")],
    [("nothing", "new")],
    [("kept", "sub")],
    [("data", "data/in")],
]


@pytest.mark.parametrize(
    ("moves", "autostage"),
    [*((moves, False) for moves in CARRIED_OUT + REFUSED), *((moves, True) for moves in CARRIED_OUT)],
    ids=str,
)
def test_as_dvc(
    data: Work, sandbox: Sandbox, dvc: Tool, dv: Tool, moves: list[tuple[str, str]], autostage: bool
) -> None:
    data.write("kept", "x")
    data.write("lone.dvc", NOTES.format(md5=digest("lone")).replace("# why\n", "").replace("  # here", ""))
    if autostage:
        data.write(".dvc/config", "[core]\n    autostage = true\n[cache]\n    type = copy\n")
    data.save()
    theirs = copy_repository(data.root, data.root.parent / "theirs")
    for pair in moves:
        codes = [tool(root, "move", *pair).code for tool, root in ((dvc, theirs), (dv, data.root))]
        assert codes[0] == codes[1], pair
    assert difference(snapshot(theirs, private=ASIDE), snapshot(data.root, private=ASIDE)) == {}
    assert sandbox.git(theirs, "status", "--porcelain") == data.git("status", "--porcelain")
    assert dvc(data.root, "status", "--json").json == {}


def test_comments_and_annotations_stay(data: Work) -> None:
    assert run(data, "lone", "sub").edited == ("sub/.gitignore", "sub/lone.dvc", ".gitignore", "lone.dvc")
    assert data.read("sub/lone.dvc").decode() == NOTES.format(md5=digest("lone"))
    run(data, "sub/lone", "named")
    assert "path: named # here" in data.read("named.dvc").decode()
    assert "# why" in data.read("named.dvc").decode()


def test_nothing_is_read_or_written_again(data: Work) -> None:
    data.settle()
    data.status()
    before = (data.root / "data/in/b").stat()
    run(data, "data", "moved")
    after = (data.root / "moved/in/b").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    known = data.repo().stats
    assert known.tree("moved") is not None
    assert known.tree("data") is None
    assert "moved" in known.outputs()


def test_changed_data_is_still_changed(data: Work) -> None:
    data.write("data/a", "mine")
    run(data, "data", "moved")
    assert data.read("moved/a") == b"mine"
    assert data.pointer("moved.dvc")["path"] == "moved"
    assert data.data_status().uncommitted.modified == ("moved/",)


def test_data_that_is_not_there(data: Work) -> None:
    data.delete("lone")
    assert run(data, "lone", "new").is_missing
    data.checkout()
    assert data.read("new") == b"lone"


def test_the_pointer_of_an_import(work: Work) -> None:
    work.write("in/source", "x")
    deps = "- path: source\n  md5: {0}\n  hash: md5\n- path: https://example.org/x\n"
    outs = "- md5: {0}\n  hash: md5\n  path: got\n"
    text = f"md5: {digest('old')}\nfrozen: true\ndeps:\n{deps}outs:\n{outs}"
    work.write("in/got.dvc", text.format(digest("x")))
    work.write("in/got", "x")
    (work.root / "out/deep").mkdir(parents=True)
    run(work, "in/got", "out/deep")
    moved = work.read("out/deep/got.dvc").decode()
    assert "- path: ../../in/source\n" in moved
    assert "- path: https://example.org/x\n" in moved
    assert digest("old") not in moved


def test_a_pointer_elsewhere_stays_there(data: Work) -> None:
    data.write("far/x", "x")
    data.write("far/y", "y")
    entries = "".join(f"- md5: {digest(name)}\n  hash: md5\n  path: {name}\n" for name in "xy")
    data.write("x.dvc", f"wdir: far\nouts:\n{entries}")
    data.commit()
    result = run(data, "far/x", "sub/z")
    assert (result.pointer, data.read("sub/z")) == ("x.dvc", b"x")
    assert "path: ../sub/z\n" in data.read("x.dvc").decode()
    assert data.status("far/y", "sub/z") == {}
    with pytest.raises(DataVersioningError, match="overlaps 'far/y'"):
        run(data, "sub/z", "far/y")


def test_stages_are_told(data: Work) -> None:
    data.write(
        "dvc.yaml", "stages:\n  s:\n    cmd: make\n    deps: [data/a, https://x.org/a]\n    outs: [model]\n"
    )
    assert run(data, "data", "moved").readers == ("s",)
    with pytest.raises(DataVersioningError, match="stage s"):
        run(data, "model", "other")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("there", "exists already"),
        ("taken", "exists already"),
        ("other", "overlaps 'other'"),
        ("other/in", "not a directory"),
        ("hidden/x", "ignored by .dvcignore"),
        ("unseen/x", "Git ignores"),
        ("link/x", "symbolic link"),
        ("x.dvc", "name of a pointer file"),
        (".dvc/x", "own files"),
        ("../x", "outside of the repository"),
        ("nowhere/x", "mkdir -p nowhere"),
        ("ingit", "exists already"),
        ("nested/x", "another repository, 'nested'"),
    ],
)
def test_what_is_refused(data: Work, target: str, why: str) -> None:
    data.write("there", "mine")
    data.write("taken.dvc", "outs: []\n")
    data.write("ingit", "x")
    data.write("other", "x")
    data.add("other")
    data.write(".dvcignore", "hidden\n")
    data.write(".gitignore", data.read(".gitignore") + b"unseen\n")
    for name in ("hidden", "unseen", "real", "nested/.dvc"):
        (data.root / name).mkdir(parents=True)
    (data.root / "link").symlink_to(data.root / "real")
    before = data.everything()
    with pytest.raises(DataVersioningError) as refused:
        run(data, "lone", target)
    assert why in f"{refused.value} {refused.value.hint}"
    assert refused.value.hint
    assert data.everything() == before
    assert records(data.root)[-1]["outcome"] == "failed"


def test_a_move_that_the_disk_refuses_leaves_no_trace(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    before = data.everything()
    rename = os.rename

    def refuse(source: str, target: str) -> None:
        if source.endswith("/lone"):
            raise PermissionError(13, "Permission denied", source)
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(DiskError, match="Permission denied"):
        run(data, "lone", "sub")
    assert data.everything() == before


@pytest.mark.parametrize("name", ["lone", "data"])
def test_onto_another_file_system(data: Work, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (data.root / "data/link").symlink_to("a")
    rename = os.rename

    def refuse(source: str, target: str) -> None:
        if source.endswith(f"/{name}"):
            raise OSError(18, "Invalid cross-device link", source)
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    files = data.files(name)
    run(data, name, "sub/moved")
    assert data.files("sub/moved") == files
    assert not (data.root / name).exists()
    assert not list(data.root.rglob("*.tmp"))


def _killed(work: Work, number: int, action: Callable[[], object]) -> bool:
    """Do something in a process that dies right before its `number`-th change of a name; whether it died."""
    child = os.fork()
    if not child:
        counter = itertools.count()

        def dying(real: Callable[..., None]) -> Callable[..., None]:
            def call(*args: str, **options: object) -> None:
                # Names that only save time do not count, nor does the record, after the end: a kill there is a kill
                # elsewhere.
                if (
                    str(args[0]).startswith(str(work.root))
                    and not re.search(r"/\.dvc/|/\.git/dv/", str(args[0]))
                    and next(counter) == number
                ):
                    os._exit(9)
                real(*args, **options)

            return call

        for name in ("rename", "unlink", "link"):
            setattr(os, name, dying(getattr(os, name)))
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize(
    ("source", "target", "end"),
    [("data", "moved", "moved"), ("lone", "sub", "sub/lone"), ("far/x", "sub/x", "sub/x")],
)
def test_killed_and_run_again(data: Work, source: str, target: str, end: str) -> None:
    data.write("far/x", "x")
    data.write("pointer.dvc", f"wdir: far\nouts:\n- md5: {digest('x')}\n  hash: md5\n  path: x\n")
    data.commit()
    expected = data.files(source) or data.read(source)
    frozen = copy_repository(data.root, data.root.parent / "frozen")
    killed = 0
    while True:
        shutil.rmtree(data.root)
        copy_repository(frozen, data.root)
        os.chdir(data.root)
        if not _killed(data, killed, lambda: run(data, source, target)):
            break
        killed += 1
        places = [path for path in (source, end) if (data.root / path).exists()]
        assert len(places) == 1
        assert (data.files(places[0]) or data.read(places[0])) == expected
        run(data, source, target)
        assert data.status() == {}
        assert (data.files(end) or data.read(end)) == expected
        assert not (data.root / source).exists()
        assert f"/{source}\n" not in data.read(".gitignore").decode()
    assert killed >= 3


def test_the_command(data: Work, dv: Tool) -> None:
    data.write("dvc.yaml", "stages:\n  s:\n    cmd: make\n    deps: [lone]\n")
    done = dv(data.root, "mv", "lone", "sub").ok()
    assert "moved: lone -> sub/lone" in done.out
    assert "git add sub/.gitignore sub/lone.dvc .gitignore lone.dvc" in done.out
    assert "stage s still reads 'lone'" in done.err
    assert dv(data.root, "move", "--json", "sub/lone", ".").json["path"] == "lone"
    refused = dv(data.root, "move", "nothing", "x")
    assert refused.code == 1
    assert "not tracked" in refused.err
