from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType

# Around the edges of a block of MD5, of its padding, and of the buffers.
SIZES = [
    0,
    1,
    3,
    54,
    55,
    56,
    57,
    63,
    64,
    65,
    119,
    120,
    121,
    128,
    1000,
    1024,
    65535,
    65536,
    65537,
    65600,
    131072,
]
SIZES += [200_001, 1 << 20, (1 << 20) + 55, 3_000_000]
LONG = (64 << 20) + 12345  # has a thread of its own for writing


def names(paths: Sequence[str | bytes]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def digests(found: batch.Batch) -> list[bytes]:
    return [found.digests[i : i + 16] for i in range(0, len(found.digests), 16)]


def stats(found: batch.Batch) -> list[walk.FileStat]:
    return [walk.FileStat(*record) for record in walk.RECORD.iter_unpack(found.stats)]


def record(path: str | Path) -> walk.FileStat:
    found = walk.stat_file(str(path))
    assert found is not None
    return found


def everything_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def object_name(content: bytes) -> str:
    return md5(content).hex()[:2] + "/" + md5(content).hex()[2:]


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def no_descriptor_stays_open(each_engine: str) -> Iterator[None]:
    before = len(os.listdir("/dev/fd"))
    yield
    assert len(os.listdir("/dev/fd")) == before


class Sample:
    """Files of all sizes, in a few directories."""

    def __init__(self, root: Path, sizes: Sequence[int] = SIZES) -> None:
        self.root = root
        noise = random.Random(7).randbytes(997)
        self.contents = {
            f"{i % 3}/{i}": (noise[i % 997 :] + noise * (size // 997 + 1))[:size]
            for i, size in enumerate(sizes)
        }
        for path, content in self.contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        self.names = names(list(self.contents))
        self.md5s = [md5(content) for content in self.contents.values()]

    def object_names(self) -> bytes:
        return names([object_name(content) for content in self.contents.values()])


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path / "sample")


@pytest.fixture
def stored(sample: Sample, tmp_path: Path) -> str:
    objects = str(tmp_path / "objects")
    assert batch.store_files(str(sample.root), sample.names, objects, method="copy").errors == {}
    return objects


# hash


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_hash(sample: Sample, threads: int) -> None:
    found = batch.hash_files(str(sample.root), sample.names, threads=threads)
    assert digests(found) == sample.md5s
    assert stats(found) == [record(sample.root / path) for path in sample.contents]
    assert (found.errors, found.changed, set(found.written)) == ({}, [], {0})


def test_hash_of_many_files_of_every_small_size(tmp_path: Path) -> None:
    sample = Sample(tmp_path, range(700))
    assert digests(batch.hash_files(str(tmp_path), sample.names)) == sample.md5s


def test_hash_nothing(tmp_path: Path) -> None:
    assert batch.hash_files(str(tmp_path), b"") == (b"", b"", {}, [], b"")


def test_hash_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"good")
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "dir").mkdir()
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        asked = [
            "good",
            "missing",
            "dir",
            "broken",
            "loop",
            "fifo",
            "socket",
            "good/below",
            "link",
            "n" * 300,
        ]
        found = batch.hash_files(str(tmp_path), names(asked))
    assert {asked[index]: errno.errorcode[code] for index, code in found.errors.items()} == {
        "missing": "ENOENT",
        "dir": "EISDIR",
        "broken": "ENOENT",
        "loop": "ELOOP",
        "fifo": "EINVAL",
        "socket": "EINVAL",
        "good/below": "ENOTDIR",
        "n" * 300: "ENAMETOOLONG",
    }
    assert digests(found) == [md5(b"good") if index in (0, 8) else bytes(16) for index in range(len(asked))]
    assert stats(found)[8] == record(tmp_path / "link")
    assert stats(found)[8].flags == walk.SYMLINK
    assert set(stats(found)[1]) == {0}


def test_hash_a_device() -> None:
    assert batch.hash_files("/dev", names(["null", "zero"])).errors == {0: errno.EINVAL, 1: errno.EINVAL}


def test_hash_below_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        batch.hash_files(str(tmp_path / "missing"), names(["a"]))


