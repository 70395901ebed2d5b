"""From the outputs somebody asks for to the objects that carry them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import md5
from typing import NamedTuple

from data_versioning.errors import CorruptObject, MissingObject
from data_versioning.formats import dirfile
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.remotes import layout
from data_versioning.storage.base import ReadableStore


class Request(NamedTuple):
    """An output: its object, its path for messages, and the part inside a directory ("" is all of it)."""

    oid: ObjectId
    name: str
    inner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The objects that carry some outputs, each with the path of one file or directory that has it.

    `trees` are the listings of directories wanted as a whole, `parts` those of which only some files are.
    """

    legacy: bool
    files: dict[str, str] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    # Listings that neither the cache nor the remote has: nobody knows their files.
    lost: dict[str, str] = field(default_factory=dict)
    # Listings whose object, in the cache or on the remote, is wrong.
    damaged: set[str] = field(default_factory=set)

    def add(self, request: Request, cache: ObjectCache, store: ReadableStore) -> None:
        """Add the objects of one more output."""
        value = request.oid.value
        if not request.oid.is_dir:
            self.files.setdefault(value, request.name)
            return
        if value in self.trees:
            return
        try:
            paths, digests = self._read(request.oid, cache, store)
        except (MissingObject, CorruptObject) as error:
            self.lost.setdefault(value, request.name)
            if isinstance(error, CorruptObject):
                self.damaged.add(value)
            return
        names = [f"{request.name}/{path}" for path in paths]
        if not request.inner:
            self.trees[value] = request.name
            self.parts.pop(value, None)
            self.files.update(zip(digests, names, strict=True))
            return
        self.parts.setdefault(value, request.name)
        whole, below = f"{request.name}/{request.inner}", f"{request.name}/{request.inner}/"
        self.files.update(
            (digest, name)
            for digest, name in zip(digests, names, strict=True)
            if name == whole or name.startswith(below)
        )

    def _read(self, oid: ObjectId, cache: ObjectCache, store: ReadableStore) -> tuple[list[str], list[str]]:
        try:
            return cache.read_tree(oid)
        except MissingObject:
            return read_tree(oid, store)
        except CorruptObject:
            self.damaged.add(oid.value)
            return read_tree(oid, store)


def expand(requests: Iterable[Request], cache: ObjectCache, store: ReadableStore) -> list[Wanted]:
    """Return the objects of all outputs: one answer for DVC 3 objects, one for those of DVC 2.x.

    A directory's listing is read from the cache, else from the remote.
    """
    found = {legacy: Wanted(legacy=legacy) for legacy in (False, True)}
    for request in requests:
        found[request.oid.legacy].add(request, cache, store)
    return [wanted for wanted in found.values() if wanted.files or wanted.trees or wanted.lost]


def read_tree(oid: ObjectId, store: ReadableStore) -> tuple[list[str], list[str]]:
    """Return a directory listing from a remote: paths, and the hex digest of each file.

    Raises `MissingObject`, or `CorruptObject` when the content does not match its name, twice: once, it may have been
    damaged on its way.
    """
    (key,) = layout.keys([oid.value], legacy=oid.legacy)
    for _ in range(2):
        content = store.read(key)
        if md5(content).hexdigest() == oid.value[:32]:
            return dirfile.load(content, file=key)
    raise CorruptObject(f"{key} on the remote is damaged", hint="dv push, where the data is complete")
