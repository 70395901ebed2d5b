"""Bringing recorded data into the workspace: whole, in parts, never over work that is saved nowhere."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from data_versioning.errors import Conflict, NotTracked, PathError
from data_versioning.formats import dirfile
from data_versioning.localfs import atomic, batch
from data_versioning.operations import unused
from data_versioning.operations.loaded import Loaded
from data_versioning.transaction import Transaction
from data_versioning.workspace import leftovers
from tests.operations.work import Work, digest
from tests.oracle import Tool
from tests.tracking import records

KINDS = ("copy", "hardlink", "symlink")
native_and_python = pytest.mark.parametrize("native", ["1", "0"], ids=["native", "python"])


@pytest.fixture
def data(work: Work) -> Work:
    """`data` with three files and `lone`, tracked and committed."""
    for name in ("a", "in/b", "in/deep/c"):
        work.write(f"data/{name}", name)
    work.write("lone", "lone")
    work.add("data", "lone")
    work.save("one")
    return work


def second(work: Work) -> dict[str, bytes]:
    """Another version: a change, a new file, one less; back to the first one's workspace files in the end."""
    work.write("data/a", "a, changed")
    work.write("data/new", "new")
    work.delete("data/in/deep")
    work.write("lone", "lone, changed")
    work.add("data", "lone")
    return work.files("data")


FIRST = {"a": b"a", "in/b": b"in/b", "in/deep/c": b"in/deep/c"}


def refused(work: Work, *names: str, **options: object) -> Conflict:
    before = work.everything()
    with pytest.raises(Conflict) as conflict:
        work.checkout(*names, **options)
    assert conflict.value.hint
    assert "Nothing was changed" in str(conflict.value)
    assert work.everything() == before
    return conflict.value


@native_and_python
@pytest.mark.parametrize("kind", KINDS)
def test_into_an_empty_workspace(
    data: Work, monkeypatch: pytest.MonkeyPatch, dv: Tool, kind: str, native: str
) -> None:
    data.configure(type=kind)
    data.delete("data")
    data.delete("lone")
    dv.real(data.root, "checkout", env={"DV_NATIVE": native}).ok()
    assert data.files("data") == FIRST
    assert data.read("lone") == b"lone"
    assert (data.root / "lone").is_symlink() == (kind == "symlink")
    assert os.path.samefile(data.root / "lone", data.object("lone")) == (kind != "copy")
    assert len(data.objects()) == 5
    assert data.status() == {}


def test_what_is_told(data: Work) -> None:
    data.delete("data")
    data.delete("lone")
    result = data.checkout()
    assert (result.added, result.modified, result.counts) == (("data/", "lone"), (), (4, 0, 0))
    assert data.checkout().is_empty
    second(data)
    data.git("checkout", "-q", ".")
    result = data.checkout()
    assert (result.modified, result.counts) == (("data/", "lone"), (1, 2, 1))


