"""Put what a tracked path holds into the cache: each new byte is read once, and nothing is stored twice.

The order protects against crashes and power loss: objects are written under temporary names, renamed, synced, and
only then sealed (0444); pointer files are somebody else's business and come later still.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from data_versioning.errors import PathError
from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache, settled_signature, version
from data_versioning.workspace import scan, stat_cache
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
_NONE = "0" * 32
_STAT = walk.RECORD.size
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


class _New(NamedTuple):
    """New objects, not sealed yet; `linked` are those that may be other names of workspace files: see `seal`."""

    values: list[str]
    linked: dict[bytes, bytes]


class _Stored(NamedTuple):
    """The files of a directory, all in the cache; those that are new are not sealed."""

    listing: Listing
    digests: bytes | bytearray
    new: _New
    since: int | None  # when reading began; None when nothing was read
    record: TreeRecord | None  # what was remembered, if that is what is there


def _put_tree(scanner: Scanner, path: str, cache: ObjectCache, kind: LinkType) -> Snapshot:
    found = _put_files(scanner, path, cache, kind)
    if found.record is not None and found.record.present == cache.signature() != b"":
        return scan.finished(found.listing, found.record)
    oid = cache.write_tree(scan.tree_content(found.listing, found.digests))
    _seal(scanner, path, cache, found.listing, found.digests, found.new, oid.value)
    # Of many objects it is worth to know in the next command that they are there.
    present = settled_signature(cache) if len(found.listing) > _MANY else cache.signature()
    listing, digests = found.listing, found.digests
    if found.new.linked:
        listing = scan.refreshed(f"{scanner.root}/{path}", listing)
    return scan.finish_tree(
        scanner, path, listing, digests, value=oid.value, present=present, since=found.since
    )


def _put_files(scanner: Scanner, path: str, cache: ObjectCache, kind: LinkType) -> _Stored:
    listing = scan.list_files(scanner, path)
    record = scanner.stats.tree(scanner.key(path))
    digests, unknown = stat_cache.align(listing, record)
    if record is not None and unknown:
        _disown(cache, listing, unknown, record)
    is_fresher = _freshen(scanner, cache, digests, record)
    if is_fresher:
        listing = scan.refreshed(f"{scanner.root}/{path}", listing)
    absent = _absent(cache, record, listing, digests, unknown)
    todo = sorted({*unknown, *absent}) if absent else unknown
    if not todo:
        fits = record is not None and listing.names == record.names and not is_fresher
        return _Stored(listing, digests, _New([], {}), None, record if fits else None)
    since = scan.begin(scanner, listing, todo)
    new = _New([], {})
    for method, indices in _grouped(listing, todo, kind):
        listing = _store(scanner, path, cache, listing, digests, indices, method, new)
    return _Stored(listing, digests, new, since, None)


def _freshen(
    scanner: Scanner, cache: ObjectCache, digests: bytes | bytearray, record: TreeRecord | None
) -> bool:
    """Whether known objects were old in a cache that others may clean up, and so the stats of links to them changed."""
    if record is None or not cache.may_be_shared([scanner.root]):
        return False
    known = [value for value in oids.hex_digests(digests) if value != _NONE]
    return cache.freshen([*known, record.value])


def _disown(cache: ObjectCache, listing: Listing, changed: list[int], record: TreeRecord) -> None:
    """Find objects that were edited together with the workspace files that are linked to them."""
    raw = listing.raw_paths()
    if listing.names == record.names:
        old = {index: index for index in changed}
    else:
        known = {name: at for at, name in enumerate(record.names.split(b"\0")[:-1])}
        old = {index: known[raw[index]] for index in changed if raw[index] in known}
    values = [record.digests[at * _DIGEST : (at + 1) * _DIGEST].hex() for at in old.values()]
    cache.disown(values, [listing.record(index) for index in old])


def _seal(
    scanner: Scanner,
    path: str,
    cache: ObjectCache,
    listing: Listing,
    digests: bytes | bytearray,
    new: _New,
    *others: str,
) -> None:
    """Seal; raise `FileChanged` when a file was written to after it had become an object, which is taken back."""
    wrong = set(cache.seal(list(dict.fromkeys([*new.values, *others])), linked=new.linked))
    if not wrong:
        return
    names = listing.raw_paths()
    changed = [at for at, value in enumerate(oids.hex_digests(digests)) if value in wrong]
    for index in changed:
        with contextlib.suppress(OSError):
            # Sealing the object took the user's right to write, too.
            os.chmod(
                f"{scanner.root}/{path}/{os.fsdecode(names[index])}", stat.S_IMODE(listing.stat(index).mode)
            )
    raise scan.changed_while_read(path, names[changed[0]])


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
    new: _New,
) -> Listing:
    """Store the files at `todo`; return the listing with their latest stats, and add the objects to `new`."""
    raw = listing.raw_paths()
    stats = bytearray(listing.stats)
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
        written = [at for at, is_new in enumerate(found.written) if is_new]
        new.values.extend([values[at] for at in written])
        if _METHODS[kind] == "hardlink":
            new.linked.update(
                [version(values[at], found.stats[at * _STAT : (at + 1) * _STAT]) for at in written]
            )
        left = scan.take_results(found, left, digests=digests, stats=stats, raw=raw, path=path)
        if not left:
            return Listing.of(listing.names, bytes(stats))
    raise scan.changed_while_read(path, raw[left[0]])


def _put_file(scanner: Scanner, path: str, cache: ObjectCache, kind: LinkType) -> Snapshot:
    listing = scan.single(scanner, path)
    record = scanner.stats.file(scanner.key(path))
    if record is not None and record.stat == listing.stats:
        value = record.digest.hex()
        if cache.may_be_shared([scanner.root]) and cache.freshen([value]):
            listing = scan.refreshed(f"{scanner.root}/{os.path.dirname(path) or '.'}", listing)
            scan.remember_file(scanner, path, listing, record.digest)
        if not cache.missing([value]):
            return scan.file_snapshot(listing, record.digest)
    elif record is not None:
        cache.disown([record.digest.hex()], [listing.stats])
    method = fitting(_grouped(listing, [0], kind)[0][0], is_executable=bool(listing.stat(0).mode & 0o111))
    digests = bytearray(_DIGEST)
    parent = os.path.dirname(path) or "."
    since = scan.begin(scanner, listing, [0])
    new = _New([], {})
    stored = _store(scanner, parent, cache, listing, digests, [0], method, new)
    _seal(scanner, parent, cache, stored, digests, new)
    if new.linked:
        stored = scan.refreshed(f"{scanner.root}/{parent}", stored)
    scan.remember_file(scanner, path, stored, bytes(digests), since=since)
    return scan.file_snapshot(stored, bytes(digests))
