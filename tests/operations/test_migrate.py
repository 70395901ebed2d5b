"""From DVC 2 to DVC 3: what DVC makes of it, but nothing is taken from the workspace, and directories stay whole."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from data_versioning.formats import dirfile
from data_versioning.operations import gc as gcs
from data_versioning.operations import migrate
from data_versioning.operations.migrate import MigrateResult
from tests.operations.work import Work, digest
from tests.oracle import Tool, copy_repository, difference, snapshot

CRLF = b"one\r\ntwo\r\n"
BINARY = bytes(range(256)) * 4
LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: train
    deps:
    - path: plain
      md5: {plain}
      size: 4
    outs:
    - path: model
      md5: {model}
      size: 10
"""
PIPELINE = "stages:\n  train:\n    cmd: train\n    deps: [plain]\n    outs: [model]\n"


def run(work: Work, **options: bool) -> MigrateResult:
    return migrate.migrate(work.repo(), **options)


def put_tree(work: Work, files: dict[str, bytes]) -> str:
    """A directory as DVC 2 left it."""
    tree = dirfile.dump(list(files), [work.put_legacy(content) for content in files.values()])
    return work.put_legacy(tree, digest(tree) + ".dir")


@pytest.fixture
def old(work: Work) -> Work:
    """A directory, a file with DOS line ends, a plain one, and a pipeline, all checked out; and a file of today."""
    work.write("today", "today")
    work.add("today")
    plain = work.put_legacy(b"text")
    work.write("plain.dvc", f"# mine\nouts:\n- md5: {plain}\n  size: 4\n  path: plain\n")
    work.write("dos.dvc", f"outs:\n- md5: {work.put_legacy(CRLF)}\n  size: 10\n  path: dos\n")
    tree = put_tree(work, {"b": BINARY, "in/a": b"a"})
    work.write("tree.dvc", f"outs:\n- md5: {tree}\n  size: 1025\n  nfiles: 2\n  path: tree\n")
    work.write("dvc.yaml", PIPELINE)
    work.write("dvc.lock", LOCK.format(plain=plain, model=work.put_legacy(b"x\r\n1234567")))
    work.write(".gitignore", "/plain\n/dos\n/tree\n/model\n/today\n")
    work.checkout()
    work.settle()
    return work


def test_as_dvc_does(old: Work, dv: Tool, dvc: Tool) -> None:
    theirs = copy_repository(old.root, old.root.parent / "theirs")
    for options in (("--dry",), ("--dry", "--dvc-files"), (), ("--dvc-files",)):
        told = [
            tool(root, "cache", "migrate", *options).ok().out
            for tool, root in ((dvc, theirs), (dv, old.root))
        ]
        lines = [
            sorted(line for line in text.split("\n") if not re.search("[gG]it|stag|^$", line))
            for text in told
        ]
        assert lines[0] == lines[1], options
    # DVC also fills its run cache. A listing is a small file of its own; DVC links it to the old one.
    left, right = (
        {
            name: replace(entry, same=()) if name.endswith(".dir") else entry
            for name, entry in snapshot(root).items()
            if not name.startswith(".dvc/cache/runs")
        }
        for root in (theirs, old.root)
    )
    assert not difference(left, right)
    for tool in (dvc, dv):
        assert tool(old.root, "status", "--json").json == {}


