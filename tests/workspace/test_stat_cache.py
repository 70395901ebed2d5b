"""What is remembered of files: never a digest that a later change could have made wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from data_versioning.localfs import walk
from data_versioning.workspace import stat_cache
from data_versioning.workspace.stat_cache import FileRecord, StatCache, TreeRecord

NOW = 1_600_000_000_000_000_000
SECOND = 1_000_000_000
BLANK = bytes(walk.RECORD.size)


def stat(mtime: int, ctime: int | None = None, *, inode: int = 1) -> bytes:
    return walk.RECORD.pack(inode, 3, mtime, mtime if ctime is None else ctime, 0o100644, 0)


def tree(*stats: bytes, value: str = "0" * 32 + ".dir") -> TreeRecord:
    names = b"".join(b"%d\0" % number for number in range(len(stats)))
    return TreeRecord(names, b"".join(stats), bytes(16 * len(stats)), value, 3 * len(stats), b"seen")


OLD = stat(NOW - 10 * SECOND)


@pytest.fixture
def directory(place: Path) -> str:
    return str(place / "stat")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands at NOW; the seconds that were slept."""
    slept: list[float] = []
    monkeypatch.setattr(time, "time_ns", lambda: NOW)
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def test_nothing_is_known_at_first(directory: str) -> None:
    cache = StatCache(directory)
    assert cache.tree("data") is None
    assert cache.file("file") is None
    assert cache.outputs() == frozenset()
    cache.save()
    assert not os.path.exists(directory)


def test_what_was_saved_is_known(directory: str) -> None:
    first = StatCache(directory)
    first.remember_tree("data", tree(OLD, OLD))
    first.remember_file("file", FileRecord(OLD, b"d" * 16))
    first.remember_outputs(["data", "file", "gone"], removed=["gone"])
    first.save()
    second = StatCache(directory)
    assert second.tree("data") == tree(OLD, OLD)
    assert second.file("file") == FileRecord(OLD, b"d" * 16)
    assert second.outputs() == {"data", "file"}
    assert second.tree("other") is None
    assert second.file("other") is None


def test_without_save_nothing_is_kept(directory: str) -> None:
    cache = StatCache(directory)
    cache.remember_tree("data", tree(OLD))
    assert cache.tree("data") == tree(OLD)
    assert StatCache(directory).tree("data") is None


def test_what_is_forgotten_is_gone(directory: str) -> None:
    cache = StatCache(directory)
    cache.remember_tree("data", tree(OLD))
    cache.remember_file("file", FileRecord(OLD, bytes(16)))
    cache.remember_outputs(["data"])
    cache.save()
    cache.remember_tree("data", None)
    cache.remember_tree("never", None)
    cache.remember_file("file", None)
    cache.remember_outputs([], removed=["data"])
    cache.save()
    other = StatCache(directory)
    assert (other.tree("data"), other.file("file"), other.outputs()) == (None, None, frozenset())


def test_paths_of_the_same_hash_are_told_apart(directory: str) -> None:
    """Two texts of the same length with the same CRC-32."""
    one, two = "plumless", "buckeroo"
    cache = StatCache(directory)
    assert cache._tree_file(one) == cache._tree_file(two)
    cache.remember_tree(one, tree(OLD))
    cache.save()
    assert StatCache(directory).tree(one) == tree(OLD)
    assert StatCache(directory).tree(two) is None


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign", "old version"])
def test_damaged_files_are_ignored(directory: str, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    cache = StatCache(directory)
    cache.remember_tree("data", tree(OLD))
    cache.remember_file("file", FileRecord(OLD, bytes(16)))
    cache.remember_outputs(["data"])
    cache.save()
    for path in (path for path in Path(directory).iterdir() if path.name != "key"):
        content = path.read_bytes()
        match damage:
            case "truncate":
                path.write_bytes(content[:-3])
            case "flip":
                path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
            case "empty":
                path.write_bytes(b"")
            case "foreign":
                path.write_bytes(os.urandom(len(content)))
    if damage == "old version":
        monkeypatch.setattr(stat_cache, "_VERSION", -1)
    other = StatCache(directory)
    assert (other.tree("data"), other.file("file"), other.outputs()) == (None, None, frozenset())
    other.remember_tree("data", tree(OLD))
    other.save()
    assert StatCache(directory).tree("data") == tree(OLD)


def test_a_place_that_cannot_be_written_to(place: Path) -> None:
    """Remembering is only to save time: no reason to fail."""
    (place / "file").write_text("")
    cache = StatCache(str(place / "file/stat"))
    cache.remember_tree("data", tree(OLD))
    cache.save()
    assert StatCache(str(place / "file/stat")).tree("data") is None


def test_saving_waits_until_the_clock_has_ticked(directory: str, clock: list[float]) -> None:
    cache = StatCache(directory)
    cache.remember_tree("data", tree(OLD, stat(NOW - 5_000_000), stat(NOW - 15_000_000)))
    cache.save()
    assert clock == [pytest.approx(0.015)]
    cache.remember_file("file", FileRecord(stat(NOW), bytes(16)))
    cache.save()
    assert clock[1:] == [pytest.approx(0.02)]
    cache.save()
    assert len(clock) == 2


@pytest.mark.parametrize("made", [NOW - 20_000_000, NOW - SECOND, NOW + 1, NOW + 3600 * SECOND, 0, -SECOND])
def test_no_waiting_for_other_times(clock: list[float], made: int) -> None:
    stat_cache.wait_for_tick(OLD + stat(made))
    stat_cache.wait_for_tick(b"")
    assert clock == []


def test_change_times_are_not_waited_for(clock: list[float]) -> None:
    """A change of content has a modification time; of links and modes a later change is told by that."""
    stat_cache.wait_for_tick(stat(NOW - SECOND, ctime=NOW))
    assert clock == []


def test_what_changed_while_it_was_read_is_forgotten(clock: list[float]) -> None:
    since = NOW - SECOND
    before, close, after, future = (
        stat(since - 20_000_000),
        stat(since - 19_999_999),
        stat(since + 1),
        stat(NOW + 1),
    )
    assert stat_cache.forget_racy(before + close + after + future, since) == before + BLANK + BLANK + future
    assert stat_cache.forget_racy(before, since) == before
    assert stat_cache.forget_racy(b"", since) == b""


def test_blanks_are_kept() -> None:
    new = stat(1, inode=7) + stat(2, inode=8) + stat(3, inode=9)
    assert stat_cache.keep_blanks(OLD + BLANK + OLD, new) == new[:40] + BLANK + new[80:]
    assert stat_cache.keep_blanks(OLD + OLD + OLD, new) == new


def test_coarse_clocks(directory: str, clock: list[float]) -> None:
    """Where time stamps are whole seconds, an entry of this second is not remembered."""
    this_second = NOW // SECOND * SECOND
    coarse, fine, old = stat(this_second), stat(this_second - 1), stat(this_second - 3 * SECOND)
    cache = StatCache(directory)
    cache.remember_tree("data", tree(coarse, fine, old))
    cache.save()
    found = StatCache(directory).tree("data")
    assert found is not None
    assert found.stats == BLANK + fine + old


def test_a_server_whose_clock_is_ahead(directory: str, clock: list[float]) -> None:
    cache = StatCache(directory)
    cache.remember_tree("data", tree(stat(NOW + SECOND), stat(NOW + SECOND, ctime=NOW - SECOND - 1)))
    cache.save()
    found = StatCache(directory).tree("data")
    assert found is not None
    assert found.stats == BLANK + stat(NOW + SECOND, ctime=NOW - SECOND - 1)
