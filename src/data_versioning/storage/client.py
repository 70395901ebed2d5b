"""What an adapter of a network store has to give: single requests, to be sent many at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from data_versioning.errors import DataVersioningError, StorageError
from data_versioning.storage.base import Failure, ObjectInfo, Page


class Unavailable(StorageError):
    """The store does not answer now: throttled, connection lost, overloaded. Trying again may help.

    `after`: seconds that the store asks to be left alone.
    """

    def __init__(self, message: str, *, hint: str | None = None, after: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.after = after


class Unreachable(Unavailable):
    """Nobody answers at that address: no such host, or it refuses connections. A few attempts will do."""


class NotPermitted(StorageError):
    """The credentials do not suffice for a request; they may for another one."""


PASSING = frozenset({408, 409, 412, 425, 429})
"""Statuses below 500 after which trying again may help: timeout, conflict, changed meanwhile, too early, too many."""


def asked_pause(retry_after: str | None) -> float:
    """Return the seconds that a `Retry-After` header asks for; a date in it asks for none.

    >>> asked_pause("7"), asked_pause("Wed, 21 Oct 2026 07:28:00 GMT"), asked_pause(None)
    (7.0, 0.0, 0.0)
    """
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdecimal() else 0.0


# S3 and Google take at most 10,000 parts of one object.
_MOST_PARTS = 9000


def part_length(size: int, part_size: int) -> int:
    """Return how many bytes each part of an upload of `size` bytes has: `part_size`, more for what is very large.

    >>> part_length(1 << 30, 8 << 20), part_length(1 << 40, 8 << 20)
    (8388608, 122167530)
    """
    return max(part_size, -(-size // _MOST_PARTS))


class Relay:
    """Parts on their way through a library that hides what they raise; that is kept in `failure`."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self.failure: DataVersioningError | None = None

    async def content(self) -> AsyncIterator[bytes]:
        """Yield the parts."""
        try:
            async for part in self._parts:
                yield part
        except DataVersioningError as error:
            self.failure = error
            raise


class Body(NamedTuple):
    """The answer to a request for content; `size` is that of the whole object.

    `in_parts`: the store gives a part of it without the rest.
    """

    size: int
    etag: str | None
    chunks: AsyncIterator[bytes | memoryview]
    in_parts: bool = True


class PlainClient(Protocol):
    """Requests to one store, relative to its root; any number may be under way at once.

    All raise `Unavailable` for what may pass, `MissingObject` for an object that is not there, and
    `StorageError`, with a hint, for what will not pass by itself: a refusal, a wrong bucket. No message
    holds a secret.
    """

    @property
    def part_size(self) -> int:
        """Bytes; content of more is transferred in parts of this size."""

    async def stat(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object, None when there is none."""

    async def get(self, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None) -> Body:
        """Ask for the content from byte `start` up to `end`; `Unavailable` when it is not that of `etag` any more."""

    async def put(self, key: str, content: bytes) -> str | None:
        """Write a small object, complete or not at all, and return its etag."""

    async def put_parts(self, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        """Write a large object from parts of `part_length`, complete or, when `parts` raises, not at all."""


class BriefClient(ABC):
    """A client of a store where content alone takes less than `get`, which also tells of what it is content.

    A base class, because whether an object fits a protocol takes as long as reading a small file.
    """

    __slots__ = ()

    @abstractmethod
    async def piece(self, key: str, start: int, end: int) -> bytes | memoryview:
        """Return the content from byte `start` up to `end`, or to where it ends; none when only `get` can tell."""


class Client(PlainClient, Protocol):
    """Requests to a store that can be listed, and where two writers can agree who was first."""

    def list(self, prefix: str) -> AsyncIterator[Page]:
        """Return all objects below `prefix`, which is empty or ends in "/"."""

    async def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        """Return the prefixes one level below `prefix`, and the objects directly in it."""

    async def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        """Delete objects; one that does not exist is no failure."""

    async def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        """See `ConditionalStore.put_if`."""


class MovingClient(Client, Protocol):
    """Requests to a store that can move what it has."""

    async def move(self, key: str, target: str) -> None:
        """Give an object another key, replacing what has it."""
