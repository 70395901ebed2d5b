"""Tracking files and directories: everything is checked first, then stored, then recorded."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import (
    Conflict,
    DataVersioningError,
    DiskError,
    FileChanged,
    NotTracked,
    Overlap,
    PathError,
    UsageError,
)
from data_versioning.formats import dirfile
from data_versioning.localfs import batch
from data_versioning.operations import add, linking
from data_versioning.operations.add import AddOptions
from data_versioning.operations.pointers import Annotations
from data_versioning.transaction import Transaction
from data_versioning.workspace.scan import Snapshot
from tests.operations.work import Work, digest
from tests.oracle import Tool
from tests.tracking import records

PIPELINE = "stages:\n  make:\n    cmd: echo x > out\n    outs: [out]\n"


def refused(
    work: Work, kind: type[DataVersioningError], *names: str, **options: object
) -> DataVersioningError:
    """Adding raises such an error with a hint; nothing changes, and the attempt is recorded."""
    before, recorded = work.everything(), len(records(work.root))
    with pytest.raises(kind) as caught:
        work.add(*names, **options)
    assert caught.value.hint
    assert work.everything() == before
    (record,) = records(work.root)[recorded:]
    assert (record["verb"], record["outcome"], record["pointers"]) == ("add", "failed", [])
    return caught.value


def test_a_file(work: Work) -> None:
    work.write("sub/file", "content")
    result = work.add("sub/file")
    (output,) = result.outputs
    assert (output.path, output.pointer, output.oid) == ("sub/file", "sub/file.dvc", digest("content"))
    assert (output.size, output.nfiles, output.changed) == (7, None, True)
    assert set(result.edited) == {"sub/file.dvc", "sub/.gitignore"}
    assert work.read("sub/file.dvc").decode() == (
        f"outs:\n- md5: {digest('content')}\n  size: 7\n  hash: md5\n  path: file\n"
    )
    assert work.read("sub/.gitignore") == b"/file\n"
    assert work.objects() == {digest("content"): b"content"}


def test_a_directory(work: Work) -> None:
    work.write("data/a", "a")
    work.write("data/deep/b", "bb")
    result = work.add("data")
    tree = dirfile.dump(["a", "deep/b"], [digest("a"), digest("bb")])
    assert work.pointer("data.dvc") == {
        "md5": f"{digest(tree)}.dir",
        "size": 3,
        "nfiles": 2,
        "hash": "md5",
        "path": "data",
    }
    assert work.objects() == {f"{digest(tree)}.dir": tree, digest("a"): b"a", digest("bb"): b"bb"}
    assert (result.outputs[0].size, result.outputs[0].nfiles) == (3, 2)
    assert work.status() == {}


def test_again_without_a_change(work: Work) -> None:
    work.write("data/a", "a")
    work.write("file", "f")
    work.add("data", "file")
    before = work.everything()
    result = work.add("data", "file")
    assert work.everything() == before
    assert result.edited == ()
    assert [output.changed for output in result.outputs] == [False, False]


def test_a_change(work: Work) -> None:
    work.write("data/a", "a")
    work.write("data/b", "b")
    work.add("data")
    work.write("data/a", "other")
    work.delete("data/b")
    result = work.add("data")
    assert result.edited == ("data.dvc",)
    assert work.pointer("data.dvc")["md5"] == digest(dirfile.dump(["a"], [digest("other")])) + ".dir"
    assert digest("b") in work.objects()


def test_from_file_to_directory_and_back(work: Work) -> None:
    work.write("data", "file")
    work.add("data")
    work.delete("data")
    work.write("data/a", "a")
    work.add("data")
    assert work.pointer("data.dvc")["nfiles"] == 1
    work.delete("data")
    work.write("data", "file", mode=0o755)
    work.add("data")
    assert work.pointer("data.dvc") == {
        "md5": digest("file"),
        "size": 4,
        "isexec": True,
        "hash": "md5",
        "path": "data",
    }


def test_relative_to_the_current_directory(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.write("sub/a", "a")
    work.write("b", "b")
    monkeypatch.chdir(work.root / "sub")
    result = add.add(work.repo(), ["a", "../b"])
    assert [output.path for output in result.outputs] == ["sub/a", "b"]


def test_the_rest_of_a_pointer_file_stays(work: Work) -> None:
    work.write("file", "one")
    work.add("file")
    text = work.read("file.dvc").decode()
    work.write("file.dvc", f"# ours\ndesc: text\n{text}  desc: of the output\nmeta: {{a: 1}}  # kept\n")
    work.write("file", "three")
    work.add("file")
    assert work.read("file.dvc").decode() == (
        f"# ours\ndesc: text\nouts:\n- md5: {digest('three')}\n  size: 5\n  hash: md5\n  path: file\n"
        "  desc: of the output\nmeta: {a: 1}  # kept\n"
    )


def test_annotations(work: Work) -> None:
    work.write("file", "x")
    notes = Annotations(desc="d", type="t", labels=("l",), meta={"a": 1, "b": None})
    assert work.add("file", notes=notes).outputs[0].changed
    found = work.pointer("file.dvc")
    assert (found["desc"], found["type"], found["labels"], found["meta"]) == ("d", "t", ["l"], {"a": 1})
    assert not work.add("file").outputs[0].changed
    assert work.add("file", notes=Annotations(meta={"a": None, "c": 2})).outputs[0].changed
    assert work.pointer("file.dvc")["meta"] == {"c": 2}
    assert work.pointer("file.dvc")["desc"] == "d"


@pytest.mark.parametrize("name", ["nothing", "sub/nothing", "file/inside"])
def test_a_missing_path(work: Work, name: str) -> None:
    work.write("file", "x")
    work.write("good", "x")
    assert "does not exist" in str(refused(work, PathError, "good", name))


def test_a_path_in_git(work: Work) -> None:
    work.write("code/file", "x")
    work.save()
    for name in ("code", "code/file"):
        assert "Git" in str(refused(work, PathError, name))


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", ".", ".git", ".git/HEAD", ".dvc/config"])
def test_a_path_that_is_not_the_users_data(work: Work, name: str) -> None:
    (work.root.parent / "outside").write_text("x")
    before = work.everything()
    with pytest.raises(PathError):
        add.add(work.repo(), [name])
    assert work.everything() == before


def test_behind_a_link(work: Work) -> None:
    (work.root.parent / "outside").mkdir()
    (work.root.parent / "outside/x").write_text("x")
    (work.root / "link").symlink_to("../outside")
    refused(work, PathError, "link/x")
    refused(work, PathError, "link")


@pytest.mark.parametrize("name", ["data.dvc", "dvc.yaml", "dvc.lock"])
def test_a_pointer_file(work: Work, name: str) -> None:
    work.write(name, "outs: []\n" if name == "data.dvc" else "stages: {}\n" if name == "dvc.yaml" else "")
    assert "Git" in str(refused(work, PathError, name))


def test_an_ignored_path(work: Work) -> None:
    work.write(".dvcignore", "*.tmp\n")
    work.write("x.tmp", "x")
    assert ".dvcignore" in str(refused(work, PathError, "x.tmp"))


def test_an_output_of_a_stage(work: Work) -> None:
    work.write("dvc.yaml", PIPELINE)
    work.write("out", "x")
    assert "make" in str(refused(work, Overlap, "out"))


def test_around_something_tracked(work: Work) -> None:
    work.write("data/in/a", "a")
    work.add("data/in")
    refused(work, Overlap, "data")


def test_inside_something_named_beside(work: Work) -> None:
    work.write("data/in/a", "a")
    for names in (("data", "data/in/a"), ("data/in/a", "data")):
        refused(work, Overlap, *names)
    work.add("data", "data")
    assert work.status() == {}


def test_nothing_to_add(work: Work) -> None:
    with pytest.raises(UsageError):
        work.add()


def test_links_and_special_files(work: Work) -> None:
    work.write("data/a", "a")
    (work.root / "data/dangling").symlink_to("nowhere")
    refused(work, PathError, "data")
    (work.root / "data/dangling").unlink()
    os.mkfifo(work.root / "data/pipe")
    with pytest.raises(PathError, match="data/pipe"):
        work.add("data")
    assert not (work.root / "data.dvc").exists()


def test_wildcards(work: Work) -> None:
    for name in ("a.csv", "b.csv", "c.txt"):
        work.write(name, name)
    found = add.add(work.repo(), ["*.csv"], options=AddOptions(glob=True))
    assert [output.path for output in found.outputs] == ["a.csv", "b.csv"]
    with pytest.raises(PathError, match="matches"):
        add.add(work.repo(), ["*.nothing"], options=AddOptions(glob=True))


def test_recursive(work: Work) -> None:
    work.write("data/a", "a")
    work.write("data/deep/b", "b")
    work.write("data/.gitignore", "*.log\n")
    work.write("data/deep/dvc.yaml", "stages: {}\n")
    work.write("lone", "l")
    result = work.add("data", "lone", recursive=True)
    assert {output.pointer for output in result.outputs} == {"data/a.dvc", "data/deep/b.dvc", "lone.dvc"}
    assert work.status() == {}
    assert {output.path for output in work.add("data", recursive=True).outputs} == {"data/a", "data/deep/b"}


def test_without_storing(work: Work) -> None:
    work.write("data/a", "a")
    work.add("data", store=False)
    assert work.pointer("data.dvc")["nfiles"] == 1
    assert work.objects() == {}
    assert work.status() == {"data.dvc": [{"changed outs": {"data": "not in cache"}}]}
    work.add("data")
    assert work.status() == {}


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_links(work: Work, kind: str) -> None:
    work.configure(type=kind)
    work.write("data/a", "a")
    work.write("data/same", "a")
    work.write("lone", "l")
    work.add("data", "lone")
    for name, content in (("data/a", "a"), ("data/same", "a"), ("lone", "l")):
        assert os.path.samefile(work.root / name, work.object(content))
        assert (work.root / name).is_symlink() == (kind == "symlink")
    assert work.status() == {}
    work.write("data/a", "changed")
    work.add("data")
    assert os.path.samefile(work.root / "data/a", work.object("changed"))
    assert work.object("a").read_bytes() == b"a"


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_links_on_request_only(work: Work, kind: str) -> None:
    work.configure(type=kind)
    work.write("data/a", "a")
    work.write("data/same", "a")
    work.add("data", relink=False)
    assert not any((work.root / f"data/{name}").is_symlink() for name in ("a", "same"))
    assert work.status() == {}


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_nothing_is_hashed_after_an_add(work: Work, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The stat of every file is remembered as linking and sealing left it."""
    work.configure(type=kind)
    work.write("data/a", "a")
    work.write("data/same", "a")
    work.write("data/empty", "")
    work.write("tool", "#!/bin/sh\n", mode=0o755)
    work.write("lone", "l")
    work.add("data", "tool", "lone")

    def no_hashing(*_: object, **__: object) -> None:
        raise AssertionError("hashed again")

    monkeypatch.setattr(batch, "hash_files", no_hashing)
    monkeypatch.setattr(batch, "store_files", no_hashing)
    assert work.status() == {}
    work.add("data", "tool", "lone")


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_an_executable_file(work: Work, kind: str) -> None:
    work.configure(type=kind)
    path = work.write("tool", "#!/bin/sh\n", mode=0o755)
    work.add("tool")
    assert work.pointer("tool.dvc")["isexec"] is True
    assert stat.S_IMODE(path.lstat().st_mode) & 0o100
    assert not path.is_symlink()
    assert work.objects() == {digest("#!/bin/sh\n"): b"#!/bin/sh\n"}


