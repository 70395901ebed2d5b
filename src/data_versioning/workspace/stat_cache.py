"""What was hashed before: content hashes remembered by the stat of the file.

Disposable: losing it costs time, never correctness. A directory is remembered as a whole, in the packed form that
`localfs.walk` returns, so that an unchanged directory of any size is recognised by comparing bytes.

A change always shows when the clock of the file system has ticked since the modification time that is remembered
(Git's racy-timestamp rule). So reading waits for that tick (`wait_for_tick`), what changed meanwhile is not remembered
(`forget_racy`), and so does saving, for the files that we made.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from data_versioning.localfs import disposable, walk
from data_versioning.localfs.walk import Listing

DIGEST = 16
"""Bytes."""
_VERSION = 2
# Kernels stamp files with a clock that ticks every 1 to 10 ms.
_TICK_NS = 20_000_000
# File systems that store whole seconds only; waiting that long is not worth it, their entries are forgotten.
_SECOND_NS = 1_000_000_000


class TreeRecord(NamedTuple):
    """A directory as it was when last hashed."""

    names: bytes
    stats: bytes
    digests: bytes  # `DIGEST` bytes a file, in the order of `names`
    value: str  # object id of the listing
    size: int
    present: bytes  # `ObjectCache.signature` when all objects were last seen; b"" for never


class FileRecord(NamedTuple):
    """A single file as it was when last hashed."""

    stat: bytes
    digest: bytes


class StatCache:
    """Records below one directory, by repository path and algorithm; read when asked for, written by `save`."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._files: dict[str, bytes] | None = None  # stat and digest in one
        self._changed_files = False
        self._trees: dict[str, TreeRecord | None] = {}
        self._changed_trees: set[str] = set()
        self._outputs: frozenset[str] | None = None
        self._changed_outputs = False

    def tree(self, path: str) -> TreeRecord | None:
        """Return what is remembered of the directory `path`."""
        if path not in self._trees:
            loaded = _load(self._tree_file(path))
            self._trees[path] = TreeRecord(*loaded[1]) if loaded and loaded[0] == path else None
        return self._trees[path]

    def remember_tree(self, path: str, record: TreeRecord | None) -> None:
        """Remember a directory; `save` writes it."""
        self._trees[path] = record
        self._changed_trees.add(path)

    def file(self, path: str) -> FileRecord | None:
        """Return what is remembered of the single file `path`."""
        found = self._known_files().get(path)
        return FileRecord(found[: walk.RECORD.size], found[walk.RECORD.size :]) if found else None

    def remember_file(self, path: str, record: FileRecord | None) -> None:
        """Remember a single file; `save` writes it."""
        files = self._known_files()
        if record is None:
            self._changed_files |= files.pop(path, None) is not None
        elif files.get(path) != (packed := record.stat + record.digest):
            files[path] = packed
            self._changed_files = True

    def outputs(self) -> frozenset[str]:
        """The outputs that we put into the workspace or stored from it, tracked now or not."""
        if self._outputs is None:
            loaded = _load(f"{self._directory}/outputs")
            self._outputs = frozenset(loaded[0]) if loaded else frozenset()
        return self._outputs

    def remember_outputs(self, added: Iterable[str], removed: Iterable[str] = ()) -> None:
        """Change `outputs`; `save` writes it."""
        before = self.outputs()
        self._outputs = (before | frozenset(added)) - frozenset(removed)
        self._changed_outputs |= self._outputs != before

    def save(self) -> None:
        """Write what changed, after waiting out the time stamps that are too recent to tell changes apart."""
        if not (self._changed_files or self._changed_trees or self._changed_outputs):
            return
        for path in self._changed_trees:
            if record := self._trees[path]:
                wait_for_tick(record.stats)
        if self._changed_files:
            wait_for_tick(b"".join(found[: walk.RECORD.size] for found in self._known_files().values()))
        # A repository that cannot be written to works without.
        with contextlib.suppress(OSError):
            for path in self._changed_trees:
                self._write_tree(path, self._trees[path])
            if self._changed_files:
                disposable.keep(f"{self._directory}/files", (_VERSION, self._files))
            if self._changed_outputs:
                disposable.keep(f"{self._directory}/outputs", (_VERSION, self._outputs))
        self._changed_files = self._changed_outputs = False
        self._changed_trees.clear()

    def _write_tree(self, path: str, record: TreeRecord | None) -> None:
        if record is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._tree_file(path))
        else:
            kept = record._replace(stats=_forget_coarse(record.stats))
            disposable.keep(self._tree_file(path), (_VERSION, path, tuple(kept)))

    def _tree_file(self, path: str) -> str:
        # Collisions only cost time: the record says which path it is of.
        return f"{self._directory}/{zlib.crc32(os.fsencode(path)):08x}-{len(path)}.tree"

    def _known_files(self) -> dict[str, bytes]:
        if self._files is None:
            loaded = _load(f"{self._directory}/files")
            self._files = loaded[0] if loaded else {}
        return self._files


