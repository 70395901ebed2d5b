"""Decide which objects nobody uses, and remove them.

Only `roots` and `apply` touch the disk. `apply` may be interrupted and run again: directory listings go
first, so a cache never keeps a listing whose files were removed with it. The ids of objects are 32 hex digits
in ASCII, with ".dir" behind for a directory listing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from hashlib import md5

from data_versioning.errors import DiskError, FormatError
from data_versioning.formats import dirfile
from data_versioning.localfs import batch
from data_versioning.localfs.walk import Listing, walk

# Seconds: another repository may have stored an object in a shared cache and not yet written its pointer.
GRACE = 24 * 3600
# Seconds: an unfinished write that old belongs to nobody any more.
LEFTOVER_AGE = 24 * 3600

# Anything in a pointer file that looks like an id counts as one: an id too many keeps an object too many, so
# this is safe, and thousands of revisions need no YAML parser. Longer runs of hex digits are commit ids.
_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?:\.dir)?(?![0-9a-f])")
_SECTION = re.compile(rb"^ *(deps|outs|params|cmd):", re.MULTILINE)
_MEMBER = re.compile(rb'"([0-9a-f]{32})"')
# What lies below a root: objects, and unfinished writes, in a two-digit directory or beside them.
OBJECT_NAME = re.compile(rb"[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?")
LEFTOVER_NAME = re.compile(rb"(?:[0-9a-f]{2}/)?\.[\w-]{8,}\.tmp")
_PREFIX = re.compile(r"[0-9a-f]{2}")
_DIRECTORY = b".dir"
# A record of a `Listing` as five 64-bit words; the flags are the upper half of the last.
_INODE, _SIZE, _MODIFIED, _CHANGED, _STATE = range(5)
_WORDS = 5
_SYMLINK = 1 << 32


def ids_in(text: bytes) -> set[bytes]:
    """Return everything in the text of a pointer file that may be an object id.

    >>> sorted(ids_in(b"- md5: 37B51D194A7513E45B56F6524F2D51F2" b"\\n  rev_lock: " + b"a" * 40))
    [b'37b51d194a7513e45b56f6524f2d51f2']
    """
    return set(_ID.findall(text.lower()))


def output_ids_in(text: bytes) -> set[bytes]:
    """Return what may be the id of an output: in a dvc.lock as DVC writes it, everything not below "deps:".

    >>> text = b"schema: '2.0'\\nstages:\\n s:\\n    deps:\\n    - md5: %s.dir\\n    outs:\\n    - md5: %s\\n"
    >>> output_ids_in(text % (b"a" * 32, b"b" * 32)) == {b"b" * 32}
    True
    """
    if not text.startswith(b"schema:") or b"{" in text or b"[" in text:
        return ids_in(text)
    first, *sections = _SECTION.split(text)
    found = ids_in(first)
    for key, content in zip(sections[::2], sections[1::2], strict=True):
        if key != b"deps":
            found |= ids_in(content)
    return found


def members(content: bytes, oid: bytes) -> list[bytes] | None:
    """Return the ids of the files of a directory listing, or None when `content` is not what `oid` names."""
    if md5(content).hexdigest().encode() != oid.removesuffix(_DIRECTORY):
        return None
    found: list[bytes] = _MEMBER.findall(content.lower())
    if len(found) >= content.count(b"{"):
        return found
    # Braces in paths, or JSON as no tool of ours writes it: read it properly.
    try:
        return [digest.encode() for digest in dirfile.load(content, file=oid.decode())[1]]
    except FormatError:
        return None


def name(oid: bytes) -> bytes:
    """Return where an object lies below its root."""
    return oid[:2] + b"/" + oid[2:]


def roots(base: str) -> Iterator[tuple[str, Listing, bool]]:
    """List the cache: each root that exists, what lies below it, and whether it holds objects of DVC 2."""
    modern = f"{base}/files/md5"
    with suppress(FileNotFoundError):
        yield modern, walk(modern, prune_nested=False), False
    with suppress(FileNotFoundError):
        found = (name for name in sorted(os.listdir(base)) if _PREFIX.fullmatch(name))
        directories = [name for name in found if os.path.isdir(f"{base}/{name}")]
        listings = [walk(f"{base}/{name}", prune_nested=False) for name in directories]
        if listings:
            yield base, _joined(directories, listings), True


def _joined(directories: Sequence[str], listings: Sequence[Listing]) -> Listing:
    """Return listings of directories as one of their parent."""
    names = b"".join(
        f"{directory}/".encode() + name + b"\0"
        for directory, listing in zip(directories, listings, strict=True)
        for name in listing.raw_paths()
    )
    return Listing.of(names, b"".join(listing.stats for listing in listings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What goes from below one root, in this order, and how many objects stay."""

    root: str
    directories: Listing
    files: Listing
    # Unfinished writes of processes that died.
    leftovers: Listing
    kept: int
    # How many of the kept ones nobody uses, but they are too young to go.
    young: int

    @property
    def count(self) -> int:
        """Objects to be removed."""
        return len(self.directories) + len(self.files)

    @property
    def size(self) -> int:
        """Bytes of the objects and leftovers to be removed."""
        return self.directories.sizes() + self.files.sizes() + self.leftovers.sizes()

    def objects(self) -> list[str]:
        """Return the ids of the objects to be removed, in the order of removal."""
        names = self.directories.names + self.files.names
        return names.replace(b"/", b"").decode().split("\0")[:-1]