def test_an_import_that_was_changed_here(work: Work, dvc: Tool) -> None:
    """The change is recorded as DVC's commit records it, so that nothing is reported as changed."""
    source = work.root.parent / "source.csv"
    source.write_text("one")
    dvc(work.root, "import-url", str(source), "data.csv").ok()
    before = work.read("data.csv.dvc")
    work.write("data.csv", "edited")
    work.add("data.csv")
    after = work.read("data.csv.dvc")
    assert after != before
    assert work.pointer("data.csv.dvc")["md5"] == digest("edited")
    assert dvc(work.root, "status", "--json").json == {}
    assert work.status() == {}
    work.write("data.csv", "one")
    work.add("data.csv")
    assert work.read("data.csv.dvc") == before


def test_data_of_dvc_2(work: Work) -> None:
    value = work.put_legacy(b"one\r\n")
    work.write("old.dvc", f"outs:\n- md5: {value}\n  size: 5\n  path: old\n")
    work.write("old", b"one\r\n")
    assert not work.add("old").outputs[0].changed
    assert work.objects() == {}
    work.write("old", b"two\r\n")
    work.add("old")
    assert work.pointer("old.dvc") == {"md5": digest(b"two\r\n"), "size": 5, "hash": "md5", "path": "old"}
    assert work.objects() == {digest(b"two\r\n"): b"two\r\n"}


