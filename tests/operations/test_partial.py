"""Adding a part of a tracked directory records that part, and nothing else that changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_versioning.errors import MissingObject, NotTracked
from data_versioning.formats import dirfile
from data_versioning.operations.pointers import Annotations
from tests.operations.work import Work, digest
from tests.oracle import Tool


def listed(work: Work, pointer: str = "data.dvc") -> dict[str, str]:
    """The files that a pointer file's directory object names, with their contents."""
    paths, values = dirfile.load(work.named(work.pointer(pointer)["md5"]).read_bytes(), file="")
    return {path: work.named(value).read_text() for path, value in zip(paths, values, strict=True)}


@pytest.fixture
def data(work: Work) -> Work:
    for name in ("a", "in/b", "in/deep/c"):
        work.write(f"data/{name}", name)
    work.add("data")
    return work


def test_one_file(data: Work) -> None:
    data.write("data/a", "changed")
    data.write("data/in/b", "changed, but not added")
    result = data.add("data/a")
    assert listed(data) == {"a": "changed", "in/b": "in/b", "in/deep/c": "in/deep/c"}
    assert (result.outputs[0].path, result.outputs[0].nfiles, result.edited) == ("data", 3, ("data.dvc",))
    assert data.status() == {"data.dvc": [{"changed outs": {"data": "modified"}}]}
    data.add("data/in")
    assert data.status() == {}


def test_a_new_file_and_a_new_directory(data: Work) -> None:
    data.write("data/new", "1")
    data.write("data/more/one", "22")
    data.write("data/more/two", "333")
    data.add("data/new", "data/more")
    assert set(listed(data)) == {"a", "in/b", "in/deep/c", "new", "more/one", "more/two"}
    assert data.pointer("data.dvc")["nfiles"] == 6
    assert data.status() == {}


def test_what_is_gone(data: Work) -> None:
    data.delete("data/in/deep")
    data.add("data/in/deep/c")
    assert set(listed(data)) == {"a", "in/b"}
    data.delete("data/in")
    data.add("data/in")
    assert set(listed(data)) == {"a"}
    assert data.status() == {}


def test_a_file_that_becomes_a_directory(data: Work) -> None:
    data.delete("data/a")
    data.write("data/a/x", "x")
    data.add("data/a")
    assert set(listed(data)) == {"a/x", "in/b", "in/deep/c"}
    data.delete("data/in")
    data.write("data/in", "file")
    data.add("data/in")
    assert set(listed(data)) == {"a/x", "in"}
    assert data.status() == {}


def test_several_parts_and_the_whole(data: Work) -> None:
    data.write("data/a", "changed")
    data.write("data/in/b", "changed, too")
    data.write("data/new", "new")
    data.write("lone", "lone")
    result = data.add("data/new", "lone", "data/in/b", "data/new")
    assert listed(data) == {"a": "a", "in/b": "changed, too", "in/deep/c": "in/deep/c", "new": "new"}
    assert [output.path for output in result.outputs] == ["data", "lone", "data", "data"]
    data.write("data/new", "newer")
    for names in (("data/new", "data"), ("data", "data/new")):
        data.add(*names)
        assert listed(data)["new"] == "newer"
        assert data.status() == {}


def test_a_name_that_only_begins_alike(data: Work) -> None:
    data.write("data/in-side", "other")
    data.add("data/in-side")
    data.delete("data/in")
    data.add("data/in")
    assert set(listed(data)) == {"a", "in-side"}


def test_nothing_there_nor_recorded(data: Work) -> None:
    before = data.everything()
    with pytest.raises(NotTracked, match="data/nothing") as missing:
        data.add("data/nothing")
    assert missing.value.hint
    assert data.everything() == before


def test_no_change(data: Work) -> None:
    data.add("data/in")  # stores a listing of that part, as DVC does
    before = data.everything()
    result = data.add("data/a", "data/in")
    assert (result.edited, [output.changed for output in result.outputs]) == ((), [False, False])
    assert data.everything() == before


def test_the_recorded_listing_is_lost(data: Work) -> None:
    data.named(data.pointer("data.dvc")["md5"]).unlink()
    before = data.everything()
    data.write("data/a", "changed")
    with pytest.raises(MissingObject) as lost:
        data.add("data/a")
    assert lost.value.hint
    data.write("data/a", "a")
    assert data.everything() == before
    data.add("data")
    assert data.status() == {}


def test_annotations(data: Work) -> None:
    data.add("data/a", notes=Annotations(desc="of the directory"))
    assert data.pointer("data.dvc")["desc"] == "of the directory"


def test_without_storing(data: Work) -> None:
    data.write("data/a", "changed")
    data.add("data/a", store=False)
    assert digest("changed") not in data.objects()
    assert data.status() == {"data.dvc": [{"changed outs": {"data": "not in cache"}}]}
    data.add("data/a")
    assert data.status() == {}


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_links(data: Work, kind: str) -> None:
    data.configure(type=kind)
    data.write("data/new", "new")
    data.add("data/new")
    assert os.path.samefile(data.root / "data/new", data.object("new"))
    assert (data.root / "data/new").is_symlink() == (kind == "symlink")
    assert data.status() == {}


def test_below_another_directory(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.root / "data/in")
    (data.root / "data/in/b").write_text("changed")
    data.add("data/in/b")
    assert listed(data)["in/b"] == "changed"


@pytest.mark.parametrize("edit", ["change", "new", "delete"])
def test_data_of_dvc_2(work: Work, dvc: Tool, edit: str) -> None:
    """The listing names hashes of today afterwards: those of the rest are found out from its old objects."""
    contents = {"bin": b"\0\r\n", "text": b"one\r\n"}
    values = {name: work.put_legacy(content) for name, content in contents.items() if name == "text"}
    values["bin"] = work.put_legacy(contents["bin"], digest(contents["bin"]))
    tree = dirfile.dump(list(values), list(values.values()))
    work.put_legacy(tree, value := digest(tree) + ".dir")
    work.write("old.dvc", f"outs:\n- md5: {value}\n  size: 8\n  nfiles: 2\n  path: old\n")
    for name, content in contents.items():
        work.write(f"old/{name}", content)
    assert work.status() == {}
    match edit:
        case "change":
            contents["bin"] = b"other"
            work.write("old/bin", b"other")
            work.add("old/bin")
        case "new":
            contents["new"] = b"new\r\n"
            work.write("old/new", b"new\r\n")
            work.add("old/new")
        case "delete":
            del contents["bin"]
            work.delete("old/bin")
            work.add("old/bin")
    assert work.pointer("old.dvc")["hash"] == "md5"
    paths, digests = dirfile.load(work.named(work.pointer("old.dvc")["md5"]).read_bytes(), file="")
    assert dict(zip(paths, digests, strict=True)) == {name: digest(text) for name, text in contents.items()}
    assert set(digests) <= set(work.objects())
    assert work.status() == {}
    assert dvc(work.root, "status", "--json").json == {}
    assert Path(work.root / "old/text").read_bytes() == b"one\r\n"
