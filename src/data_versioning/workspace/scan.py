"""Find out what a tracked path holds, hashing only what the stat cache does not know.

`look` only reads. `store` also puts what is new into the cache, reading each byte once.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from data_versioning.errors import DiskError, FileChanged, PathError
from data_versioning.formats import dirfile
from data_versioning.localfs import batch, walk
from data_versioning.localfs.walk import Listing
from data_versioning.objects import hashing
from data_versioning.objects import oid as oids
from data_versioning.objects.oid import ObjectId
from data_versioning.progress import SILENT, Progress
from data_versioning.workspace import stat_cache
from data_versioning.workspace.stat_cache import FileRecord, StatCache, TreeRecord

if TYPE_CHECKING:
    from data_versioning.workspace.ignore import IgnoreRules

_DIGEST = stat_cache.DIGEST
_CONTENT = 24  # the bytes of a `walk.RECORD` that hold inode, size and mtime
# The temporary names of `localfs.batch`.
LEFTOVER = re.compile(rb"(?:^|/)\.[0-9a-f]{22}\.tmp$")
# Where a symbolic link into a cache leads, wherever the cache was.
_OBJECT = re.compile(r"/[0-9a-f]{2}/[0-9a-f]{30}$")
_ATTEMPTS = 3
"""How often a file that changes while it is read is read again before giving up."""
_NOT_WORTH_WAITING = 16 << 20  # bytes; to hash them takes no longer than a tick of the clock


class Snapshot(NamedTuple):
    """What a path holds: for a directory all its files, for a file itself under the name ""."""

    listing: Listing
    digests: bytes  # 16 bytes a file
    oid: ObjectId
    size: int
    present: bytes = b""  # see TreeRecord
    is_executable: bool = False

    @property
    def is_dir(self) -> bool:
        """Whether the path is a directory."""
        return self.oid.is_dir

    def paths(self) -> list[str]:
        """Return the path of each file inside the directory."""
        return self.listing.paths()

    def hex_digests(self) -> list[str]:
        """Return the digest of each file."""
        return oids.hex_digests(self.digests)


class Scanner(NamedTuple):
    """Everything a scan needs besides the path; `root` is the workspace's absolute path.

    For data outside of it `root` is "", the path absolute, and `list_directory` chooses what counts; None is `walk`.
    """

    root: str
    stats: StatCache
    ignore: IgnoreRules | None = None
    legacy: bool = False
    hasty: bool = False  # a few small files that were written just now are read at once, and not remembered
    sweep: bool = False  # nobody else is writing here: remove what a crash left, and links to lost objects
    skip_broken: bool = False  # a link to nothing is as if it were not there
    progress: Progress = SILENT
    list_directory: Callable[[str], Listing] | None = None

    def key(self, path: str) -> str:
        """Return the name under which the stat cache knows `path`; text hashes are kept apart."""
        return f"{path}\0text" if self.legacy else path


def look(scanner: Scanner, path: str) -> Snapshot | None:
    """Return what `path` (relative to the workspace) holds, or None when it does not exist.

    Raises `FileChanged` when a file keeps changing, `PathError` for what cannot be tracked, `DiskError`.
    """
    absolute = f"{scanner.root}/{path}"
    found = walk.stat_file(absolute)
    if found is not None and found.flags & walk.BROKEN and scanner.sweep and is_lost(absolute):
        os.unlink(absolute)
        return None
    if found is not None and found.flags & walk.BROKEN and scanner.skip_broken:
        return None
    if found is None or (scanner.ignore and scanner.ignore.matches(path, stat.S_ISDIR(found.mode))):
        return None
    if stat.S_ISDIR(found.mode):
        return _look_at_tree(scanner, path)
    return _look_at_file(scanner, path)


def list_files(scanner: Scanner, path: str) -> Listing:
    """List a directory as DVC would track it: regular files and links to them, without what is ignored."""
    listing = _without_leftovers(
        scanner, path, (scanner.list_directory or walk.walk)(f"{scanner.root}/{path}")
    )
    if scanner.sweep or scanner.skip_broken:
        listing = _without_broken_links(scanner, path, listing)
    if listing.names.startswith(b".dvcignore\0") or b"/.dvcignore\0" in listing.names:
        raise PathError(
            f"there is a .dvcignore file inside '{path}': it would be tracked and obeyed at once",
            hint="move its rules to the .dvcignore file at the root of the repository",
        )
    if scanner.ignore:
        names = listing.paths()
        kept = scanner.ignore.filter([f"{path}/{name}" for name in names])
        if len(kept) != len(names):
            listing = listing.select(kept)
    _refuse_special(listing, path)
    return listing


def _without_leftovers(scanner: Scanner, path: str, listing: Listing) -> Listing:
    """Leave out files that were being made when a process died: their content is in the cache."""
    if b".tmp\0" not in listing.names:
        return listing
    names = listing.raw_paths()
    left = [name for name in names if LEFTOVER.search(name)]
    if left and scanner.sweep:
        batch.remove_files(f"{scanner.root}/{path}", b"".join([name + b"\0" for name in left]))
    gone = set(left)
    return listing.select([i for i, name in enumerate(names) if name not in gone]) if left else listing


def _without_broken_links(scanner: Scanner, path: str, listing: Listing) -> Listing:
    """Leave out links to nothing; or remove those to objects that are gone, as after the repository was moved."""
    broken = set(_broken(listing))
    if not broken:
        return listing
    if scanner.skip_broken:
        return listing.select([at for at in range(len(listing)) if at not in broken])
    top = f"{scanner.root}/{path}"
    names = listing.raw_paths()
    lost = {names[at] for at in broken if is_lost(f"{top}/{os.fsdecode(names[at])}")}
    batch.remove_files(top, b"".join([name + b"\0" for name in lost]))
    return listing.select([i for i, name in enumerate(names) if name not in lost])


def _broken(listing: Listing) -> list[int]:
    flags = memoryview(listing.stats).cast("I")[walk.FLAGS_WORD :: walk.RECORD.size // 4].tolist()
    return [at for at, flag in enumerate(flags) if flag & walk.BROKEN]


def broken_links(scanner: Scanner, path: str) -> list[str]:
    """Return the paths of links to nothing in data that is tracked at `path`, or of the only one there."""
    absolute = f"{scanner.root}/{path}"
    there = walk.stat_file(absolute)
    if there is None or not stat.S_ISDIR(there.mode):
        return [path] if there is not None and there.flags & walk.BROKEN else []
    listing = (scanner.list_directory or walk.walk)(absolute)
    names = listing.paths()
    found = [f"{path}/{names[at]}" for at in _broken(listing)]
    return [found[at] for at in scanner.ignore.filter(found)] if scanner.ignore and found else found


def is_lost(absolute: str) -> bool:
    """Whether a broken link led to an object of a cache."""
    return bool(_OBJECT.search(os.readlink(absolute)))


def _refuse_special(listing: Listing, path: str) -> None:
    kinds = set(memoryview(listing.stats).cast("I")[walk.MODE_WORD :: walk.RECORD.size // 4])
    if all(stat.S_ISREG(kind) for kind in kinds):
        return
    for index, name in enumerate(listing.paths()):
        found = listing.stat(index)
        if not stat.S_ISREG(found.mode):
            raise PathError(
                f"'{path}/{name}' is {_odd(found)} and cannot be tracked",
                hint=f"dv checkout {path}, if it led into the cache; else rm '{path}/{name}'",
            )


def _odd(found: walk.FileStat | None) -> str:
    broken = found is not None and found.flags & walk.BROKEN
    return "a dangling link" if broken else "neither a file nor a directory"


def tree_content(listing: Listing, digests: bytes | bytearray) -> bytes:
    """Return the bytes of the object that lists a fully hashed directory."""
    return dirfile.dump(listing.paths(), oids.hex_digests(digests))


def tree_value(listing: Listing, digests: bytes | bytearray) -> str:
    """Return the object id of a fully hashed directory."""
    return hashing.md5(tree_content(listing, digests)) + oids.DIRECTORY_SUFFIX


def finish_tree(
    scanner: Scanner,
    path: str,
    listing: Listing,
    digests: bytes | bytearray,
    *,
    value: str,
    present: bytes = b"",
    since: int | None = None,
) -> Snapshot:
    """Make the snapshot of a fully hashed directory, the object `value`, and remember it.

    `present`: see `TreeRecord`. `since` is when reading began; None when the content is known for another reason.
    """
    record = TreeRecord(
        names=listing.names,
        stats=listing.stats if since is None else stat_cache.forget_racy(listing.stats, since),
        digests=bytes(digests),
        value=value,
        size=listing.sizes(),
        present=present,
    )
    scanner.stats.remember_tree(scanner.key(path), record)
    return finished(listing, record, legacy=scanner.legacy)


def finished(listing: Listing, record: TreeRecord, *, legacy: bool = False) -> Snapshot:
    """Make the snapshot of a directory whose record is up to date."""
    return Snapshot(
        listing=listing,
        digests=record.digests,
        oid=ObjectId(record.value, legacy),
        size=record.size,
        present=record.present,
    )


def _look_at_tree(scanner: Scanner, path: str) -> Snapshot:
    listing = list_files(scanner, path)
    record = scanner.stats.tree(scanner.key(path))
    digests, unknown = stat_cache.align(listing, record)
    if record is not None and not unknown and listing.names == record.names:
        return finished(listing, record, legacy=scanner.legacy)
    listing, since = _hash_unknown(scanner, path, listing, digests, unknown)
    value = tree_value(listing, digests)
    return finish_tree(scanner, path, listing, digests, value=value, since=since)


def begin(scanner: Scanner, listing: Listing, indices: list[int]) -> int:
    """Wait until the files at `indices` can be read such that every later change shows; return the time then."""
    if scanner.hasty and _size(listing, indices) < _NOT_WORTH_WAITING:
        return time.time_ns()
    stat_cache.wait_for_tick(listing.stats if len(indices) == len(listing) else listing.select(indices).stats)
    return time.time_ns()


def _hash_unknown(
    scanner: Scanner, path: str, listing: Listing, digests: bytearray, unknown: list[int]
) -> tuple[Listing, int]:
    """Hash the files at the indices `unknown` into `digests`; return their latest stats, and when reading began."""
    stats = bytearray(listing.stats)
    raw = listing.raw_paths()
    left = unknown
    if unknown:
        announce(scanner, "Hashing", listing, unknown)
    since = begin(scanner, listing, unknown)
    for _ in range(_ATTEMPTS):
        if not left:
            break
        names = b"".join([raw[i] + b"\0" for i in left])
        found = batch.hash_files(
            f"{scanner.root}/{path}", names, text_mode=scanner.legacy, advance=scanner.progress.advance
        )
        left = take_results(found, left, digests=digests, stats=stats, raw=raw, path=path)
    if left:
        raise changed_while_read(path, raw[left[0]])
    return Listing.of(listing.names, bytes(stats)), since


def announce(scanner: Scanner, label: str, listing: Listing, indices: list[int]) -> None:
    """Tell that these files are about to be read."""
    scanner.progress.start(label, files=len(indices), size=_size(listing, indices))


def _size(listing: Listing, indices: list[int]) -> int:
    sizes = memoryview(listing.stats).cast("Q")[walk.SIZE_WORD :: walk.RECORD.size // 8]
    return sum(sizes) if len(indices) == len(listing) else sum([sizes[i] for i in indices])


def take_results(
    found: batch.Batch,
    indices: list[int],
    *,
    digests: bytearray,
    stats: bytearray,
    raw: list[bytes],
    path: str,
) -> list[int]:
    """Sort what a batch found into `digests` and `stats`; return the indices that must be read again."""
    for at, code in found.errors.items():
        raise unreadable(f"{path}/{os.fsdecode(raw[indices[at]])}", code)
    size = walk.RECORD.size
    if len(indices) * _DIGEST == len(digests):
        digests[:] = found.digests
        stats[:] = found.stats
    else:
        for at, index in enumerate(indices):
            digests[index * _DIGEST : (index + 1) * _DIGEST] = found.digests[
                at * _DIGEST : (at + 1) * _DIGEST
            ]
            stats[index * size : (index + 1) * size] = found.stats[at * size : (at + 1) * size]
    return [indices[at] for at in found.changed]


def unreadable(path: str, code: int) -> Exception:
    """Return the error for a file that could not be read or copied."""
    if code == errno.ENOENT:
        return FileChanged(
            f"'{path}' vanished while it was being read; nothing was recorded", hint="run it again"
        )
    if code == errno.ENOSPC:
        return DiskError(f"no space left on the device while storing '{path}'", hint="dv gc -w")
    return DiskError(f"cannot read '{path}': {os.strerror(code)}")


def changed_while_read(path: str, raw_name: bytes) -> FileChanged:
    """Return the error for a file that never held still."""
    name = f"{path}/{os.fsdecode(raw_name)}" if raw_name else path
    return FileChanged(
        f"'{name}' kept changing while it was being read; nothing was recorded",
        hint="run the command again once nothing writes to it",
    )


def _look_at_file(scanner: Scanner, path: str) -> Snapshot:
    listing = single(scanner, path)
    record = scanner.stats.file(scanner.key(path))
    if record is None or record.stat != listing.stats:
        digests = bytearray(_DIGEST)
        listing, since = _hash_unknown(scanner, os.path.dirname(path) or ".", listing, digests, [0])
        record = remember_file(scanner, path, listing, bytes(digests), since=since)
    return file_snapshot(listing, record.digest, legacy=scanner.legacy)


def remember_file(
    scanner: Scanner, path: str, listing: Listing, digest: bytes, *, since: int | None = None
) -> FileRecord:
    """Remember a hashed file; `since` as in `finish_tree`."""
    record = FileRecord(
        listing.stats if since is None else stat_cache.forget_racy(listing.stats, since), digest
    )
    scanner.stats.remember_file(scanner.key(path), record)
    return record


def single(scanner: Scanner, path: str) -> Listing:
    """List one file as a directory listing of one name, relative to its own directory."""
    found = walk.stat_file(f"{scanner.root}/{path}")
    if found is None or not stat.S_ISREG(found.mode):
        raise PathError(
            f"'{path}' is {_odd(found)} and cannot be tracked",
            hint=f"dv checkout {path}, if it is a link into the cache; else remove it",
        )
    return Listing.of(os.fsencode(os.path.basename(path)) + b"\0", walk.RECORD.pack(*found))


def file_snapshot(listing: Listing, digest: bytes, *, legacy: bool = False) -> Snapshot:
    """Make the snapshot of one hashed file."""
    found = listing.stat(0)
    return Snapshot(
        listing=listing,
        digests=digest,
        oid=ObjectId(digest.hex(), legacy),
        size=found.size,
        is_executable=bool(found.mode & 0o111),
    )


def refreshed(top: str, listing: Listing) -> Listing:
    """Return `listing`, of files below `top`, with the stats of now, where inode, size and mtime are the same still.

    Linking and sealing objects changes mode and change time of the files that are linked to them.
    """
    size = walk.RECORD.size
    now = batch.stat_files(top, listing.names)
    stats = bytearray(listing.stats)
    for index in stat_cache.different(listing.stats, now):
        old, new = stats[index * size : (index + 1) * size], now[index * size : (index + 1) * size]
        if old[:_CONTENT] == new[:_CONTENT]:
            stats[index * size : (index + 1) * size] = new
    return Listing.of(listing.names, bytes(stats))