def test_a_copy_from_elsewhere(work: Work) -> None:
    outside = work.root.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "file").write_text("f")
    (outside / "deep/inner").write_text("i")
    add.add_copy(work.repo(), str(outside / "file"), "sub/new")
    add.add_copy(work.repo(), str(outside), "tree")
    (work.root / "into").mkdir()
    add.add_copy(work.repo(), str(outside / "file"), "into")
    assert (work.read("sub/new"), work.read("into/file")) == (b"f", b"f")
    assert work.files("tree") == {"file": b"f", "deep/inner": b"i"}
    assert work.status() == {}
    assert sorted(path.name for path in outside.rglob("*")) == ["deep", "file", "inner"]


def test_a_copy_does_not_overwrite(work: Work) -> None:
    outside = work.root.parent / "outside"
    outside.write_text("new")
    work.write("file", "old")
    before = work.everything()
    with pytest.raises(Conflict) as conflict:
        add.add_copy(work.repo(), str(outside), "file")
    assert conflict.value.hint
    with pytest.raises(PathError):
        add.add_copy(work.repo(), str(work.root.parent / "missing"), "new")
    with pytest.raises(PathError):
        add.add_copy(work.repo(), str(outside), "../elsewhere")
    assert work.everything() == before
    add.add_copy(work.repo(), str(outside), "file", force=True)
    assert work.read("file") == b"new"


