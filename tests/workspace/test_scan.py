"""Looking at what a path holds: right after every change, without reading what did not change."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data_versioning.errors import DataVersioningError, FileChanged, PathError
from data_versioning.formats import dirfile
from data_versioning.localfs import batch
from data_versioning.workspace import scan
from data_versioning.workspace.ignore import IgnoreRules
from tests.workspace.samples import Place, back_date, digest, overwrite

pytestmark = pytest.mark.usefixtures("engine")


def tree_id(**files: bytes) -> str:
    """The object id of a directory; "__" in a name stands for "/"."""
    names = [name.replace("__", "/") for name in files]
    return digest(dirfile.dump(names, [digest(content) for content in files.values()])) + ".dir"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of all files that are read for hashing from now on."""
    names: list[bytes] = []
    hash_files = batch.hash_files

    def spy(root: str, blob: bytes, **options: object) -> batch.Batch:
        names.extend(blob.split(b"\0")[:-1])
        return hash_files(root, blob, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "hash_files", spy)
    return names


def value(here: Place, path: str) -> str:
    found = here.look(path)
    assert found is not None
    return found.oid.value


def test_a_file(here: Place) -> None:
    here.put("sub/tool", b"content", mode=0o755)
    found = here.look("sub/tool")
    assert found is not None
    assert (found.oid.value, found.is_dir, found.size, found.is_executable) == (
        digest(b"content"),
        False,
        7,
        True,
    )
    assert found.hex_digests() == [digest(b"content")]
    here.put("plain")
    plain = here.look("plain")
    assert plain is not None
    assert not plain.is_executable


def test_a_directory(here: Place) -> None:
    files = {"b": b"B", "a-b": b"", "a__c": b"same", "a__deep__d": b"same", "ü": b"utf"}
    here.write(**{f"data__{name}": content for name, content in files.items()})
    found = here.look("data")
    assert found is not None
    assert (found.oid.value, found.is_dir, found.size) == (tree_id(**files), True, 12)
    assert dict(zip(found.paths(), found.hex_digests(), strict=True)) == {
        name.replace("__", "/"): digest(content) for name, content in files.items()
    }
    assert not found.is_executable


def test_empty(here: Place) -> None:
    (here.root / "data/empty").mkdir(parents=True)
    assert value(here, "data") == "d751713988987e9331980363e24189ce.dir"
    assert here.look("nothing") is None
    assert here.look("data/nothing/at/all") is None


def test_the_second_look_reads_nothing(here: Place, read: list[bytes]) -> None:
    here.write(data__a=b"a", data__b=b"b", file=b"f")
    first = value(here, "data"), value(here, "file")
    assert sorted(read) == [b"a", b"b", b"file"]
    read.clear()
    assert (value(here, "data"), value(here, "file")) == first
    assert read == []


def test_deleting_what_is_remembered_only_costs_time(here: Place, read: list[bytes]) -> None:
    here.write(data__a=b"a", file=b"f")
    first = value(here, "data"), value(here, "file")
    shutil.rmtree(here.root.parent / "stat")
    read.clear()
    assert (value(here, "data"), value(here, "file")) == first
    assert sorted(read) == [b"a", b"file"]


