"""Kept values are read back only when this very directory wrote them, undamaged."""

from __future__ import annotations

import datetime
import marshal
import os
import shutil
import zlib
from pathlib import Path

import pytest

from data_versioning.localfs import disposable

VALUE = ("text", 1, {"bytes": b"\0\xff"}, [None, 1.5])


@pytest.fixture
def kept(place: Path) -> str:
    path = str(place / "dv/value")
    disposable.keep(path, VALUE)
    return path


def test_kept(kept: str) -> None:
    assert disposable.load(kept) == VALUE
    disposable.keep(kept, "other")
    assert disposable.load(kept) == "other"
    assert sorted(os.listdir(os.path.dirname(kept))) == ["key", "value"]


def test_nothing_kept(place: Path) -> None:
    assert disposable.load(str(place / "missing/value")) is None


def test_a_copy_is_not_read(kept: str, place: Path) -> None:
    """What was cloned, copied or unpacked was made by somebody else."""
    shutil.copytree(place / "dv", place / "copy")
    assert disposable.load(str(place / "copy/value")) is None
    disposable.keep(str(place / "copy/value"), "ours")
    assert disposable.load(str(place / "copy/value")) == "ours"


def test_a_moved_directory_is_read(kept: str, place: Path) -> None:
    (place / "dv").rename(place / "moved")
    assert disposable.load(str(place / "moved/value")) == VALUE


def test_a_strangers_bytes_are_not_unpacked(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpacked(*_: object) -> None:
        raise AssertionError("unpacked")

    content = Path(kept).read_bytes()
    monkeypatch.setattr(marshal, "loads", unpacked)
    for hostile in (marshal.dumps("x"), b"", bytes(16) + content[16:], content[:10]):
        Path(kept).write_bytes(hostile)
        assert disposable.load(kept) is None


def test_any_flipped_bit_is_noticed(kept: str) -> None:
    content = Path(kept).read_bytes()
    for at in range(len(content)):
        Path(kept).write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        assert disposable.load(kept) is None


def test_a_failure_leaves_nothing_behind(kept: str) -> None:
    os.unlink(kept)
    os.mkdir(kept)
    with pytest.raises(OSError, match="irectory"):
        disposable.keep(kept, VALUE)
    assert sorted(os.listdir(os.path.dirname(kept))) == ["key", "value"]


@pytest.mark.parametrize("value", [VALUE, {}, (1, {2}, "\udcff")])
def test_what_can_be_kept(place: Path, value: object) -> None:
    assert disposable.can_keep(value)
    disposable.keep(str(place / "dv/value"), value)
    assert disposable.load(str(place / "dv/value")) == value


def test_what_cannot_be_kept() -> None:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    for value in ([datetime.date(2020, 1, 1)], {"path": Path()}, nested):
        assert not disposable.can_keep(value)


@pytest.mark.parametrize("kind", ["pipe", "link", "endless", "directory"])
def test_what_is_no_plain_file_is_absent_and_replaced(kept: str, place: Path, kind: str) -> None:
    """A tarball can hold all of these; a pipe would be waited for, a device read forever."""
    os.rename(kept, place / "elsewhere")
    match kind:
        case "pipe":
            os.mkfifo(kept)
        case "link":
            os.symlink(place / "elsewhere", kept)
        case "endless":
            os.symlink("/dev/zero", kept)
        case _:
            os.mkdir(kept)
    assert disposable.load(kept) is None
    if kind != "directory":
        disposable.keep(kept, "new")
        assert disposable.load(kept) == "new"
    assert (place / "elsewhere").read_bytes()


def test_a_key_that_is_a_link_opens_nothing(kept: str, place: Path) -> None:
    """Whoever made the link may know inode and change time of what it leads to: of a file on a read-only image."""
    os.rename(place / "dv/key", place / "key")
    os.symlink(place / "key", place / "dv/key")
    assert disposable.load(kept) is None
    with pytest.raises(OSError, match="not a regular file"):
        disposable.keep(kept, VALUE)


def test_nothing_is_written_through_a_link(kept: str, place: Path) -> None:
    (place / "precious").write_text("mine")
    os.symlink(place / "precious", f"{kept}.{os.getpid()}.tmp")
    disposable.keep(kept, "new")
    assert (place / "precious").read_text() == "mine"
    assert disposable.load(kept) == "new"


def test_what_this_python_cannot_unpack_is_absent(kept: str) -> None:
    content = Path(kept).read_bytes()
    for packed in (b"?", b"", marshal.dumps(VALUE)[:-3], b"(\xff\xff\x0f\0"):
        Path(kept).write_bytes(content[:16] + zlib.crc32(packed).to_bytes(4, "little") + packed)
        assert disposable.load(kept) is None
