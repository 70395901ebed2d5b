"""The cache: content-addressed objects on the local disk, in DVC's layout.

An object is trusted when its mode is exactly 0444: whoever set that mode has checked the content. Everything
else is checked before it is believed. New objects get 0444 only after their content has reached the disk
(`seal`).
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from data_versioning.errors import CorruptObject, DiskError, MissingObject
from data_versioning.formats import dirfile
from data_versioning.localfs import atomic, batch, regular, walk
from data_versioning.localfs.walk import Listing
from data_versioning.objects import hashing
from data_versioning.objects import oid as oids
from data_versioning.objects.oid import ObjectId

SEALED = 0o444
UNSEALED = 0o644
# What was touched this recently is safe from every gc: the grace period is much longer.
_FRESH_NS = 3600 * 10**9
# The bytes of a `walk.RECORD` with the inode; also size and mtime; also the change time.
_INODE, _CONTENT, _SAME_FILE = 8, 24, 32
_NO_LINKS: Mapping[bytes, bytes] = {}
_CTIME = slice(walk.CTIME_WORD, None, walk.RECORD.size // 8)
_PREFIXES = "".join(f"{i:02x}\0" for i in range(256)).encode()
# A directory changed this recently may change again without its time stamp telling.
_TICK_NS = 20_000_000


class ObjectCache(NamedTuple):
    """`base` is `cache.dir`; `shared` is `cache.shared = group`; `durable` asks to survive power loss."""

    base: str
    shared: bool = False
    durable: bool = True

    def root(self, *, legacy: bool = False) -> str:
        """Return the directory that holds the two-digit directories."""
        return self.base if legacy else f"{self.base}/files/md5"

    def path(self, oid: ObjectId) -> str:
        """Return where the object lies, whether or not it is there."""
        return f"{self.root(legacy=oid.legacy)}/{oids.name(oid.value)}"

    @property
    def directory_mode(self) -> int | None:
        """Return the mode of new directories; None for what the umask says."""
        return 0o2775 if self.shared else None

    @property
    def holds_legacy(self) -> bool:
        """Whether DVC 2.x left objects here."""
        try:
            return any(len(name) == 2 for name in os.listdir(self.base))
        except OSError:
            return False

    def missing(self, values: Sequence[str], *, legacy: bool = False) -> list[int]:
        """Return the indices of those objects that are absent or whose content is wrong.

        Objects that are not sealed are read, and sealed when they turn out right.
        """
        root = self.root(legacy=legacy)
        stats = batch.stat_files(root, oids.names(list(values)))
        modes = memoryview(stats).cast("I")[walk.MODE_WORD :: walk.RECORD.size // 4].tolist()
        absent = [index for index, mode in enumerate(modes) if not mode]
        unsealed = [index for index, mode in enumerate(modes) if mode not in (0, stat.S_IFREG | SEALED)]
        if unsealed:
            absent += self._verify(root, values, unsealed, legacy=legacy)
        return sorted(absent)

    def _verify(self, root: str, values: Sequence[str], indices: list[int], *, legacy: bool) -> list[int]:
        right, wrong = _compare(root, values, indices, legacy=legacy)
        batch.chmod_files(root, oids.names([values[i] for i in right]), SEALED)
        return wrong

    def has(self, oid: ObjectId) -> bool:
        """Whether the object is there with the right content."""
        return not self.missing([oid.value], legacy=oid.legacy)

    def read(self, oid: ObjectId) -> bytes:
        """Return the checked content of one small object.

        Raises `MissingObject` or `CorruptObject`.
        """
        path = self.path(oid)
        try:
            content = regular.read(path)
        except FileNotFoundError:
            raise MissingObject(f"{oid.value} is not in the cache", hint="dv fetch") from None
        except OSError as error:
            raise DiskError(f"cannot read {path}: {error.strerror}", hint=f"ls -l {path}") from error
        # Text of DVC 2.x is hashed otherwise; a listing holds no line ends, and its hash is the plain one.
        if hashing.md5(content) != oid.value[:32] and (oid.is_dir or not oid.legacy):
            raise CorruptObject(f"the cache object {path} does not hold {oid.value}", hint="dv fsck")
        return content

    def read_tree(self, oid: ObjectId) -> tuple[list[str], list[str]]:
        """Return a directory listing: the paths inside the directory, and the hex digest of each file."""
        return dirfile.load(self.read(oid), file=self.path(oid))

    def write_tree(self, content: bytes) -> ObjectId:
        """Put a directory listing into the cache, not sealed yet, and return its id."""
        oid = ObjectId(hashing.md5(content) + oids.DIRECTORY_SUFFIX)
        path = self.path(oid)
        if _is_sealed(path):
            # Somebody else's object in a shared cache, or one on a read-only disk, cannot be freshened.
            with contextlib.suppress(OSError):
                os.utime(path)
            return oid
        atomic.make_directory(os.path.dirname(path), self.directory_mode)
        atomic.replace(path, content, durable=False)
        return oid

    def adopt(self, values: Sequence[str]) -> dict[str, str]:
        """Give objects of DVC 2.x the names of today, too, as links if possible; return the new name of each.

        Raises `MissingObject` when one is absent or damaged.
        """
        if absent := self.missing(values, legacy=True):
            raise MissingObject(f"{values[absent[0]]} is not in the cache", hint="dv fetch")
        source = self.root(legacy=True)
        stats = batch.stat_files(source, oids.names(list(values)))
        flags = memoryview(stats).cast("I")[walk.FLAGS_WORD :: walk.RECORD.size // 4]
        is_link = [bool(flag & walk.SYMLINK) for flag in flags]
        own = [value for value, link in zip(values, is_link, strict=True) if not link]
        # What a symbolic link leads to is not ours to take over.
        linked = [value for value, link in zip(values, is_link, strict=True) if link]
        return self._adopt(own, "hardlink") | self._adopt(linked, "copy")

    def _adopt(self, values: list[str], method: Literal["copy", "hardlink"]) -> dict[str, str]:
        found = batch.store_files(
            self.root(legacy=True),
            oids.names(values),
            self.root(),
            method=method,
            directory_mode=self.directory_mode,
        )
        if found.errors:
            raise MissingObject(f"{values[min(found.errors)]} is not in the cache", hint="dv fetch")
        digests = oids.hex_digests(found.digests)
        self.seal([digest for digest, new in zip(digests, found.written, strict=True) if new])
        return dict(zip(values, digests, strict=True))

    def seal(
        self, values: Sequence[str], *, legacy: bool = False, linked: Mapping[bytes, bytes] = _NO_LINKS
    ) -> list[str]:
        """Make new objects durable, then trusted (0444): one sync for all of them.

        Objects that are other names of workspace files may be written to until they are sealed: `linked` holds
        the `version` of each when it was hashed. Those that differ now are taken away and returned.
        """
        if not values:
            return []
        root = self.root(legacy=legacy)
        names = oids.names(values)
        if self.durable:
            batch.sync(root)
        for index, code in batch.chmod_files(root, names, SEALED).items():
            if not _is_sealed(f"{root}/{oids.name(values[index])}"):
                raise DiskError(
                    f"cannot seal the cache object {values[index]}: {os.strerror(code)}",
                    hint=f"ls -l {root}/{oids.name(values[index])}",
                )
        if not linked:
            return []
        found = Listing.of(names, batch.stat_files(root, names))
        now = [version(value, found.record(at)) for at, value in enumerate(values)]
        # An object of another inode is a copy, which nobody else writes to.
        wrong = [
            value
            for value, (file, stamp) in zip(values, now, strict=True)
            if linked.get(file, stamp) != stamp
        ]
        batch.remove_files(root, oids.names(wrong))
        return wrong

    def freshen(self, values: Sequence[str]) -> bool:
        """Keep objects that are about to be referred to from the gc of other repositories that share the cache.

        Their change time becomes now, where it is not recent and the disk allows; the modification time is also
        that of workspace files which are linked to them, and stays. Returns whether any was old.
        """
        names = oids.names(values)
        changes = memoryview(batch.stat_files(self.root(), names)).cast("q")[_CTIME]
        stale = time.time_ns() - _FRESH_NS
        old = [value for value, changed in zip(values, changes, strict=True) if 0 < changed < stale]
        if old:
            batch.chmod_files(self.root(), oids.names(old), SEALED)
        return bool(old)

    def disown(self, values: Sequence[str], stats: Sequence[bytes], *, legacy: bool = False) -> None:
        """Take the seal off those objects that are one file with an edited file of the workspace.

        `values[i]` may not be what the file with the stat `stats[i]` holds now. If that is a link to the object, both
        were edited, or only another link was made or removed: what is right stays sealed, and so do its links.
        """
        root, names = self.root(legacy=legacy), oids.names(values)
        found = Listing.of(names, batch.stat_files(root, names))
        linked = [at for at in range(len(values)) if found.record(at)[:_SAME_FILE] == stats[at][:_SAME_FILE]]
        if linked:
            _, wrong = _compare(root, values, linked, legacy=legacy)
            batch.chmod_files(root, oids.names([values[at] for at in wrong]), UNSEALED)

    def may_be_shared(self, roots: Sequence[str]) -> bool:
        """Whether other repositories than those at `roots` may use the cache: it is a group's, or outside of them."""
        base = os.path.realpath(self.base)
        return self.shared or not any(base.startswith(os.path.realpath(root) + "/") for root in roots)

    def signature(self) -> bytes:
        """Return a value that changes when any object is added, removed or renamed.

        Empty when the cache changed so recently that its time stamps cannot tell.
        """
        root = self.root()
        found = batch.stat_files(root, _PREFIXES)
        changes = memoryview(found).cast("q")[_CTIME]
        if max(changes) > time.time_ns() - _TICK_NS:
            return b""
        return os.fsencode(root) + b"\0" + found