def plan(root: str, listing: Listing, used: Set[bytes], *, now: float, grace: float) -> Sweep:
    """Sort the files below `root` into those that stay and those that go.

    An object goes when it is not in `used` and nothing happened to it for `grace` seconds. Its change time
    counts too: a hard link into the cache keeps the modification time of the user's file. Files that are
    neither objects nor unfinished writes are left alone.
    """
    words = memoryview(listing.stats).cast("q")
    modified, changed, inodes = (words[column::_WORDS] for column in (_MODIFIED, _CHANGED, _INODE))
    names = listing.raw_paths()
    oids = listing.names.replace(b"/", b"").split(b"\0")
    oids.pop()
    linked = _linked(words, oids, used)
    youngest, oldest = int((now - grace) * 1e9), int((now - LEFTOVER_AGE) * 1e9)
    directories: list[int] = []
    files: list[int] = []
    leftovers: list[int] = []
    young = 0
    is_object = OBJECT_NAME.fullmatch
    for index in [index for index, oid in enumerate(oids) if oid not in used]:
        found = is_object(names[index])
        if not found:
            is_old = max(modified[index], changed[index]) < oldest
            if is_old and LEFTOVER_NAME.fullmatch(names[index]):
                leftovers.append(index)
        elif grace and max(modified[index], changed[index]) > youngest:
            young += 1
        elif not linked or inodes[index] not in linked:
            (directories if found[1] else files).append(index)
    return Sweep(
        root=root,
        directories=listing.select(directories),
        files=listing.select(files),
        leftovers=listing.select(leftovers),
        kept=len(names) - len(directories) - len(files) - len(leftovers),
        young=young,
    )


def _linked(words: memoryview[int], oids: list[bytes], used: Set[bytes]) -> set[int]:
    """Return the inodes behind used symbolic links: users link equal objects to save space."""
    states = words[_STATE::_WORDS].tolist()
    if max(states, default=0) < _SYMLINK:
        return set()
    return {
        words[index * _WORDS + _INODE]
        for index, state in enumerate(states)
        if state & _SYMLINK and oids[index] in used
    }


def apply(sweep: Sweep, *, threads: int | None = None) -> None:
    """Remove what was planned; what somebody else removed in the meantime is fine.

    Raises `DiskError` for the first file that cannot be removed; the others are gone.
    """
    for listing in (sweep.directories, sweep.files, sweep.leftovers):
        if errors := batch.remove_files(sweep.root, listing.names, threads=threads):
            index, code = min(errors.items())
            raise DiskError(
                f"{len(errors)} files could not be removed, among them "
                f"{sweep.root}/{listing.paths()[index]}: {os.strerror(code)}",
                hint="make the cache writable, then run `dv gc` again",
            )
