"""Put what a tracked path holds into the cache: each new byte is read once, and nothing is stored twice.

The order protects against crashes and power loss: objects are written under temporary names, renamed, synced, and
only then sealed (0444); pointer files are somebody else's business and come later still.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from data_versioning.errors import PathError
from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache, settled_signature
from data_versioning.workspace import scan
from data_versioning.workspace.scan import Scanner, Snapshot
from data_versioning.workspace.stat_cache import TreeRecord

# A symlinked workspace starts as a hard link: the file becomes the object without being copied.
_METHODS: Final[Mapping[LinkType, Literal["copy", "reflink", "hardlink"]]] = {
    LinkType.COPY: "copy",
    LinkType.REFLINK: "reflink",
    LinkType.HARDLINK: "hardlink",
    LinkType.SYMLINK: "hardlink",
}
_DIGEST = 16
_ATTEMPTS = 3
_MANY = 1000


def put(scanner: Scanner, path: str, cache: ObjectCache, *, kind: LinkType) -> Snapshot:
    """Store the file or directory `path` and return what it holds.

    With `kind` hardlink or symlink no content is copied: the cache object is another name of the workspace file.
    Raises as `scan.look`, and `PathError` when `path` does not exist.
    """
    found = walk.stat_file(f"{scanner.root}/{path}")
    if found is None:
        raise PathError(f"'{path}' does not exist", hint="check the path for a typo")
    return (_put_tree if stat.S_ISDIR(found.mode) else _put_file)(scanner, path, cache, kind)


def fitting(kind: LinkType, *, is_executable: bool) -> LinkType:
    """Return how a single file is linked: the executable bit of a hard or symbolic link would be the object's."""
    return LinkType.COPY if is_executable and kind in {LinkType.HARDLINK, LinkType.SYMLINK} else kind


class _Stored(NamedTuple):
    """The files of a directory, all in the cache; those that are new are not sealed."""

    listing: Listing
    digests: bytes | bytearray
    written: list[str]
    since: int | None  # when reading began; None when nothing was read
    record: TreeRecord | None  # what was remembered, if that is what is there


def _put_tree(scanner: Scanner, path: str, cache: ObjectCache, kind: LinkType) -> Snapshot:
    found = _put_files(scanner, path, cache, kind)
    if found.record is not None and found.record.present == cache.signature() != b"":
        return scan.finished(found.listing, found.record)
    oid = cache.write_tree(scan.tree_content(found.listing, found.digests))
    cache.seal([*found.written, oid.value])
    # Of many objects it is worth to know in the next command that they are there.
    present = settled_signature(cache) if len(found.listing) > _MANY else cache.signature()
    listing, digests = found.listing, found.digests
    if found.written and _METHODS[kind] == "hardlink":
        listing = scan.refreshed(f"{scanner.root}/{path}", listing)
    return scan.finish_tree(
        scanner, path, listing, digests, value=oid.value, present=present, since=found.since
    )


def _put_files(scanner: Scanner, path: str, cache: ObjectCache, kind: LinkType) -> _Stored:
    listing = scan.list_files(scanner, path)
    record = scanner.stats.tree(scanner.key(path))
    digests, unknown = scan.align(listing, record)
    absent = _absent(cache, record, listing, digests, unknown)
    todo = sorted({*unknown, *absent}) if absent else unknown
    if not todo:
        fits = record is not None and listing.names == record.names
        return _Stored(listing, digests, [], None, record if fits else None)
    since = scan.begin(listing, todo)
    written: list[str] = []
    for method, indices in _grouped(listing, todo, kind):
        listing, new = _store(scanner, path, cache, listing, digests, indices, method)
        written += new
    return _Stored(listing, digests, written, since, None)


def _grouped(listing: Listing, todo: list[int], kind: LinkType) -> list[tuple[LinkType, list[int]]]:
    """Return how the files at `todo` are stored; what a symbolic link leads to is not ours to take over."""
    if kind is not LinkType.SYMLINK:
        return [(kind, todo)]
    links = {index for index in todo if listing.stat(index).flags & walk.SYMLINK}
    groups = [(LinkType.COPY, sorted(links)), (kind, [index for index in todo if index not in links])]
    return [(method, indices) for method, indices in groups if indices]


def _absent(
    cache: ObjectCache,
    record: TreeRecord | None,
    listing: Listing,
    digests: bytes | bytearray,
    unknown: list[int],
) -> list[int]:
    """Return the indices of files whose digest is known but whose object is not in the cache."""
    if record is None or len(unknown) == len(listing):
        return []
    if record.present and record.present == cache.signature():
        return []
    skip = set(unknown)
    known = [i for i in range(len(listing)) if i not in skip] if skip else list(range(len(listing)))
    values = oids.hex_digests(digests)
    return [known[at] for at in cache.missing([values[i] for i in known])]


def _store(
    scanner: Scanner,
    path: str,
    cache: ObjectCache,
    listing: Listing,
    digests: bytearray,
    todo: list[int],
    kind: LinkType,
) -> tuple[Listing, list[str]]:
    """Store the files at `todo`; return the listing with their latest stats, and the objects that are new."""
    raw = listing.raw_paths()
    stats = bytearray(listing.stats)
    written: list[str] = []
    left = todo
    scan.announce(scanner, "Storing", listing, todo)
    for _ in range(_ATTEMPTS):
        found = batch.store_files(
            f"{scanner.root}/{path}",
            b"".join([raw[i] + b"\0" for i in left]),
            cache.root(),
            method=_METHODS[kind],
            directory_mode=cache.directory_mode,
            advance=scanner.progress.advance,
        )
        values = oids.hex_digests(found.digests)
        written += [value for value, new in zip(values, found.written, strict=True) if new]
        left = scan.take_results(found, left, digests=digests, stats=stats, raw=raw, path=path)
        if not left:
            return Listing.of(listing.names, bytes(stats)), list(dict.fromkeys(written))
    raise scan.changed_while_read(path, raw[left[0]])


def _put_file(scanner: Scanner, path: str, cache: ObjectCache, kind: LinkType) -> Snapshot:
    listing = scan.single(scanner, path)
    record = scanner.stats.file(scanner.key(path))
    if record is not None and record.stat == listing.stats and not cache.missing([record.digest.hex()]):
        return scan.file_snapshot(listing, record.digest)
    method = fitting(_grouped(listing, [0], kind)[0][0], is_executable=bool(listing.stat(0).mode & 0o111))
    digests = bytearray(_DIGEST)
    parent = os.path.dirname(path) or "."
    since = scan.begin(listing, [0])
    stored, written = _store(scanner, parent, cache, listing, digests, [0], method)
    cache.seal(written)
    if written and _METHODS[method] == "hardlink":
        stored = scan.refreshed(f"{scanner.root}/{parent}", stored)
    scan.remember_file(scanner, path, stored, bytes(digests), since=since)
    return scan.file_snapshot(stored, bytes(digests))