def test_nothing_is_copied_and_the_second_time_nothing_is_read(
    old: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(old, dry=True).migrated == 6
    assert run(old) == MigrateResult(migrated=6, dry=False)
    for content in (CRLF, BINARY, b"text"):
        path = old.object(content)
        assert path.stat().st_nlink == 2
        assert path.read_bytes() == content
    monkeypatch.setattr(migrate.ObjectCache, "_adopt", None)
    assert run(old, dry=True).migrated == 0
    before = old.everything()
    monkeypatch.undo()
    assert run(old) == MigrateResult(migrated=0, dry=False)
    assert old.everything() == before


def test_a_directory_with_dos_text_is_whole(work: Work, dvc: Tool) -> None:
    """DVC copies the old listing, whose names are not those of the new objects."""
    tree = put_tree(work, {"dos": CRLF, "same": b"same"})
    work.write("d.dvc", f"outs:\n- md5: {tree}\n  size: 14\n  nfiles: 2\n  path: d\n")
    work.checkout()
    assert run(work, dvc_files=True).migrated == 3
    listing = dirfile.dump(["dos", "same"], [digest(CRLF), digest(b"same")])
    assert work.pointer("d.dvc") == {
        "md5": digest(listing) + ".dir", "size": 14, "nfiles": 2, "hash": "md5", "path": "d",
    }  # fmt: skip
    gcs.gc(work.repo(), gcs.Scope(workspace=True))
    work.delete("d")
    dvc(work.root, "checkout").ok()
    assert work.files("d") == {"dos": CRLF, "same": b"same"}


def test_what_was_changed_in_the_workspace_is_not_recorded(old: Work) -> None:
    old.write("plain", "changed")
    old.write("tree/in/a", "changed")
    run(old, dvc_files=True)
    assert old.pointer("plain.dvc")["md5"] == digest(b"text")
    assert old.read("plain.dvc").startswith(b"# mine\n")
    assert set(old.status()) == {"plain.dvc", "tree.dvc", "train"}


def test_links_lead_to_new_objects(old: Work) -> None:
    old.configure(type="symlink")
    old.checkout(relink=True)
    assert (old.root / "tree/b").is_symlink()
    run(old, dvc_files=True)
    gcs.gc(old.repo(), gcs.Scope(workspace=True))
    assert not old.named(digest(CRLF.replace(b"\r\n", b"\n")), legacy=True).exists()
    assert (old.read("dos"), old.files("tree")) == (CRLF, {"b": BINARY, "in/a": b"a"})
    assert old.status() == {}


def test_data_that_is_not_in_the_cache(old: Work) -> None:
    """It is taken from the workspace if that is what is recorded, else the pointer stays."""
    for path in Path(old.cache.base).glob("??/*"):
        path.unlink()
    old.write("plain", "changed")
    before = old.read("plain.dvc")
    result = run(old, dvc_files=True)
    assert result.left == ("plain",)
    assert old.read("plain.dvc") == before
    assert (old.pointer("dos.dvc")["md5"], old.object(CRLF).exists()) == (digest(CRLF), True)


def test_incomplete_and_damaged(work: Work) -> None:
    tree = put_tree(work, {"a": b"a", "b": b"b"})
    work.named(digest(b"a"), legacy=True).unlink()
    wrong = work.put_legacy(b"wrong", "ab" * 16)
    work.named(wrong, legacy=True).chmod(0o644)
    result = run(work)
    assert (result.migrated, result.damaged, result.incomplete) == (1, (wrong,), (tree,))
    assert list(work.objects()) == [digest(b"b")]


def test_nothing_to_do(work: Work, dv: Tool) -> None:
    work.write("new", "new")
    work.add("new")
    before = work.everything()
    assert run(work, dvc_files=True) == MigrateResult(migrated=0, dry=False)
    assert work.everything() == before
    out = dv(work.root, "cache", "migrate", "--dvc-files", "--json").ok().json
    assert out == {"migrated": 0, "files": [], "damaged": [], "incomplete": [], "left": [], "dry": False}


def test_killed_at_any_moment(work: Work) -> None:
    """What is there is right, pointers name only what exists, and the next run completes it."""
    contents = {f"f{number:03}": f"{number}\r\n".encode() * 20 for number in range(300)}
    tree = put_tree(work, contents)
    work.write("d.dvc", f"outs:\n- md5: {tree}\n  path: d\n")
    before = work.read("d.dvc")
    command = [sys.executable, "-m", "data_versioning", "cache", "migrate", "--dvc-files"]
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4):
        process = subprocess.Popen(
            command, cwd=work.root, env=work.sandbox.environment(), stdout=subprocess.DEVNULL
        )
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        for path in Path(work.cache.root()).rglob("*"):
            if path.is_file() and path.stat().st_mode & 0o777 == 0o444:
                assert digest(path.read_bytes()) == (path.parent.name + path.name)[:32]
        if work.read("d.dvc") != before:
            assert work.cache.read_tree(migrate.ObjectId(str(work.pointer("d.dvc")["md5"])))
    run(work, dvc_files=True)
    assert work.checkout().added == ("d/",)
    assert work.files("d") == contents
    assert str(work.pointer("d.dvc")["hash"]) == "md5"
