"""Storing what a path holds: every object complete and sealed, nothing stored or read twice."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from data_versioning.errors import FileChanged, PathError
from data_versioning.formats import dirfile
from data_versioning.localfs import batch
from data_versioning.localfs.links import LinkType
from data_versioning.objects import cache
from data_versioning.objects.oid import ObjectId
from data_versioning.workspace import store
from data_versioning.workspace.scan import Snapshot
from tests.workspace.samples import Place, digest, overwrite

pytestmark = pytest.mark.usefixtures("engine")

KINDS = list(LinkType)
OWN = (LinkType.COPY, LinkType.REFLINK)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of all files that are read for storing, or for hashing, from now on."""
    names: list[bytes] = []
    for function in ("store_files", "hash_files"):
        real = getattr(batch, function)

        def spy(
            root: str, blob: bytes, *args: object, _real: object = real, **options: object
        ) -> batch.Batch:
            names.extend(blob.split(b"\0")[:-1])
            return _real(root, blob, *args, **options)  # type: ignore[operator, no-any-return]

        monkeypatch.setattr(batch, function, spy)
    return names


def test_a_directory(here: Place) -> None:
    here.write(data__a=b"same", data__deep__b=b"same", data__c=b"", other=b"not stored")
    found = here.store("data")
    tree = dirfile.dump(found.paths(), found.hex_digests())
    assert found.oid == ObjectId(digest(tree) + ".dir")
    assert here.objects() == {
        digest(b"same"): (0o444, b"same"),
        digest(b""): (0o444, b""),
        found.oid.value: (0o444, tree),
    }
    assert found.oid == here.look("data").oid  # type: ignore[union-attr]
    assert here.files("data") == {"a": b"same", "deep/b": b"same", "c": b""}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file(here: Place, kind: LinkType) -> None:
    here.write(deep__file=b"content")
    assert here.store("deep/file", kind).oid == ObjectId(digest(b"content"))
    assert here.objects() == {digest(b"content"): (0o444, b"content")}
    assert here.files() == {"deep/file": b"content"}


def test_nothing_there(here: Place) -> None:
    with pytest.raises(PathError, match="nothing") as missing:
        here.store("nothing")
    assert missing.value.hint
    assert here.objects() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_time_reads_and_writes_nothing(here: Place, stored: list[bytes], kind: LinkType) -> None:
    here.write(data__a=b"aa", data__b=b"bb", lone=b"lone")
    for path in ("data", "lone"):
        here.store(path, kind)
    time.sleep(0.03)
    before = {path: os.stat(path) for path in map(str, Path(here.cache.root()).rglob("*"))}
    stored.clear()
    for path in ("data", "lone"):
        assert here.store(path, kind).oid == here.look(path).oid  # type: ignore[union-attr]
    assert stored == []
    after = {path: os.stat(path) for path in before}
    assert [found.st_ino for found in after.values()] == [found.st_ino for found in before.values()]


def test_only_what_changed_is_read(here: Place, stored: list[bytes]) -> None:
    for number in range(20):
        here.put(f"data/{number:02}", b"%d" % number)
    here.store("data")
    stored.clear()
    here.put("data/07", b"other")
    found = here.store("data")
    assert stored == [b"07"]
    assert here.objects()[digest(b"other")] == (0o444, b"other")
    assert here.cache.missing([*found.hex_digests(), found.oid.value]) == []


@pytest.mark.parametrize("path", ["data", "data/a"])
def test_lost_objects_are_stored_again(here: Place, path: str) -> None:
    here.write(data__a=b"aa", data__b=b"bb")
    here.store(path)
    complete = here.objects()
    time.sleep(0.03)
    here.store(path)  # remembers that all of them are there
    for value in complete:
        os.unlink(here.cache.path(ObjectId(value)))
        here.store(path)
        assert here.objects() == complete


@pytest.mark.parametrize("path", ["data", "data/a"])
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_torn_object_is_replaced(here: Place, path: str, mode: int) -> None:
    here.write(data__a=b"right")
    here.store(path)
    torn = Path(here.cache.path(ObjectId(digest(b"right"))))
    torn.chmod(0o644)
    torn.write_bytes(b"wron")
    torn.chmod(mode)
    (here.root.parent / "stat/files").unlink(missing_ok=True)
    for record in (here.root.parent / "stat").glob("*.tree"):
        record.unlink()
    here.store(path)
    assert here.objects()[digest(b"right")] == (0o444, b"right")