def replaced(path: Path) -> None:
    """Put another file of the same size in its place, with the same modification time."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"b" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


def rewritten(path: Path) -> None:
    """Change the content, then take the modification time back."""
    before = path.stat()
    overwrite(path, b"b" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "in place": lambda path: overwrite(path, b"b" * path.stat().st_size),
    "rewritten with the old time": rewritten,
    "replaced": replaced,
    "longer": lambda path: path.write_bytes(b"longer than before"),
}


@pytest.mark.parametrize("path", ["data", "data/a"])
@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
@pytest.mark.parametrize("age", [0.0, 3600.0], ids=["fresh", "old"])
def test_every_change_is_noticed(
    here: Place, path: str, change: Callable[[Path], object], age: float
) -> None:
    here.write(data__a=b"aaa", data__z=b"z")
    back_date(here.root / "data/a", age)
    before = value(here, path)
    change(here.root / "data/a")
    after = value(here, path)
    assert after != before
    shutil.rmtree(here.root.parent / "stat")
    assert value(here, path) == after


@pytest.mark.parametrize("path", ["data", "data/a"])
def test_a_change_in_the_same_tick_of_the_clock(here: Place, path: str) -> None:
    """Same size, same inode, and often the same time stamps."""
    for number in range(15):
        here.put("data/a", b"%03d" % number)
        before = value(here, path)
        overwrite(here.root / "data/a", b"%03d" % (number + 500))
        after = value(here, path)
        assert after != before
        overwrite(here.root / "data/a", b"%03d" % number)
        assert value(here, path) == before


class Meddler:
    """Progress that changes a file when reading begins, or as soon as it was read."""

    def __init__(self, *, before: Callable[[], object] = list, after: Callable[[], object] = list) -> None:
        self.before = before
        self.after = after

    def start(self, label: str, *, files: int | None = None, size: int | None = None) -> None:
        self.before()

    def advance(self, files: int, size: int = 0) -> None:
        self.after()

    def finish(self) -> None: ...


@pytest.mark.parametrize("path", ["data", "data/a"])
def test_a_change_between_reading_and_remembering(here: Place, path: str) -> None:
    """What is remembered is not wrong, although the file may look as when it was read."""
    for number in range(15):
        file = here.put("data/a", b"%03d" % number)
        meddler = Meddler(after=lambda file=file: overwrite(file, b"new"))
        scanner = here.scanner()._replace(progress=meddler)
        scan.look(scanner, path)
        scanner.stats.save()
        assert value(here, path) == (digest(b"new") if path == "data/a" else tree_id(a=b"new"))


@pytest.mark.parametrize("path", ["data", "data/a"])
def test_reading_waits_until_the_clock_has_ticked(
    here: Place, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Otherwise a change after the reading could have the same time stamps as one before."""
    started = []
    hash_files = batch.hash_files

    def spy(*args: object, **options: object) -> batch.Batch:
        started.append(time.time_ns())
        return hash_files(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "hash_files", spy)
    here.put("data/a", b"a")
    here.look(path)
    assert started[0] - (here.root / "data/a").stat().st_mtime_ns >= 20_000_000


@pytest.mark.parametrize("path", ["data", "data/a"])
def test_a_file_that_changes_when_reading_begins_is_not_remembered(
    here: Place, read: list[bytes], path: str
) -> None:
    here.write(data__a=b"aaa", data__b=b"bbb")
    time.sleep(0.03)
    meddler = Meddler(before=lambda: overwrite(here.root / "data/a", b"AAA"))
    scanner = here.scanner()._replace(progress=meddler)
    found = scan.look(scanner, path)
    assert found is not None
    assert found.hex_digests()[0] == digest(b"AAA")
    scanner.stats.save()
    read.clear()
    assert value(here, path) == found.oid.value
    assert read == [b"a"]


@pytest.mark.parametrize("path", ["data", "data/a"])
@pytest.mark.parametrize("change", ["touch", "chmod", "copy"])
def test_same_content_is_read_again_and_is_the_same(
    here: Place, read: list[bytes], path: str, change: str
) -> None:
    here.write(data__a=b"a", data__b=b"b")
    before = value(here, path)
    read.clear()
    target = here.root / "data/a"
    match change:
        case "touch":
            os.utime(target)
        case "chmod":
            target.chmod(0o600)
        case "copy":
            shutil.copy(target, here.root / "copy")
            (here.root / "copy").rename(target)
    assert value(here, path) == before
    assert read == [b"a"]
    read.clear()
    assert value(here, path) == before
    assert read == []


def test_only_what_changed_is_read(here: Place, read: list[bytes]) -> None:
    for number in range(600):
        here.put(f"data/{number:03}", b"%d" % number)
    value(here, "data")
    read.clear()
    here.put("data/300", b"other")
    here.put("data/new", b"new")
    (here.root / "data/000").unlink()
    (here.root / "data/001").rename(here.root / "data/moved")
    after = value(here, "data")
    assert sorted(read) == [b"300", b"moved", b"new"]
    shutil.rmtree(here.root.parent / "stat")
    assert value(here, "data") == after


def test_a_file_that_becomes_a_directory_and_back(here: Place) -> None:
    path = here.put("data", b"file")
    assert value(here, "data") == digest(b"file")
    path.unlink()
    here.put("data/a", b"a")
    assert value(here, "data") == tree_id(a=b"a")
    shutil.rmtree(here.root / "data")
    here.put("data", b"file")
    assert value(here, "data") == digest(b"file")


def test_links_to_files_are_followed(here: Place) -> None:
    outside = here.root.parent / "outside"
    outside.write_bytes(b"outside")
    here.put("data/real", b"real")
    (here.root / "data/link").symlink_to(outside)
    (here.root / "lone").symlink_to("data/real")
    before = value(here, "data")
    assert before == tree_id(real=b"real", link=b"outside")
    assert value(here, "lone") == digest(b"real")
    overwrite(outside, b"changed")
    assert value(here, "data") == tree_id(real=b"real", link=b"changed")