def test_seen_from_a_directory(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    (data.root / "sub").mkdir()
    monkeypatch.chdir(data.root / "sub")
    data.delete("data")
    data.delete("lone")
    assert data.checkout("../data", "../lone.dvc").added == ("../data/", "../lone")


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(data: Work, kind: str) -> None:
    data.configure(type=kind)
    after = second(data)
    newer = data.read("data.dvc"), data.read("lone.dvc")
    for _ in range(2):
        data.git("checkout", "-q", ".")
        (data.root / ".dvc/config").write_text(f"[cache]\n    type = {kind}\n")
        data.checkout()
        assert (data.files("data"), data.read("lone")) == (FIRST, b"lone")
        assert data.status() == {}
        data.write("data.dvc", newer[0])
        data.write("lone.dvc", newer[1])
        data.checkout()
        assert (data.files("data"), data.read("lone")) == (after, b"lone, changed")
        assert data.status() == {}
    assert len(data.objects()) == 9


def test_unchanged_files_are_not_touched(data: Work) -> None:
    inode = (data.root / "data/in/b").stat().st_ino
    second(data)
    data.git("checkout", "-q", ".")
    data.checkout()
    assert (data.root / "data/in/b").stat().st_ino == inode


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_read_after_a_checkout(data: Work, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Neither the files that were made, nor, for a directory, the cache."""
    data.configure(type=kind)
    data.write("tool", "#!/bin/sh\n", mode=0o755)
    data.write("data/same", "a")
    data.add("data", "tool")
    shutil.rmtree(data.root / ".dvc/tmp")
    for name in ("data", "lone", "tool"):
        data.delete(name)
    data.settle()
    data.checkout()

    def no_reading(*_: object, **__: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(batch, "hash_files", no_reading)
    monkeypatch.setattr(dirfile, "load", no_reading)
    assert data.status() == {}
    assert data.checkout().is_empty


@pytest.mark.parametrize("change", ["modified", "new file", "replaced by a file", "lone"])
def test_unsaved_work_is_not_overwritten(data: Work, change: str) -> None:
    match change:
        case "modified":
            data.write("data/a", "mine")
        case "new file":
            data.write("data/in/mine", "mine")
        case "replaced by a file":
            data.delete("data")
            data.write("data", "mine")
        case "lone":
            data.write("lone", "mine")
    before = data.everything()
    conflict = refused(data)
    assert ("lone" if change == "lone" else "data") in str(conflict)
    # Of several outputs none is touched when one is in the way.
    data.delete("data" if change == "lone" else "lone")
    refused(data)
    data.checkout("data" if change == "lone" else "lone")
    assert data.everything() == before
    data.checkout(force=True)
    assert (data.files("data"), data.read("lone")) == (FIRST, b"lone")
    assert data.status() == {}


def test_a_conflict_is_recorded(data: Work) -> None:
    data.write("data/a", "mine")
    refused(data)
    assert [(one["verb"], one["outcome"]) for one in records(data.root)][-1] == ("checkout", "failed")


def test_saved_work_is_no_conflict(data: Work) -> None:
    """Whatever the cache holds can come back."""
    second(data)
    data.git("checkout", "-q", ".")
    data.write("data/in/extra", "in/b")
    data.checkout()
    assert data.files("data") == FIRST


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_change(data: Work, kind: str) -> None:
    data.configure(type=kind)
    pointers = data.read("data.dvc"), data.read("lone.dvc")
    data.delete("data")
    data.delete("lone")
    data.write("data", "a file now")
    data.write("lone/deep/x", "a directory now")
    data.add("data", "lone")
    changed = data.read("data.dvc"), data.read("lone.dvc")
    for _ in range(2):
        data.write("data.dvc", pointers[0])
        data.write("lone.dvc", pointers[1])
        data.checkout()
        assert (data.files("data"), data.read("lone")) == (FIRST, b"lone")
        data.write("data.dvc", changed[0])
        data.write("lone.dvc", changed[1])
        data.checkout()
        assert (data.read("data"), data.files("lone")) == (b"a file now", {"deep/x": b"a directory now"})
        assert data.status() == {}


def test_kinds_change_inside(data: Work) -> None:
    before = data.read("data.dvc")
    data.delete("data/a")
    data.write("data/a/x", "x")
    data.delete("data/in")
    data.write("data/in", "in")
    data.add("data")
    data.write("data.dvc", before)
    data.checkout()
    assert data.files("data") == FIRST


def test_ignored_files_inside_stay(data: Work) -> None:
    data.write(".dvcignore", "*.tmp\n")
    data.write("data/in/scratch.tmp", "mine")
    second(data)
    data.git("checkout", "-q", "data.dvc", "lone.dvc")
    data.checkout()
    assert data.files("data") == FIRST | {"in/scratch.tmp": b"mine"}
    data.write("data/in/deep/scratch.tmp", "mine, too")
    data.git("rm", "-q", "--cached", "data.dvc")
    data.write("other/x", "x")
    data.add("other")
    data.write("data.dvc", data.read("other.dvc").replace(b"other", b"data"))
    data.checkout("data")
    assert data.files("data") == {"x": b"x", "in/scratch.tmp": b"mine", "in/deep/scratch.tmp": b"mine, too"}


def test_a_directory_that_hides_ignored_files_does_not_become_a_file(data: Work) -> None:
    data.write(".dvcignore", "*.tmp\n")
    data.write("data/scratch.tmp", "mine")
    data.write("data.dvc", data.read("lone.dvc").replace(b"path: lone", b"path: data"))
    data.delete("lone")
    before = data.everything()
    with pytest.raises(PathError, match="not tracked") as refusal:
        data.checkout()
    assert refusal.value.hint
    assert data.everything() == before


def test_empty_directories(data: Work) -> None:
    (data.root / "data/hollow/more").mkdir(parents=True)
    data.delete("data/a")
    (data.root / "data/a/b").mkdir(parents=True)
    data.checkout()
    assert data.files("data") == FIRST
    assert not (data.root / "data/hollow").exists()
    (data.root / "data/hollow").mkdir()
    data.checkout()
    assert not (data.root / "data/hollow").exists()


def test_an_empty_directory_is_brought_back(work: Work) -> None:
    (work.root / "data/none").mkdir(parents=True)
    work.add("data")
    work.delete("data")
    work.checkout()
    assert list((work.root / "data").iterdir()) == []
    assert work.status() == {}


@pytest.mark.parametrize("target", ["data", "data.dvc", "data/", "./data"])
def test_one_target(data: Work, target: str) -> None:
    data.delete("data")
    data.delete("lone")
    data.checkout(target)
    assert data.files("data") == FIRST
    assert not (data.root / "lone").exists()


@pytest.mark.parametrize("target", ["data/in", "data/in/deep/c", "data/a"])
def test_a_part(data: Work, target: str) -> None:
    data.delete("data")
    data.checkout(target)
    inner = target.removeprefix("data/")
    expected = {name: content for name, content in FIRST.items() if f"{name}/".startswith(f"{inner}/")}
    assert data.files("data") == expected
    data.checkout()
    assert data.files("data") == FIRST
    assert data.status() == {}


def test_a_part_leaves_the_rest(data: Work) -> None:
    data.write("data/a", "mine")
    data.write("data/in-side", "mine")
    data.delete("data/in")
    data.checkout("data/in")
    assert data.files("data") == FIRST | {"a": b"mine", "in-side": b"mine"}
    data.write("data/in/b", "mine")
    refused(data, "data/in")
    data.checkout("data/in", force=True)
    assert data.files("data") == FIRST | {"a": b"mine", "in-side": b"mine"}
    data.write("data/in/b", "mine")
    data.checkout("data/in/b", "data/a", force=True)
    assert data.files("data") == FIRST | {"in-side": b"mine"}


def test_a_part_that_is_not_recorded(data: Work) -> None:
    assert data.checkout("data/nothing").is_empty
    data.delete("data")
    data.checkout("data/nothing")
    assert not (data.root / "data").exists() or data.files("data") == {}


def test_an_unknown_target(data: Work) -> None:
    before = data.everything()
    with pytest.raises(NotTracked, match="lonee") as unknown:
        data.checkout("data", "lonee")
    assert "lone" in str(unknown.value)
    assert data.everything() == before


@pytest.mark.parametrize("what", ["file", "whole directory", "listing"])
def test_missing_objects_leave_what_is_there(data: Work, what: str) -> None:
    second(data)
    newer = data.files("data")
    data.git("checkout", "-q", ".")
    match what:
        case "file":
            lost = [digest("a"), digest("lone")]
        case "whole directory":
            lost = [digest(content) for content in FIRST.values()]
        case "listing":
            lost = [data.pointer("data.dvc")["md5"]]
    for value in lost:
        data.named(value).unlink()
    result = data.checkout()
    assert set(result.missing) <= set(lost)
    assert "data" in result.failed
    if what == "listing":
        assert data.files("data") == newer
        assert result.modified == ("lone",)
        return
    assert data.read("data/a") == b"a, changed"
    assert data.files("data") == {
        "a": b"a, changed", "in/b": b"in/b", **({} if what != "file" else {"in/deep/c": b"in/deep/c"}),
    }  # fmt: skip
    if what == "file":
        assert data.read("lone") == b"lone, changed"
        assert result.failed == ("data", "lone")


def test_missing_objects_of_another_kind_leave_what_is_there(data: Work) -> None:
    """Also files of the same names at the root of the repository."""
    pointers = data.read("data.dvc"), data.read("lone.dvc")
    data.delete("data")
    data.delete("lone")
    data.write("data", "a file now")
    data.write("lone/x", "a directory now")
    data.add("data", "lone")
    data.write("a", "nobody's business")
    for content in (*FIRST.values(), b"lone"):
        data.object(content).unlink()
    data.write("data.dvc", pointers[0])
    data.write("lone.dvc", pointers[1])
    result = data.checkout(force=True)
    assert result.failed == ("data", "lone")
    assert (data.read("data"), data.files("lone")) == (b"a file now", {"x": b"a directory now"})
    assert data.read("a") == b"nobody's business"


def test_a_damaged_listing(data: Work) -> None:
    tree = data.named(data.pointer("data.dvc")["md5"])
    tree.chmod(0o644)
    tree.write_bytes(b"[]")
    tree.chmod(0o444)
    data.delete("data")
    result = data.checkout()
    assert result.failed == ("data",)
    assert not (data.root / "data").exists()


def test_an_unsealed_object_is_checked_first(data: Work) -> None:
    data.object("a").chmod(0o644)
    data.object("a").write_bytes(b"torn")
    data.object("lone").chmod(0o644)
    data.delete("data")
    data.delete("lone")
    result = data.checkout()
    assert (result.missing, result.failed) == ((digest("a"),), ("data",))
    assert data.read("lone") == b"lone"
    assert not (data.root / "data/a").exists()


def test_a_file_in_the_way_that_no_scan_sees(data: Work) -> None:
    """It was recorded before a rule began to ignore it; what stands there now is not overwritten."""
    data.write("data/x.tmp", "recorded")
    data.add("data")
    data.write(".dvcignore", "*.tmp\n")
    data.write("data/x.tmp", "mine")
    result = data.checkout(force=True)
    assert result.failed == ("data",)
    assert result.problems == ("data/x.tmp: File exists",)
    assert data.read("data/x.tmp") == b"mine"


@pytest.mark.parametrize("name", ["data/a", "data/extra", "lone"])
def test_an_edit_during_the_checkout_stays(data: Work, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    data.write(name, "saved")
    data.add("data", "lone")
    data.git("checkout", "-q", ".")
    remove = unused.remove

    def edit(loaded: Loaded, transaction: Transaction) -> list[str]:
        """Between the comparison and the first deed."""
        data.write(name, "mine")
        return remove(loaded, transaction)

    monkeypatch.setattr(unused, "remove", edit)
    result = data.checkout()
    assert result.failed == (name.split("/", maxsplit=1)[0],)
    assert result.problems == (f"{name}: changed meanwhile, and kept",)
    assert data.read(name) == b"mine"
    monkeypatch.undo()
    refused(data)
    data.checkout(force=True)
    assert data.status() == {}


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_an_object_that_was_edited_in_place_is_not_checked_out(data: Work, kind: str) -> None:
    data.configure(type=kind)
    data.checkout(relink=True)
    for name in ("data/a", "lone"):
        with (data.root / name).open("r+b") as file:
            file.write(b"E")
    result = data.checkout(force=True)
    assert (result.failed, set(result.missing)) == (("data", "lone"), {digest("a"), digest("lone")})
    assert (data.read("data/a"), data.read("lone")) == (b"E", b"Eone")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", KINDS)
def test_relink(data: Work, before: str, kind: str) -> None:
    data.configure(type=before)
    data.checkout(relink=True)
    data.configure(type=kind)
    data.checkout()
    linked = data.everything()
    data.checkout(relink=True)
    assert data.files("data") == FIRST
    for name in (*(f"data/{name}" for name in FIRST), "lone"):
        assert os.path.samefile(data.root / name, data.object(data.read(name))) == (kind != "copy")
        assert (data.root / name).is_symlink() == (kind == "symlink")
    assert len(data.objects()) == 5
    assert data.status() == {}
    if before == kind:
        assert data.everything() == linked


def test_relink_leaves_changes_alone(data: Work) -> None:
    data.configure(type="symlink")
    data.write("data/a", "mine")
    refused(data, relink=True)
    data.checkout("lone", relink=True)
    assert (data.root / "lone").is_symlink()
    assert data.read("data/a") == b"mine"


@pytest.mark.parametrize("kind", KINDS)
def test_an_executable_file(work: Work, kind: str) -> None:
    work.configure(type=kind)
    work.write("tool", "#!/bin/sh\n", mode=0o755)
    work.add("tool")
    work.delete("tool")
    work.checkout()
    assert stat.S_IMODE((work.root / "tool").lstat().st_mode) == 0o744
    work.checkout(relink=True)
    assert stat.S_IMODE((work.root / "tool").lstat().st_mode) == 0o744
    assert not (work.root / "tool").is_symlink()
    assert work.objects() == {digest("#!/bin/sh\n"): b"#!/bin/sh\n"}
    assert work.status() == {}


@pytest.mark.parametrize("link", ["data", "sub", "sub/data"])
def test_nothing_is_written_behind_a_link(work: Work, link: str) -> None:
    work.write("sub/data/deep/x", "x")
    work.write("data/x", "x")
    work.add("sub/data", "data")
    pointers = {name: work.read(name) for name in ("sub/data.dvc", "data.dvc")}
    outside = work.root.parent / "outside"
    outside.mkdir()
    for name in ("data", "sub"):
        work.delete(name)
    if link.startswith("sub/"):
        work.write("sub/data.dvc", pointers["sub/data.dvc"])
    (work.root / link).symlink_to(outside)
    if link == "sub":
        (outside / "data.dvc").write_bytes(pointers["sub/data.dvc"])
        work.checkout()
        assert [path.name for path in outside.iterdir()] == ["data.dvc"]
        return
    with pytest.raises(PathError, match="symbolic link"):
        work.checkout(force=True)
    assert list(outside.iterdir()) == []


def stage_pointer(work: Work, name: str, md5: str, *, legacy: bool = False) -> None:
    kind = "" if legacy else "  hash: md5\n"
    work.write(f"{name}.dvc", f"outs:\n- md5: {md5}\n{kind}  path: {name}\n")


def test_data_of_dvc_2(work: Work) -> None:
    """Text that differs from the object in its line ends only counts as the same, as in DVC 2."""
    text = work.put_legacy(b"one\r\n")
    binary = work.put_legacy(b"\0\r\n", digest(b"\0\r\n"))
    tree = dirfile.dump(["bin", "text"], [binary, text])
    work.put_legacy(tree, value := digest(tree) + ".dir")
    stage_pointer(work, "old", value, legacy=True)
    stage_pointer(work, "lone", text, legacy=True)
    work.checkout()
    assert work.files("old") == {"bin": b"\0\r\n", "text": b"one\r\n"}
    assert work.read("lone") == b"one\r\n"
    assert work.status() == {}
    assert work.checkout().is_empty
    work.write("old/text", b"one\n")
    assert work.checkout().is_empty
    work.write("old/text", b"mine\r\n")
    refused(work)
    work.checkout(force=True)
    assert work.read("old/text") == b"one\r\n"
    work.configure(type="hardlink")
    work.checkout(relink=True)
    assert os.path.samefile(work.root / "old/text", work.named(text, legacy=True))


def test_between_data_of_dvc_2_and_of_today(work: Work) -> None:
    """What is in the cache under the hash of today, or of then, is saved and no conflict."""
    old_text = work.put_legacy(b"old\r\n")
    old_tree = dirfile.dump(["text"], [old_text])
    work.put_legacy(old_tree, old := digest(old_tree) + ".dir")
    work.write("data/text", b"new\r\n")
    work.add("data")
    new = work.pointer("data.dvc")["md5"]
    for _ in range(2):
        stage_pointer(work, "data", old, legacy=True)
        work.checkout()
        assert work.read("data/text") == b"old\r\n"
        stage_pointer(work, "data", new)
        work.checkout()
        assert work.read("data/text") == b"new\r\n"
    work.write("data/text", b"mine\r\n")
    refused(work)
    stage_pointer(work, "data", old, legacy=True)
    refused(work)


def test_outputs_that_are_not_in_the_cache(work: Work) -> None:
    work.write("metrics.json", "{}")
    work.write(
        "dvc.yaml", "stages:\n  s:\n    cmd: x\n    metrics:\n    - metrics.json:\n        cache: false\n"
    )
    assert work.checkout().is_empty
    assert work.read("metrics.json") == b"{}"


def test_deleting_what_is_remembered_only_costs_time(data: Work) -> None:
    second(data)
    data.git("checkout", "-q", ".")
    shutil.rmtree(data.root / ".dvc/tmp")
    data.checkout()
    assert (data.files("data"), data.read("lone")) == (FIRST, b"lone")
    shutil.rmtree(data.root / ".dvc/tmp")
    assert data.status() == {}


def test_both_tools_agree(data: Work, dvc: Tool) -> None:
    second(data)
    data.git("checkout", "-q", ".")
    data.checkout()
    assert dvc(data.root, "status", "--json").json == {}
    assert dvc(data.root, "checkout").ok().out == ""
    assert Path(data.root / "data/a").read_bytes() == b"a"


def test_what_a_killed_command_left_beside_outputs_goes(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when nothing else is to do; and by `add`, which writes pointer files there."""
    assert leftovers.AGE == 24 * 3600
    for run in (data.checkout, lambda: data.checkout("lone"), lambda: data.add("lone")):
        path = Path(atomic.temporary_name(str(data.root)))
        path.write_text("half")
        run()
        assert path.exists()
        with monkeypatch.context() as patched:
            patched.setattr(leftovers, "AGE", -1)
            run()
        assert not path.exists()