def align(listing: Listing, record: TreeRecord | None) -> tuple[bytearray, list[int]]:
    """Carry over the digests of files whose stat did not change; return them and the indices still unknown."""
    count = len(listing)
    if record is None:
        return bytearray(count * DIGEST), list(range(count))
    if listing.names == record.names:
        digests = bytearray(record.digests)
        return digests, different(listing.stats, record.stats)
    size = walk.RECORD.size
    known = {name: i for i, name in enumerate(record.names.split(b"\0")[:-1])}
    digests = bytearray(count * DIGEST)
    unknown = []
    for index, name in enumerate(listing.raw_paths()):
        old = known.get(name)
        here = listing.stats[index * size : (index + 1) * size]
        if old is None or here != record.stats[old * size : (old + 1) * size]:
            unknown.append(index)
        else:
            digests[index * DIGEST : (index + 1) * DIGEST] = record.digests[old * DIGEST : (old + 1) * DIGEST]
    return digests, unknown


def different(left: bytes, right: bytes) -> list[int]:
    """Return the indices of records that differ, skipping equal stretches by comparing them whole."""
    size = walk.RECORD.size
    stretch = 512 * size
    return [
        at // size
        for start in range(0, len(left), stretch)
        if left[start : start + stretch] != right[start : start + stretch]
        for at in range(start, min(start + stretch, len(left)), size)
        if left[at : at + size] != right[at : at + size]
    ]


def _load(path: str) -> tuple[Any, ...] | None:
    """Read one record of this version; anything else counts as absent."""
    kept = disposable.load(path)
    return kept[1:] if kept and kept[0] == _VERSION else None


def wait_for_tick(stats: bytes) -> None:
    """Return once a change made now would get a later modification time than every file has; the future aside."""
    now = time.time_ns()
    recent = [made for made in _modified(stats) if now - _TICK_NS < made <= now]
    if recent:
        time.sleep((max(recent) + _TICK_NS - now) / 1e9)


def forget_racy(stats: bytes, since: int) -> bytes:
    """Blank the records of files that changed after we began to read at `since`, or so shortly before that the time
    stamp of a change after the reading may be the same.
    """
    now = time.time_ns()
    return _blanked(stats, [at for at, made in enumerate(_modified(stats)) if since - _TICK_NS < made <= now])


def keep_blanks(old: bytes, new: bytes) -> bytes:
    """Return the records `new`, blank where those of `old` are."""
    blank = bytes(walk.RECORD.size)
    if blank not in old:
        return new
    size = len(blank)
    return _blanked(new, [at // size for at in range(0, len(old), size) if old[at : at + size] == blank])


def _forget_coarse(stats: bytes) -> bytes:
    """Blank the records of the future, and of file systems that keep whole seconds when the second is not over."""
    now = time.time_ns()
    changed = memoryview(stats).cast("q")[walk.CTIME_WORD :: walk.RECORD.size // 8] if stats else ()
    fresh = [(at, made) for at, made in enumerate(changed) if made > now - 2 * _SECOND_NS]
    return _blanked(stats, [at for at, made in fresh if made > now or made % _SECOND_NS == 0])


def _modified(stats: bytes) -> Sequence[int]:
    return memoryview(stats).cast("q")[walk.MTIME_WORD :: walk.RECORD.size // 8].tolist() if stats else ()


def _blanked(stats: bytes, indices: Sequence[int]) -> bytes:
    if not indices:
        return stats
    size = walk.RECORD.size
    kept = bytearray(stats)
    for at in indices:
        kept[at * size : (at + 1) * size] = bytes(size)
    return bytes(kept)
