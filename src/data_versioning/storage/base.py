"""What a place that keeps bytes under keys can do.

A key is text with "/" between its parts. Work on many objects is one call with parallel columns, so that a
store can keep many requests in flight and 100,000 files cost no object each. One file that fails never
stops the others: its index is in the outcome. A store that has failed as a whole (no such bucket, no
permission to list) raises `StorageError`. An ability a store lacks is a type it does not have:
`ReadableStore` < `WritableStore` < `Store` < `ConditionalStore`; some are a `MovingStore`, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import repeat
from typing import NamedTuple, Protocol, runtime_checkable

from data_versioning.errors import StorageError

Advance = Callable[[int, int], None]
"""Told how many more files and bytes are done, from the thread that made the call."""


class ObjectInfo(NamedTuple):
    """What a store says about one object; `mode` only where objects are files with permissions.

    `modified`: when it was written, in seconds since 1970.
    """

    key: str
    size: int
    etag: str | None
    mode: int | None
    modified: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Many objects as parallel columns; `etags`, `modes` and `modified` are None where the store has none.

    `md5s` are the hex digests that the store itself took when the content came, empty where it tells none; for what
    is encrypted, something else that looks like one.
    """

    keys: list[str]
    sizes: Sequence[int]
    etags: list[str] | None = None
    modes: Sequence[int] | None = None
    modified: Sequence[float] | None = None
    md5s: Sequence[str] | None = None

    def __iter__(self) -> Iterator[ObjectInfo]:
        return map(
            ObjectInfo,
            self.keys,
            self.sizes,
            self.etags or repeat(None),
            self.modes or repeat(None),
            self.modified or repeat(None),
        )

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """Local files and the objects they belong to: file `names[i]` below `directory` is object `keys[i]`.

    `names` and `keys` hold one NUL behind each entry. `digests` holds the expected MD5 of each content, 16
    bytes each; empty where nothing is known about the content.
    """

    directory: str
    names: bytes
    keys: bytes
    digests: bytes = b""

    def __len__(self) -> int:
        return self.keys.count(b"\0")

    def without(self, left_out: dict[int, Failure]) -> Items:
        """Return the items whose index is not in `left_out`."""
        if not left_out:
            return self
        kept = [i for i in range(len(self)) if i not in left_out]
        return Items(
            directory=self.directory,
            names=_pick(self.names, kept),
            keys=_pick(self.keys, kept),
            digests=b"".join([self.digests[i * 16 : i * 16 + 16] for i in kept]),
        )


def _pick(names: bytes, indices: list[int]) -> bytes:
    parts = names.split(b"\0")
    return b"".join([parts[i] + b"\0" for i in indices])


class FailureKind(StrEnum):
    """Why one file of a batch did not arrive, as far as callers act differently."""

    MISSING = "missing"  # the source has no such content
    CORRUPT = "corrupt"  # the source's content does not match the expected digest
    REFUSED = "refused"  # anything else: permission, full disk, no answer after all retries


class Failure(NamedTuple):
    """Why one file of a batch did not arrive; `reason` is for people and holds no secret."""

    kind: FailureKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a batch: `failures` by index, `size` the bytes that arrived."""

    failures: dict[int, Failure] = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """The MD5 of each object's content, 16 bytes each (zeros where it failed), and `failures` by index."""

    digests: bytes
    failures: dict[int, Failure] = field(default_factory=dict)


class Limits(NamedTuple):
    """Bytes a second that transfers may take, all files together; None: as many as there are."""

    upload: float | None = None
    download: float | None = None


UNLIMITED = Limits()


class ReadableStore(Protocol):
    """Objects can be asked for and read."""

    def find(self, keys: Sequence[str]) -> Page:
        """Return those of `keys` that exist, in the same order, each asked for now."""

    def read(self, key: str) -> bytes:
        """Return the content of a small object; `MissingObject` when there is none."""

    def download(
        self, items: Items, *, threads: int | None = None, advance: Advance | None = None
    ) -> Outcome:
        """Copy objects to local files, replacing what is there.

        A file appears under its name only complete and, where a digest is given, verified. The files are
        writable and not synced yet: that is up to the caller.
        """

    def hash(
        self, keys: Sequence[str], *, threads: int | None = None, advance: Advance | None = None
    ) -> Hashes:
        """Read objects as they pass by, keeping nothing of them but their MD5."""


class WritableStore(ReadableStore, Protocol):
    """Objects can be written too."""

    def upload(self, items: Items, *, threads: int | None = None, advance: Advance | None = None) -> Outcome:
        """Copy local files to objects, replacing what is there.

        An object appears under its key only complete and, where a digest is given, verified while it was
        read; it is durable when the call returns.
        """


@runtime_checkable
class Store(WritableStore, Protocol):
    """Objects can be listed and deleted too."""

    def list(self, prefix: str) -> Iterator[Page]:
        """Return the objects whose key starts with `prefix`, which is empty or ends in "/", in any order.

        Unfinished uploads are not among them.
        """

    def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        """Return what is one level below `prefix`: directories, as prefixes that end in "/", and objects."""

    def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        """Delete objects; one that does not exist is no failure."""


@runtime_checkable
class MovingStore(Store, Protocol):
    """Objects can get another key without passing through this machine."""

    def move(self, keys: Sequence[str], targets: Sequence[str]) -> dict[int, Failure]:
        """Give each of `keys` the key of the same place in `targets`, replacing what has it."""


class Untold(StorageError):
    """The store has ids for content, and does not tell them to us; another client may learn them."""


@runtime_checkable
class IdentifyingStore(ReadableStore, Protocol):
    """Content has an id of the store's own, which it is asked for by itself."""

    def ids(self, keys: Sequence[str]) -> list[str]:
        """Return the ids of what the objects hold now, empty for those that are gone; raises `Untold`."""


@runtime_checkable
class DigestingStore(Store, Protocol):
    """The store took digests when content came, but its listings do not tell them."""

    def digests(self, prefix: str) -> dict[str, str]:
        """Return the hex MD5 of objects below `prefix` by key, where the store has one, as in `Page.md5s`."""


class ConditionalStore(Store, Protocol):
    """Two writers can agree who was first."""

    def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        """Write an object only if it is still as `expected` and return its new etag; None when it is not.

        `expected` is the etag of the present content, or None when the object must not exist. The object is
        complete and durable when others can see it; of several writers exactly one succeeds.
        """