def _compare(
    root: str, values: Sequence[str], indices: Sequence[int], *, legacy: bool
) -> tuple[list[int], list[int]]:
    """Return the indices of objects that hold what their names say, and of those that do not."""
    # A legacy directory listing is hashed as text too; it holds no CRLF, so both hashes agree.
    found = batch.hash_files(root, oids.names([values[i] for i in indices]), text_mode=legacy)
    right: list[int] = []
    wrong: list[int] = []
    for index, digest in zip(indices, oids.hex_digests(found.digests), strict=True):
        (right if digest == values[index][:32] else wrong).append(index)
    return right, wrong


def version(value: str, stat: bytes) -> tuple[bytes, bytes]:
    """Return what tells a file that holds the object `value`, and what tells that it was not written to since.

    `stat` is a `walk.RECORD`.
    """
    return bytes.fromhex(value[:32]) + stat[:_INODE], stat[_INODE:_CONTENT]


def settled_signature(cache: ObjectCache) -> bytes:
    """Return the signature, after waiting until time stamps can tell: at most for one tick of the clock."""
    found = cache.signature()
    if not found:
        time.sleep(_TICK_NS / 1e9)
        found = cache.signature()
    return found


def _is_sealed(path: str) -> bool:
    try:
        return os.stat(path).st_mode == stat.S_IFREG | SEALED
    except OSError:
        return False