def test_names_must_end(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NUL"):
        batch.hash_files(str(tmp_path), b"a\0b")


def test_names_of_any_bytes(tmp_path: Path) -> None:
    odd = [bytes([byte]) * 3 for byte in range(1, 256) if byte not in b"/"]
    odd.remove(b"...")
    for name in odd:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    assert digests(batch.hash_files(str(tmp_path), names(odd))) == [md5(name) for name in odd]


class Appending:
    """Somebody who goes on writing to a file."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(20 << 20))
        self._file = path.open("ab", buffering=0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        while not self._stop.is_set():
            self._file.write(b"x")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        self._thread.join()
        self._file.close()


@pytest.mark.parametrize("method", [None, "copy", "reflink", "hardlink"])
def test_a_file_that_changes_is_told_and_not_kept(tmp_path: Path, method: str | None) -> None:
    (tmp_path / "quiet").write_bytes(b"quiet")
    both = names(["noisy", "quiet"])
    with Appending(tmp_path / "noisy"):
        if method is None:
            found = batch.hash_files(str(tmp_path), both)
        else:
            found = batch.store_files(str(tmp_path), both, str(tmp_path / "o"), method=method)  # type: ignore[arg-type]
    assert (found.changed, found.errors) == ([0], {})
    assert digests(found) == [bytes(16), md5(b"quiet")]
    if method is not None:
        assert everything_below(tmp_path / "o") == {object_name(b"quiet"): b"quiet"}
        assert found.written == b"\0\1"


def test_a_file_that_lies_about_its_size_counts_as_changed() -> None:
    if not os.path.exists("/proc/self/status"):
        pytest.skip("no /proc")
    assert batch.hash_files("/proc/self", b"status\0").changed == [0]


def test_text_mode_is_what_dvc_2_did(tmp_path: Path) -> None:
    hashing = pytest.importorskip("dvc_data.hashfile.hash")
    files = pytest.importorskip("dvc_objects.fs.local")
    block = 1 << 20
    contents = [
        b"",
        b"a\r\nb\r\n",
        b"a\r\n\0",
        b"\xff\r\n" * 200,
        b"a\r\n" * block,
        b"a" * (block - 1) + b"\r\n",
    ]
    contents += [b"\0" * block + b"text\r\n", b"\r\n" * 256 + b"\0\r\n", b"\xff" * 153 + b"a" * 357 + b"\r\n"]
    contents += [b"\xff" * 154 + b"a" * 356 + b"\r\n", b"lone\rcr\n\n"]
    for index, content in enumerate(contents):
        (tmp_path / str(index)).write_bytes(content)
    asked = [str(index) for index in range(len(contents))]
    found = batch.hash_files(str(tmp_path), names(asked), text_mode=True)
    fs = files.LocalFileSystem()
    assert [digest.hex() for digest in digests(found)] == [
        hashing.file_md5(str(tmp_path / name), fs, name="md5-dos2unix") for name in asked
    ]


# store


@pytest.mark.parametrize("method", ["copy", "reflink", "hardlink"])
def test_store(sample: Sample, tmp_path: Path, method: str) -> None:
    objects = tmp_path / "objects"
    found = batch.store_files(str(sample.root), sample.names, str(objects), method=method)  # type: ignore[arg-type]
    assert (found.errors, found.changed, set(found.written)) == ({}, [], {1})
    assert digests(found) == sample.md5s
    assert stats(found) == [record(sample.root / path) for path in sample.contents]
    assert everything_below(objects) == {
        object_name(content): content for content in sample.contents.values()
    }
    for path, content in sample.contents.items():
        stored = objects / object_name(content)
        shared = os.path.samefile(sample.root / path, stored)
        assert shared == (method == "hardlink" and bool(content))
        assert stat.S_IMODE(stored.stat().st_mode) != 0o444


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o222, 0o644)])
@pytest.mark.usefixtures("umask")
def test_objects_are_never_born_read_only(tmp_path: Path, mask: int, mode: int) -> None:
    sample = Sample(tmp_path / "s", [0, 10, 70_000])
    for content in [*sample.contents.values()]:
        (tmp_path / "o" / object_name(content)).parent.mkdir(parents=True)
    (tmp_path / "o/00").mkdir()
    os.umask(mask)
    found = batch.store_files(str(sample.root), sample.names, str(tmp_path / "o"), method="copy")
    assert found.errors == {}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "o").glob("*/*")} == {mode}


@pytest.mark.usefixtures("umask")
def test_modes_of_a_shared_cache(sample: Sample, tmp_path: Path) -> None:
    os.umask(0o077)
    objects = tmp_path / "cache/files/md5"
    batch.store_files(str(sample.root), sample.names, str(objects), method="copy", directory_mode=0o2775)
    assert {stat.S_IMODE(path.stat().st_mode) for path in objects.glob("*/*")} == {0o664}
    for directory in [*objects.glob("*"), objects, objects.parent]:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o2775


def test_a_sealed_object_is_kept_and_freshened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    stored = tmp_path / "o" / object_name(b"content")
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"CONTENT")
    stored.chmod(0o444)
    os.utime(stored, (1, 1))
    found = batch.store_files(str(tmp_path), b"file\0", str(tmp_path / "o"), method="copy")
    assert (found.written, found.errors) == (b"\0", {})
    assert stored.read_bytes() == b"CONTENT"
    assert stored.stat().st_mtime > 1_000_000


@pytest.mark.parametrize(
    ("content", "mode"), [(b"CONTENT", 0o644), (b"short", 0o444), (b"content", 0o664), (b"", 0o555)]
)
@pytest.mark.parametrize("method", ["copy", "hardlink"])
def test_anything_else_is_replaced(tmp_path: Path, content: bytes, mode: int, method: str) -> None:
    (tmp_path / "file").write_bytes(b"content")
    stored = tmp_path / "o" / object_name(b"content")
    stored.parent.mkdir(parents=True)
    stored.write_bytes(content)
    stored.chmod(mode)
    found = batch.store_files(str(tmp_path), b"file\0", str(tmp_path / "o"), method=method)  # type: ignore[arg-type]
    assert (found.written, found.errors) == (b"\1", {})
    assert everything_below(tmp_path / "o") == {object_name(b"content"): b"content"}


def test_a_link_that_is_there_already_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    for _ in range(2):
        assert (
            batch.store_files(str(tmp_path), b"file\0", str(tmp_path / "o"), method="hardlink").errors == {}
        )
        assert list(everything_below(tmp_path / "o")) == [object_name(b"content")]


def test_many_files_of_one_content(tmp_path: Path) -> None:
    for index in range(300):
        (tmp_path / str(index)).write_bytes(b"same")
    found = batch.store_files(
        str(tmp_path), names([str(i) for i in range(300)]), str(tmp_path / "o"), method="copy", threads=4
    )
    assert found.errors == {}
    assert everything_below(tmp_path / "o") == {object_name(b"same"): b"same"}


def test_hardlinks_across_file_systems_become_copies(sample: Sample) -> None:
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(sample.root).st_dev:
        pytest.skip("no second file system")
    objects = Path(f"/dev/shm/test-batch-{os.getpid()}")
    try:
        found = batch.store_files(str(sample.root), sample.names, str(objects), method="hardlink")
        assert (found.errors, set(found.written)) == ({}, {1})
        assert digests(found) == sample.md5s
        assert everything_below(objects) == {
            object_name(content): content for content in sample.contents.values()
        }
    finally:
        subprocess.run(["rm", "-rf", str(objects)], check=True)


def test_long_files(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "s", [LONG, 5, (64 << 20) + (4 << 20), 100_000])
    found = batch.store_files(str(sample.root), sample.names, str(tmp_path / "o"), method="copy")
    assert digests(found) == sample.md5s
    copied = batch.copy_files(
        str(tmp_path / "o"),
        sample.object_names(),
        str(tmp_path / "t"),
        sample.names,
        digests=found.digests,
        replace=True,
    )
    assert copied.errors == {}
    assert everything_below(tmp_path / "t") == sample.contents


# copy


def test_copy(sample: Sample, stored: str, tmp_path: Path) -> None:
    target = tmp_path / "deep/target"
    found = batch.copy_files(
        stored, sample.object_names(), str(target), sample.names, digests=b"".join(sample.md5s), replace=False
    )
    assert (found.errors, found.changed, set(found.written)) == ({}, [], {1})
    assert everything_below(target) == sample.contents
    assert digests(found) == sample.md5s
    assert stats(found) == [record(target / path) for path in sample.contents]


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("mode", "result"), [(None, 0o640), (0o444, 0o444), (0o777, 0o777)])
def test_copy_modes(sample: Sample, tmp_path: Path, mode: int | None, result: int) -> None:
    os.umask(0o027)
    target = tmp_path / "target"
    batch.copy_files(str(sample.root), sample.names, str(target), sample.names, mode=mode, replace=True)
    assert everything_below(target) == sample.contents
    assert {stat.S_IMODE((target / path).stat().st_mode) for path in sample.contents} == {result}


def test_wrong_content_leaves_nothing(sample: Sample, stored: str, tmp_path: Path) -> None:
    wrong = [bytes(16) if index % 2 else digest for index, digest in enumerate(sample.md5s)]
    found = batch.copy_files(
        stored,
        sample.object_names(),
        str(tmp_path / "t"),
        sample.names,
        digests=b"".join(wrong),
        replace=True,
    )
    assert found.errors == dict.fromkeys(range(1, len(wrong), 2), errno.EBADMSG)
    assert list(found.written) == [1 - index % 2 for index in range(len(wrong))]
    good = {path: content for index, (path, content) in enumerate(sample.contents.items()) if index % 2 == 0}
    assert everything_below(tmp_path / "t") == good


def test_copy_replaces_only_when_told(tmp_path: Path) -> None:
    for name in ("new", "t/there", "t/linked-to"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "t/link").symlink_to("linked-to")
    (tmp_path / "t/dir").mkdir()
    sources, targets = names(["new"] * 3), names(["there", "link", "dir"])
    arguments = (str(tmp_path), sources, str(tmp_path / "t"), targets)
    kept = batch.copy_files(*arguments, replace=False)
    assert kept.errors == dict.fromkeys(range(3), errno.EEXIST)
    assert (tmp_path / "t/there").read_bytes() == b"t/there"
    replaced = batch.copy_files(*arguments, replace=True)
    assert replaced.errors == {2: errno.EISDIR}
    assert not (tmp_path / "t/link").is_symlink()
    assert everything_below(tmp_path / "t") == {"there": b"new", "link": b"new", "linked-to": b"t/linked-to"}


HOSTILE = {
    "../out": errno.EINVAL,
    "/tmp/out": errno.EINVAL,
    "a/../../out": errno.EINVAL,
    "..": errno.EINVAL,
    ".": errno.EINVAL,
    "": errno.EINVAL,
    "a//b": errno.EINVAL,
    "a/": errno.EINVAL,
    "./a": errno.EINVAL,
    "link/out": errno.ELOOP,
    "sub/link/out": errno.ELOOP,
    "link/deeper/out": errno.ELOOP,
    "file/out": errno.ENOTDIR,
}


@pytest.mark.parametrize("kind", list(LinkType))
def test_nothing_is_written_outside(tmp_path: Path, kind: LinkType) -> None:
    target, outside = tmp_path / "t", tmp_path / "outside"
    for directory in (target / "sub", outside / "deeper"):
        directory.mkdir(parents=True)
    (target / "file").write_bytes(b"")
    (target / "link").symlink_to(outside)
    (target / "sub/link").symlink_to(outside)
    (tmp_path / "source").write_bytes(b"secret")
    before = sorted(tmp_path.rglob("*"))
    found = batch.link_files(
        str(tmp_path),
        names(["source"] * len(HOSTILE)),
        str(target),
        names(list(HOSTILE)),
        kind=kind,
        replace=True,
    )
    assert found.errors == dict(enumerate(HOSTILE.values()))
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_outside_is_changed_or_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"")
    (outside / "file").chmod(0o600)
    (tmp_path / "t").mkdir()
    (tmp_path / "t/link").symlink_to(outside)
    (tmp_path / "t/file-link").symlink_to(outside / "file")
    bad = names(["link/file", "../outside/file", str(outside / "file")])
    errors = {0: errno.ELOOP, 1: errno.EINVAL, 2: errno.EINVAL}
    assert batch.chmod_files(str(tmp_path / "t"), bad, 0o777) == errors
    assert batch.remove_files(str(tmp_path / "t"), bad) == errors
    assert batch.chmod_files(str(tmp_path / "t"), b"file-link\0", 0o777) == {0: errno.ELOOP}
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o600


def test_an_object_that_is_freshened_can_be_copied(tmp_path: Path) -> None:
    content = bytes(20 << 20)
    (tmp_path / "object").write_bytes(content)
    stop = threading.Event()

    def freshen() -> None:
        while not stop.is_set():
            os.utime(tmp_path / "object")

    thread = threading.Thread(target=freshen)
    thread.start()
    found = batch.copy_files(
        str(tmp_path), b"object\0", str(tmp_path), b"t\0", digests=md5(content), replace=True
    )
    stop.set()
    thread.join()
    assert (found.errors, found.changed) == ({}, [])
    assert (tmp_path / "t").read_bytes() == content


def test_targets_in_any_order(tmp_path: Path) -> None:
    rng = random.Random(3)
    paths = [f"{rng.randrange(9)}/{rng.randrange(9)}/{index}" for index in range(400)]
    for path in paths:
        (tmp_path / "s" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "s" / path).write_bytes(path.encode())
    expected = b"".join(md5(path.encode()) for path in paths)
    blob = names(paths)
    found = batch.copy_files(
        str(tmp_path / "s"), blob, str(tmp_path / "t"), blob, digests=expected, replace=False
    )
    assert (found.errors, found.digests) == ({}, expected)
    assert [entry.inode for entry in stats(found)] == [
        os.stat(tmp_path / "t" / path).st_ino for path in paths
    ]


def test_pairs_must_agree(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="target"):
        batch.copy_files(str(tmp_path), b"a\0", str(tmp_path), b"b\0c\0", replace=True)
    with pytest.raises(ValueError, match="digest"):
        batch.copy_files(str(tmp_path), b"a\0", str(tmp_path), b"b\0", digests=b"1", replace=True)


# link, chmod, remove, stat


@pytest.mark.parametrize("kind", [LinkType.HARDLINK, LinkType.SYMLINK])
@pytest.mark.parametrize("replace", [False, True])
def test_link(sample: Sample, tmp_path: Path, kind: LinkType, replace: bool) -> None:
    target = tmp_path / "t"
    sources = (os.path.relpath(sample.root), sample.names, str(target), sample.names)
    found = batch.link_files(*sources, kind=kind, replace=replace)
    assert (found.errors, set(found.written)) == ({}, {1})
    assert stats(found) == [record(target / path) for path in sample.contents]
    for path, content in sample.contents.items():
        if kind is LinkType.SYMLINK:
            assert os.readlink(target / path) == str(sample.root / path)
        else:
            assert os.path.samefile(target / path, sample.root / path) == bool(content)
    again = batch.link_files(*sources, kind=kind, replace=replace)
    assert again.errors == ({} if replace else dict.fromkeys(range(len(SIZES)), errno.EEXIST))
    assert everything_below(target) == sample.contents


def test_reflinks_work_or_are_told(sample: Sample, tmp_path: Path) -> None:
    target = tmp_path / "t"
    found = batch.link_files(
        str(sample.root), sample.names, str(target), sample.names, kind=LinkType.REFLINK, replace=True
    )
    made = everything_below(target)
    assert made == {
        path: content
        for index, (path, content) in enumerate(sample.contents.items())
        if index not in found.errors
    }
    assert 0 not in found.errors  # an empty file always works
    assert set(found.errors.values()) <= {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL}


@pytest.mark.parametrize("kind", list(LinkType))
def test_links_to_what_is_no_file(tmp_path: Path, kind: LinkType) -> None:
    (tmp_path / "dir").mkdir()
    os.mkfifo(tmp_path / "fifo")
    asked = names(["dir", "fifo", "missing"])
    found = batch.link_files(
        str(tmp_path), asked, str(tmp_path / "t"), names(["1", "2", "3"]), kind=kind, replace=True
    )
    assert found.errors == {0: errno.EISDIR, 1: errno.EINVAL, 2: errno.ENOENT}
    assert os.listdir(tmp_path / "t") == []


def test_chmod_remove_stat(sample: Sample) -> None:
    root = str(sample.root)
    asked = sample.names + b"missing\0no/dir\0"
    count = len(sample.contents)
    assert batch.chmod_files(root, asked, 0o444) == {count: errno.ENOENT, count + 1: errno.ENOENT}
    listing = walk.walk(root)
    in_order = sorted(range(count), key=lambda index: list(sample.contents)[index].encode())
    found = batch.stat_files(root, asked)
    assert found[-80:] == bytes(80)
    assert b"".join(found[40 * index : 40 * index + 40] for index in in_order) == listing.stats
    assert {listing.stat(index).mode for index in range(count)} == {stat.S_IFREG | 0o444}
    assert batch.remove_files(root, asked) == {}
    assert len(walk.walk(root)) == 0
    assert batch.remove_files(root, b"0\0") != {}


def test_a_missing_root_holds_nothing(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert batch.remove_files(missing, b"a\0") == {}
    assert batch.stat_files(missing, b"a\0b\0") == bytes(80)


def test_stat_follows_links_as_walk_does(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("nowhere")
    listing = walk.walk(str(tmp_path))
    assert batch.stat_files(str(tmp_path), listing.names) == listing.stats


def test_sync(tmp_path: Path) -> None:
    batch.sync(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        batch.sync(str(tmp_path / "missing"))


# progress, interruption, full disks


def test_advance_counts_every_file(sample: Sample, tmp_path: Path) -> None:
    steps: list[int] = []
    asked = sample.names + b"missing\0"
    batch.store_files(str(sample.root), asked, str(tmp_path / "o"), method="copy", advance=steps.append)
    assert sum(steps) == len(SIZES) + 1


class EnoughError(Exception):
    pass


def test_an_exception_of_advance_ends_the_call(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "s", [300_000] * 200)

    def advance(_: int) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        batch.store_files(str(sample.root), sample.names, str(tmp_path / "o"), method="copy", advance=advance)
    assert set(everything_below(tmp_path / "o")) <= {
        object_name(content) for content in sample.contents.values()
    }


STORE = """
import sys
from data_versioning.localfs import batch, walk
listing = walk.walk(sys.argv[1])
print("go", flush=True)
while True:
    found = batch.store_files(sys.argv[1], listing.names, sys.argv[2], method="copy")
    if found.errors or found.changed:
        sys.exit(f"{found.errors} {found.changed}")
"""


@pytest.mark.parametrize("sizes", [[LONG], [1000] * 2000])
def test_interrupt(tmp_path: Path, sizes: list[int]) -> None:
    sample = Sample(tmp_path / "s", sizes)
    command = [sys.executable, "-c", STORE, str(sample.root), str(tmp_path / "o")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert b"KeyboardInterrupt" in said
    assert set(everything_below(tmp_path / "o")) <= {
        object_name(content) for content in sample.contents.values()
    }


LIMITED = """
import resource, sys
from data_versioning.localfs import batch, walk
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
listing = walk.walk(sys.argv[1])
stored = batch.store_files(sys.argv[1], listing.names, sys.argv[2], method="copy")
copied = batch.copy_files(sys.argv[1], listing.names, sys.argv[3], listing.names, replace=True)
print(stored.errors, copied.errors)
"""


def test_a_failing_write_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "s", [100, 6000, 4000, 70_000, 300_000, LONG])
    places = [str(sample.root), str(tmp_path / "o"), str(tmp_path / "t")]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *places], capture_output=True, text=True, check=True
    )
    order = sorted(sample.contents)
    failed = {
        order.index(path): errno.EFBIG for path, content in sample.contents.items() if len(content) > 5000
    }
    told = [eval(f"{{{part}}}") for part in done.stdout.strip().strip("{}").split("} {")]
    assert told == [failed, failed]
    small = {path: content for path, content in sample.contents.items() if len(content) <= 5000}
    assert everything_below(tmp_path / "o") == {object_name(content): content for content in small.values()}
    assert everything_below(tmp_path / "t") == small


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only the superuser can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_and_leaves_nothing(small_disk: Path, tmp_path: Path) -> None:
    sample = Sample(tmp_path / "s", [100, 2 << 20, 1000, LONG])
    found = batch.store_files(str(sample.root), sample.names, str(small_disk / "o"), method="copy", threads=1)
    assert set(found.errors.values()) == {errno.ENOSPC}
    assert {1, 3} <= set(found.errors)
    kept = [content for index, content in enumerate(sample.contents.values()) if index not in found.errors]
    assert everything_below(small_disk / "o") == {object_name(content): content for content in kept}


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    make = f"truncate -s 320M {image} && mkfs.xfs -q -m reflink=1 {image} && mount -o loop {image} {disk}"
    if (
        os.geteuid() != 0
        or subprocess.run(["sh", "-c", make], capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("only the superuser can mount a disk with reflinks")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def free_bytes(disk: Path) -> int:
    os.sync()
    found = os.statvfs(disk)
    return found.f_bfree * found.f_bsize


def test_reflinks_share_blocks(xfs: Path) -> None:
    sample = Sample(xfs / "s", [0, 1, 5000, 70_000, 20_000_000])
    before = free_bytes(xfs)
    stored = batch.store_files(str(sample.root), sample.names, str(xfs / "o"), method="reflink")
    assert (stored.errors, digests(stored), set(stored.written)) == ({}, sample.md5s, {1})
    target = str(xfs / "t")
    for _ in range(2):
        found = batch.link_files(
            str(xfs / "o"), sample.object_names(), target, sample.names, kind=LinkType.REFLINK, replace=True
        )
        assert (found.errors, set(found.written)) == ({}, {1})
    assert everything_below(xfs / "t") == sample.contents
    assert set(everything_below(xfs / "o").values()) == set(sample.contents.values())
    assert before - free_bytes(xfs) < 5_000_000
