"""Give the user files of their own, which may be written, in place of links into the cache. Writes the disk.

A copy is complete before it takes the name of the link; the object behind it is only read. What fails is
reported and stays as it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from data_versioning.localfs import batch, walk
from data_versioning.localfs.walk import FileStat, Listing
from data_versioning.workspace import checkout

_EXECUTABLE = 0o111
_SIZE = walk.RECORD.size
_MORE = 2  # attempts after the first
_NOTHING = FileStat(0, 0, 0, 0, 0, 0)


class Unprotected(NamedTuple):
    """How many files were copied, and which could not be: path inside the workspace to errno."""

    copied: int
    failed: dict[str, int]


def unprotect(root: str, path: str, *, advance: Callable[[int, int], None] | None = None) -> Unprotected:
    """Make every file at or below `path` of the workspace a regular file that nothing else shares.

    A copy, and a file that its owner may not write, gets the mode of a new file; what is executable stays so. Links
    to directories are left alone; what somebody else replaces meanwhile is not overwritten.
    """
    done = _attempt(root, path, advance)
    for _ in range(_MORE):
        # A link to a file that was replaced by its copy meanwhile, or somebody else's edit: look again.
        if batch.TARGET_CHANGED not in done.failed.values():
            break
        again = _attempt(root, path, advance)
        done = Unprotected(done.copied + again.copied, again.failed)
    return done


def _attempt(root: str, path: str, advance: Callable[[int, int], None] | None) -> Unprotected:
    names, listing = _look(f"{root}/{path}")
    shared, own = _unwritable(f"{root}/{path}", names, listing)
    copied, failed = 0, dict[int, int]()
    for mode, group in shared.items():
        blob = checkout.inside(path, [names[at] for at in group])
        seen = b"".join([listing.stats[at * _SIZE : (at + 1) * _SIZE] for at in group])
        done = batch.copy_files(root, blob, root, blob, mode=mode, replace=True, seen=seen, advance=advance)
        failed |= {group[at]: code for at, code in done.errors.items()}
        copied += len(group) - len(done.errors)
    for mode, group in own.items():
        errors = batch.chmod_files(root, checkout.inside(path, [names[at] for at in group]), mode)
        failed |= {group[at]: code for at, code in errors.items()}
    told = {f"{path}/{names[at]}" if names[at] else path: code for at, code in failed.items()}
    return Unprotected(copied, told)


def _look(top: str) -> tuple[list[str], Listing]:
    """Return names and stats of the files in a directory; a single file has the name ""."""
    if os.path.isdir(top):
        listing = walk.walk(top)
        return listing.paths(), listing
    return [""], Listing.of(b"\0", walk.RECORD.pack(*(walk.stat_file(top) or _NOTHING)))


def _unwritable(
    top: str, names: list[str], listing: Listing
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return which files are linked to others and which only have the wrong mode, by the mode they should have."""
    words = memoryview(listing.stats).cast("I")
    modes, flags = words[walk.MODE_WORD :: _SIZE // 4], words[walk.MODE_WORD + 1 :: _SIZE // 4]
    shared: dict[int, list[int]] = {}
    own: dict[int, list[int]] = {}
    usual = 0o666 & ~batch.umask()
    for index, (name, mode, link) in enumerate(zip(names, modes, flags, strict=True)):
        wanted = usual | (mode & _EXECUTABLE if stat.S_ISREG(mode) else 0)
        if link or _link_count(f"{top}/{name}" if name else top) > 1:
            shared.setdefault(wanted, []).append(index)
        elif stat.S_ISREG(mode) and not mode & stat.S_IWUSR:
            own.setdefault(wanted, []).append(index)
    return shared, own


def _link_count(path: str) -> int:
    try:
        return os.lstat(path).st_nlink
    except FileNotFoundError:
        return 0  # it vanished meanwhile
