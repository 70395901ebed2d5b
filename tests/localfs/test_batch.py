"""Hash and store; the other batches are in test_batch_targets."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from data_versioning.localfs import batch, walk
from tests.localfs.sample import (
    LONG,
    Sample,
    digests,
    everything_below,
    md5,
    names,
    object_name,
    record,
    stats,
)

pytestmark = pytest.mark.usefixtures("each_engine", "no_descriptor_stays_open")


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