def test_links_to_directories_are_left_out(here: Place) -> None:
    here.write(data__a=b"a", other__b=b"b")
    (here.root / "data/link").symlink_to("../other")
    assert value(here, "data") == tree_id(a=b"a")


@pytest.mark.parametrize("kind", ["dangling", "fifo"])
@pytest.mark.parametrize("path", ["data", "data/odd"])
def test_what_cannot_be_tracked(here: Place, kind: str, path: str) -> None:
    here.put("data/a", b"a")
    if kind == "fifo":
        os.mkfifo(here.root / "data/odd")
    else:
        (here.root / "data/odd").symlink_to("nowhere")
    with pytest.raises(PathError, match="odd"):
        here.look(path)


def test_an_ignore_file_inside(here: Place) -> None:
    here.write(data__deep___dvcignore=b"")
    (here.root / "data/deep/_dvcignore").rename(here.root / "data/deep/.dvcignore")
    with pytest.raises(PathError, match=r"\.dvcignore") as refused:
        here.look("data")
    assert refused.value.hint


def test_ignored_files(here: Place) -> None:
    here.write(data__keep=b"k", data__skip_tmp=b"s", skip_tmp=b"s")
    (here.root / "data/skip_tmp").rename(here.root / "data/skip.tmp")
    here.put(".dvcignore", b"*.tmp\nskip_tmp\n")
    rules = IgnoreRules.load(str(here.root), [".dvcignore"])
    found = here.look("data", ignore=rules)
    assert found is not None
    assert found.oid.value == tree_id(keep=b"k")
    assert here.look("skip_tmp", ignore=rules) is None


def test_text_hashes_are_kept_apart(here: Place) -> None:
    here.write(data__text=b"one\r\ntwo\r\n", data__binary=b"\0\r\n", lone=b"a\r\n")
    old = here.look("data", legacy=True)
    assert old is not None
    assert old.oid.legacy
    assert dict(zip(old.paths(), old.hex_digests(), strict=True)) == {
        "text": digest(b"one\ntwo\n"),
        "binary": digest(b"\0\r\n"),
    }
    assert value(here, "data") == tree_id(text=b"one\r\ntwo\r\n", binary=b"\0\r\n")
    assert here.look("data", legacy=True) == old
    lone = here.look("lone", legacy=True)
    assert lone is not None
    assert (lone.oid.value, value(here, "lone")) == (digest(b"a\n"), digest(b"a\r\n"))


def test_unfinished_files_are_not_data(here: Place) -> None:
    """Temporary names of ours: a process died while it made them."""
    left = here.put(f"data/deep/.{'0a' * 11}.tmp", b"torn")
    here.write(data__a=b"a", data__x_tmp=b"x")
    assert value(here, "data") == tree_id(a=b"a", x_tmp=b"x")
    assert left.exists()
    scan.look(here.scanner()._replace(sweep=True), "data")
    assert not left.exists()
    assert (here.root / "data/x_tmp").exists()


def test_a_file_that_never_holds_still(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    here.put("data/log", b"0")
    hash_files = batch.hash_files
    attempts = []

    def changing(*args: object, **options: object) -> batch.Batch:
        attempts.append(1)
        found = hash_files(*args, **options)  # type: ignore[arg-type]
        return found._replace(changed=[0])

    monkeypatch.setattr(batch, "hash_files", changing)
    with pytest.raises(FileChanged, match="data/log") as refused:
        here.look("data")
    assert refused.value.hint
    assert 1 < len(attempts) < 10


def test_a_file_that_vanishes_while_it_is_read(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write(data__a=b"a", data__b=b"b")
    walk = scan.walk.walk

    def walk_then_lose(*args: object, **options: object) -> object:
        found = walk(*args, **options)  # type: ignore[arg-type]
        (here.root / "data/b").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(scan.walk, "walk", walk_then_lose)
    with pytest.raises(DataVersioningError, match="data/b"):
        here.look("data")


def test_refreshed_takes_over_only_modes_and_change_times(here: Place) -> None:
    here.write(data__a=b"aaa", data__b=b"bbb")
    found = here.look("data")
    assert found is not None
    time.sleep(0.02)
    (here.root / "data/a").chmod(0o444)
    overwrite(here.root / "data/b", b"BBB")
    listing = scan.refreshed(str(here.root / "data"), found.listing)
    assert listing.stat(0) == scan.walk.stat_file(str(here.root / "data/a"))
    assert listing.stat(1) == found.listing.stat(1)