def test_a_file_that_keeps_changing(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.write("good", "g")
    work.write("log", "l")
    store_files = batch.store_files

    def changing(root: str, names: bytes, *args: object, **options: object) -> batch.Batch:
        found = store_files(root, names, *args, **options)  # type: ignore[arg-type]
        return found._replace(changed=[0]) if names == b"log\0" else found

    monkeypatch.setattr(batch, "store_files", changing)
    with pytest.raises(FileChanged, match="log"):
        work.add("good", "log")
    assert not list(work.root.glob("?*.dvc"))
    assert not (work.root / ".gitignore").exists()


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
@pytest.mark.parametrize("how", ["in place", "replaced"])
@pytest.mark.parametrize("target", ["data", "data/a"])
def test_an_edit_before_the_link_is_made_stays(
    work: Work, monkeypatch: pytest.MonkeyPatch, kind: str, how: str, target: str
) -> None:
    work.configure(type=kind)
    work.write("lone", "same")
    work.add("lone")
    path = work.write("data/a", "same")  # becomes a link to what is there already
    relink = linking.relink

    def meddle(*args: Any) -> Snapshot:
        if how == "replaced":
            path.unlink()
        path.write_text("mine")
        return relink(*args)

    monkeypatch.setattr(linking, "relink", meddle)
    with pytest.raises(FileChanged, match="data/a"):
        work.add(target)
    assert work.read("data/a") == b"mine"
    assert not (work.root / f"{target}.dvc").exists()
    assert digest("mine") not in work.objects()
    monkeypatch.undo()
    work.add(target)
    assert work.objects()[digest("mine")] == b"mine"


def test_what_was_stored_but_not_recorded_stays_the_users(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An add that fails at the end must not make a later checkout take the data for ours, and remove it."""
    work.write("data/a", "a")
    work.write("lone", "l")

    def full(*_: object) -> None:
        raise DiskError("full", hint="gc")

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "commit", full)
        with pytest.raises(DiskError):
            work.add("data", "lone")
    assert digest("a") in work.objects()
    work.checkout()
    assert work.files("data") == {"a": b"a"}
    assert work.read("lone") == b"l"


def test_a_pointer_that_cannot_be_written(work: Work) -> None:
    work.write("data", "d")
    (work.root / "data.dvc").mkdir()
    before = work.everything()
    with pytest.raises(DiskError, match=r"data\.dvc"):
        work.add("data")
    after = {name: entry for name, entry in work.everything().items() if not name.startswith(".dvc/cache")}
    assert after == before


def test_odd_names(work: Work) -> None:
    names = [
        "with space",
        "ümlaut",
        "e\u0301",
        "-dash",
        "[x]",
        "#hash",
        "!bang",
        "quo'te",
        'dou"ble',
        "*",
        "null",
    ]
    for name in names:
        work.write(f"sub/{name}", name)
    work.add(*(f"sub/{name}" for name in names))
    assert work.status() == {}
    assert work.git("status", "--porcelain", "--untracked-files=all").count(".dvc") == len(names) + 1
    ignored = work.git("check-ignore", *(f"sub/{name}" for name in names)).splitlines()
    assert len(ignored) == len(names)
    shutil.rmtree(work.root / "sub")
    work.git("init", "-q")
    assert Path(work.root).exists()


def test_a_part_of_a_file_is_nothing(work: Work) -> None:
    work.write("data", "file")
    work.add("data")
    work.delete("data")
    work.write("data/a", "a")
    refused(work, NotTracked, "data/a")
