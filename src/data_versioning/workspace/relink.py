"""Turn workspace files into the kind of link the cache is configured for, where they are another kind."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from data_versioning.errors import DiskError
from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import SEALED, ObjectCache
from data_versioning.workspace import checkout, scan

_OWN_BYTES = {LinkType.COPY, LinkType.REFLINK}


def relink(
    cache: ObjectCache,
    root: str,
    directory: str,
    listing: Listing,
    values: Sequence[str],
    *,
    kinds: Sequence[LinkType],
    kind: LinkType,
    legacy: bool = False,
) -> Listing:
    """Replace the files of `listing` that are no link of an allowed kind; return their new stats.

    The names are relative to `directory` of the workspace `root`. `kinds` are the configured link types, `kind` the
    first of them that works here. A file with bytes of its own is left alone when copies are allowed.
    """
    top = f"{root}/{directory}" if directory else root
    todo = _wrong(cache, top, listing, values, kinds, kind, legacy=legacy)
    if not todo:
        return listing
    names = listing.paths()
    chosen = [names[i] for i in todo]
    blob = checkout.inside(directory, chosen)
    seen = listing.select(todo).stats
    found = checkout.place(cache, [values[i] for i in todo], root, blob, kind=kind, seen=seen, legacy=legacy)
    for at, code in found.errors.items():
        if code == batch.TARGET_CHANGED:
            raise scan.changed_while_read(directory, os.fsencode(chosen[at]))
        raise DiskError(
            f"cannot make a {kind} of '{top}/{chosen[at]}': {os.strerror(code)}",
            hint="dv config cache.type copy, then dv checkout --relink",
        )
    size = walk.RECORD.size
    stats = bytearray(listing.stats)
    for at, index in enumerate(todo):
        stats[index * size : (index + 1) * size] = found.stats[at * size : (at + 1) * size]
    # A hard link changes the change time of the object, and so of every other file that is linked to it.
    return scan.refreshed(top, Listing.of(listing.names, bytes(stats)))


def unprotect(root: str, directory: str, listing: Listing) -> Listing:
    """Give files of their own, but not executable ones, the mode of a new file, as DVC does; return their new stats."""
    mode = 0o666 & ~batch.umask()
    words = memoryview(listing.stats).cast("I")
    step = walk.RECORD.size // 4
    modes, flags = words[walk.MODE_WORD :: step], words[walk.MODE_WORD + 1 :: step]
    wrong = [
        at
        for at, (found, flag) in enumerate(zip(modes, flags, strict=True))
        if not flag and not found & 0o111 and stat.S_IMODE(found) != mode
    ]
    if not wrong:
        return listing
    names = listing.paths()
    batch.chmod_files(root, checkout.inside(directory, [names[at] for at in wrong]), mode)
    return scan.refreshed(f"{root}/{directory}" if directory else root, listing)


def _wrong(
    cache: ObjectCache,
    top: str,
    listing: Listing,
    values: Sequence[str],
    kinds: Sequence[LinkType],
    kind: LinkType,
    *,
    legacy: bool,
) -> list[int]:
    linked = _linked(listing)
    own_allowed = bool(_OWN_BYTES & set(kinds))
    candidates = linked if own_allowed else list(range(len(listing)))
    if not candidates:
        return []
    wanted = [values[i] for i in candidates]
    objects = batch.stat_files(cache.root(legacy=legacy), oids.names(wanted))
    inodes = memoryview(objects).cast("Q")[:: walk.RECORD.size // 8]
    raw = listing.raw_paths()
    wrong = []
    for index, value, inode in zip(candidates, wanted, inodes, strict=True):
        found = listing.stat(index)
        if found.size == 0 and kind is LinkType.HARDLINK and not found.flags & walk.SYMLINK:
            continue
        actual = _kind_of(found, inode, top, raw[index], f"{cache.root(legacy=legacy)}/{oids.name(value)}")
        if actual not in kinds and not (actual is LinkType.COPY and own_allowed):
            wrong.append(index)
    return wrong


def _linked(listing: Listing) -> list[int]:
    """Return the files that may be links into the cache: symbolic ones, and those that are 0444 as objects are."""
    words = memoryview(listing.stats).cast("I")
    step = walk.RECORD.size // 4
    modes, flags = words[walk.MODE_WORD :: step], words[walk.MODE_WORD + 1 :: step]
    sealed = stat.S_IFREG | SEALED
    return [i for i, (mode, flag) in enumerate(zip(modes, flags, strict=True)) if flag or mode == sealed]


def _kind_of(found: walk.FileStat, inode: int, top: str, raw: bytes, object_path: str) -> LinkType | None:
    """Return how a file is linked to its object; None for a symbolic link to something else."""
    if found.flags & walk.SYMLINK:
        target = os.readlink(f"{top}/{os.fsdecode(raw)}")
        return LinkType.SYMLINK if target == object_path else None
    return LinkType.HARDLINK if found.inode == inode else LinkType.COPY