def own_inodes(here: Place, found: Snapshot, path: str) -> list[bool]:
    """For each file whether it shares no inode with its object."""
    files = [here.root / path / name for name in found.paths()] if found.is_dir else [here.root / path]
    return [
        os.stat(file).st_ino != os.stat(here.cache.path(ObjectId(value))).st_ino
        for file, value in zip(files, found.hex_digests(), strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_made_only_where_they_must(here: Place, kind: LinkType) -> None:
    here.write(data__a=b"aa", data__b=b"bb", lone=b"lone")
    for path in ("data", "lone"):
        assert set(own_inodes(here, here.store(path, kind), path)) == {kind in OWN}
    assert all(mode == 0o444 for mode, _ in here.objects().values())


@pytest.mark.parametrize("kind", [LinkType.HARDLINK, LinkType.SYMLINK])
def test_sealed_files_are_not_read_again(here: Place, stored: list[bytes], kind: LinkType) -> None:
    """Linking and sealing change mode and change time of the user's file, which is the object now."""
    here.write(data__a=b"aa", data__b=b"aa", lone=b"lone")
    for path in ("data", "lone"):
        here.store(path, kind)
    stored.clear()
    assert here.look("lone") is not None
    assert here.look("data") is not None
    # Of two equal files only one can be the object as long as nobody has linked the other to it.
    assert set(stored) <= {b"a", b"b"}
    assert len(stored) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_executable_file_keeps_bytes_of_its_own(here: Place, kind: LinkType) -> None:
    here.put("tool", b"#!/bin/sh\n", mode=0o755)
    found = here.store("tool", kind)
    assert found.is_executable
    assert own_inodes(here, found, "tool") == [True]
    assert stat.S_IMODE((here.root / "tool").stat().st_mode) == 0o755
    assert here.objects() == {digest(b"#!/bin/sh\n"): (0o444, b"#!/bin/sh\n")}


def test_what_a_link_leads_to_is_not_taken_over(here: Place) -> None:
    """It may lie outside; with symbolic links DVC copies it."""
    outside = here.root.parent / "outside"
    outside.write_bytes(b"outside")
    before = outside.stat()
    here.put("data/a", b"a")
    (here.root / "data/link").symlink_to(outside)
    (here.root / "lone").symlink_to(outside)
    for path in ("data", "lone"):
        here.store(path, LinkType.SYMLINK)
    after = outside.stat()
    assert (after.st_mode, after.st_nlink, after.st_ino) == (before.st_mode, 1, before.st_ino)
    assert here.objects()[digest(b"outside")] == (0o444, b"outside")


class Meddler:
    """Progress that changes a file in the moment it was read."""

    def __init__(self, file: Path, content: bytes) -> None:
        self.file = file
        self.content = content

    def start(self, label: str, *, files: int | None = None, size: int | None = None) -> None: ...

    def advance(self, files: int, size: int = 0) -> None:
        overwrite(self.file, self.content)

    def finish(self) -> None: ...


@pytest.mark.parametrize("path", ["data", "data/a"])
@pytest.mark.parametrize("kind", [LinkType.COPY, LinkType.REFLINK])
def test_a_change_right_after_storing(here: Place, path: str, kind: LinkType) -> None:
    file = here.put("data/a", b"old")
    scanner = here.scanner()._replace(progress=Meddler(file, b"new"))
    found = store.put(scanner, path, here.cache, kind=kind)
    scanner.stats.save()
    assert found.hex_digests() == [digest(b"old")]
    assert here.objects()[digest(b"old")] == (0o444, b"old")
    assert here.look("data/a").oid.value == digest(b"new")  # type: ignore[union-attr]
    here.store(path, kind)
    assert here.objects()[digest(b"new")] == (0o444, b"new")


@pytest.mark.parametrize("path", ["data", "data/a"])
def test_a_file_that_never_holds_still(here: Place, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    here.put("data/a", b"0")
    store_files = batch.store_files
    monkeypatch.setattr(
        batch, "store_files", lambda *args, **options: store_files(*args, **options)._replace(changed=[0])
    )
    with pytest.raises(FileChanged, match="data/a"):
        here.store(path)
    assert not any(value.endswith(".dir") for value in here.objects())


def test_nothing_is_sealed_before_everything_is_written(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sync lies between writing and trusting, also for the listing."""
    here.write(data__a=b"a", data__b=b"b")
    seen = []
    monkeypatch.setattr(
        batch, "sync", lambda path: seen.append(sorted(mode for mode, _ in here.objects().values()))
    )
    scanner = here.scanner()
    store.put(scanner, "data", here.cache._replace(durable=True), kind=LinkType.COPY)
    assert seen == [[0o644, 0o644, 0o644]]
    assert {mode for mode, _ in here.objects().values()} == {0o444}


@pytest.mark.parametrize("path", ["data", "data/a"])
@pytest.mark.parametrize("kind", [LinkType.HARDLINK, LinkType.SYMLINK])
def test_an_edit_before_the_seal_takes_the_object_back(
    here: Place, monkeypatch: pytest.MonkeyPatch, path: str, kind: LinkType
) -> None:
    """A linked object is the user's file until it is sealed."""
    file = here.put("data/a", b"old", mode=0o640)
    monkeypatch.setattr(batch, "sync", lambda _: overwrite(file, b"new"))
    scanner = here.scanner()
    with pytest.raises(FileChanged, match="data/a"):
        store.put(scanner, path, here.cache._replace(durable=True), kind=kind)
    monkeypatch.undo()
    assert here.files("data") == {"a": b"new"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert digest(b"old") not in here.objects()
    here.store(path, kind)
    assert here.objects()[digest(b"new")] == (0o444, b"new")


@pytest.mark.parametrize("path", ["data", "data/a"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_an_object_that_was_edited_in_place_is_not_trusted(
    here: Place, path: str, kind: LinkType, mode: int
) -> None:
    """The superuser can write to a linked file without asking, others after chmod."""
    file = here.put("data/a", b"old")
    here.store(path, LinkType.HARDLINK)
    file.chmod(mode)
    overwrite(file, b"new")
    here.put("data/b", b"beside it")
    here.store(path, kind)
    assert here.objects()[digest(b"new")] == (0o444, b"new")
    assert here.cache.missing([digest(b"old"), digest(b"new")]) == [0]
    assert here.objects()[digest(b"old")][0] != 0o444
    overwrite(file, b"and")
    assert here.objects()[digest(b"new")] == (0o444, b"new")


@pytest.mark.parametrize("path", ["data", "data/a"])
def test_another_link_to_an_object_is_no_edit(here: Place, path: str) -> None:
    """It changes the time stamps of all of them."""
    file = here.put("data/a", b"same")
    here.store(path, LinkType.HARDLINK)
    other = here.root / "other"
    os.link(file, other)
    before = file.stat()
    here.store(path, LinkType.HARDLINK)
    object_path = here.cache.path(ObjectId(digest(b"same")))
    assert os.path.samefile(file, object_path) and os.path.samefile(other, object_path)
    assert (before.st_ino, before.st_mode) == (file.stat().st_ino, file.stat().st_mode)


@pytest.mark.parametrize("path", ["data", "data/a"])
@pytest.mark.parametrize("kind", [LinkType.COPY, LinkType.HARDLINK])
def test_reused_objects_are_young_where_others_may_clean_up(
    here: Place, monkeypatch: pytest.MonkeyPatch, stored: list[bytes], path: str, kind: LinkType
) -> None:
    here.put("data/a", b"a")
    found = here.store(path, kind)
    paths = [Path(here.cache.path(ObjectId(value))) for value in {digest(b"a"), found.oid.value}]
    born = [file.stat() for file in paths]
    here.store(path, kind)
    assert [file.stat() for file in paths] == born
    monkeypatch.setattr(cache, "_FRESH_NS", 0)
    time.sleep(0.03)
    before = time.time_ns() - 20_000_000
    stored.clear()
    here.store(path, kind)
    assert all(file.stat().st_ctime_ns >= before for file in paths)
    assert [file.stat().st_mtime_ns for file in paths if file.suffix == ""] == [
        file.st_mtime_ns for file, name in zip(born, paths, strict=True) if name.suffix == ""
    ]
    here.look(path)
    assert stored == []


def test_fitting() -> None:
    assert [store.fitting(kind, is_executable=False) for kind in KINDS] == KINDS
    assert [store.fitting(kind, is_executable=True) for kind in KINDS] == [
        kind if kind in OWN else LinkType.COPY for kind in KINDS
    ]
