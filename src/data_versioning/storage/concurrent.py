"""A store behind a network: many requests in flight, each file verified on its way, memory bounded.

What may pass (a lost connection, throttling) is tried again with growing pauses. A file that fails for good never
stops the others, unless nothing arrives any more: then the store as a whole is given up.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from data_versioning.errors import (
    CorruptObject,
    DataVersioningError,
    DiskError,
    MissingObject,
    StorageError,
)
from data_versioning.storage import bandwidth, moving, naming
from data_versioning.storage.base import (
    UNLIMITED,
    Advance,
    Failure,
    FailureKind,
    Hashes,
    Items,
    Outcome,
    Page,
)
from data_versioning.storage.client import Client, MovingClient, PlainClient, Unavailable, Unreachable
from data_versioning.storage.moving import Row, Traffic
from data_versioning.storage.portal import Closing, Portal

S = TypeVar("S")
T = TypeVar("T")
Move = Callable[[PlainClient, Row, Traffic], Awaitable[int]]

IN_FLIGHT = 64
"""Files under way at once, where nobody asks for another number."""
# Requests that list, at once; and how far below a prefix directories are looked for.
_LISTINGS, _DEPTH = 16, 2
# That many files refused, and none arrived meanwhile: the store as a whole is given up.
_GIVING_UP = 4
_NO_DIGEST = bytes(16)


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What became of a batch so far; written by the loop's thread, told by the caller's."""

    rows: list[Row]
    traffic: Traffic = field(default_factory=Traffic)
    failures: dict[int, Failure] = field(default_factory=dict)
    size: int = 0
    arrived: int = 0
    refused: int = 0
    told: tuple[int, int] = (0, 0)
    there: bytearray = field(init=False)  # of each row, whether it arrived

    def __post_init__(self) -> None:
        self.there = bytearray(len(self.rows))

    def tell(self, advance: Advance | None) -> None:
        """Report what is new since the last time."""
        now = (self.arrived + len(self.failures), self.traffic.moved)
        if advance and now != self.told:
            advance(now[0] - self.told[0], now[1] - self.told[1])
            self.told = now

    def arrive(self, row: Row, size: int) -> None:
        """Note that one file arrived."""
        self.there[row.at] = True
        self.size += size
        self.arrived += 1
        self.refused = 0

    def refuse(self, row: Row, error: DataVersioningError) -> None:
        """Note that one file was refused; raise `error` when it seems that all are."""
        self.failures[row.at] = Failure(FailureKind.REFUSED, error.message)
        self.refused += 1
        if self.refused >= _GIVING_UP or (self.arrived == 0 and self.refused == len(self.rows)):
            raise error

    def give_up(self, error: DataVersioningError) -> None:
        """Note that the rest failed for the same reason."""
        for row in self.rows:
            if not self.there[row.at] and row.at not in self.failures:
                self.failures[row.at] = Failure(FailureKind.REFUSED, f"was left out: {error.message}")


class PlainStore:
    """The `WritableStore` that any `PlainClient` makes; `in_flight` files are under way at once.

    `closing` closes the client's connections when the store is used no more.
    """

    def __init__(
        self, client: PlainClient, *, in_flight: int = IN_FLIGHT, closing: Closing | None = None
    ) -> None:
        self.client = client
        self.in_flight = in_flight
        self.name = ""  # of the remote, for hints
        self.limits = UNLIMITED
        self._portal = Portal(closing)

    def _call(self, work: Coroutine[Any, Any, T], *, tick: Callable[[], None] | None = None) -> T:
        try:
            return self._portal.call(work, tick=tick)
        except DataVersioningError as error:
            naming.tell(error, self.name)
            raise

    def find(self, keys: Sequence[str]) -> Page:
        """See `ReadableStore.find`."""
        ask = self._each(keys, lambda key: moving.retried(lambda: self.client.stat(key)), self.in_flight)
        there = [info for info in self._call(ask) if info is not None]
        return Page(
            keys=[info.key for info in there],
            sizes=[info.size for info in there],
            etags=[info.etag or "" for info in there] if any(info.etag for info in there) else None,
            modes=[info.mode or 0 for info in there] if any(info.mode for info in there) else None,
        )

    def read(self, key: str) -> bytes:
        """See `ReadableStore.read`."""
        return self._call(moving.retried(lambda: moving.content(self.client, key)))

    def download(
        self, items: Items, *, threads: int | None = None, advance: Advance | None = None
    ) -> Outcome:
        """See `ReadableStore.download`."""
        os.makedirs(items.directory, exist_ok=True)
        return self._move(moving.receive, _rows(items), threads or self.in_flight, advance)

    def hash(
        self, keys: Sequence[str], *, threads: int | None = None, advance: Advance | None = None
    ) -> Hashes:
        """See `ReadableStore.hash`."""
        found: dict[int, bytes] = {}

        async def take(client: PlainClient, row: Row, traffic: Traffic) -> int:
            found[row.at], size = await moving.digest(client, row.key, traffic)
            return size

        rows = [Row(index, key, key, b"") for index, key in enumerate(keys)]
        outcome = self._move(take, rows, threads or self.in_flight, advance)
        digests = b"".join([found.get(index, _NO_DIGEST) for index in range(len(keys))])
        return Hashes(digests=digests, failures=outcome.failures)

    def upload(self, items: Items, *, threads: int | None = None, advance: Advance | None = None) -> Outcome:
        """See `Store.upload`."""
        return self._move(moving.send, _rows(items), threads or self.in_flight, advance)

    def _move(self, move: Move, rows: list[Row], in_flight: int, advance: Advance | None) -> Outcome:
        batch = _Batch(rows=rows, traffic=Traffic(line=bandwidth.line(*self.limits)))

        async def one(row: Row) -> None:
            await _attempt(move, self.client, row, batch)

        try:
            self._call(self._each(batch.rows, one, in_flight), tick=lambda: batch.tell(advance))
        except Unreachable:
            raise
        except Unavailable as error:
            # The store worked and stopped: what arrived counts, and the caller tells what did not.
            batch.give_up(error)
        batch.tell(advance)
        return Outcome(failures=batch.failures, size=batch.size)

    @staticmethod
    async def _each(items: Sequence[S], work: Callable[[S], Awaitable[T]], in_flight: int) -> Sequence[T]:
        """Call `work` for every item, so many at once; the first exception ends all."""
        results: dict[int, T] = {}
        queue = iter(enumerate(items))

        async def worker() -> None:
            for index, item in queue:
                results[index] = await work(item)

        workers = [asyncio.create_task(worker()) for _ in range(min(in_flight, len(items)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return [results[index] for index in range(len(items))]


class ConcurrentStore(PlainStore):
    """The `ConditionalStore` that any `Client` makes."""

    client: Client

    def __init__(self, client: Client, *, in_flight: int = IN_FLIGHT, closing: Closing | None = None) -> None:
        super().__init__(client, in_flight=in_flight, closing=closing)

    def list(self, prefix: str) -> Iterator[Page]:
        """See `Store.list`: what is large is listed by many requests at once."""
        yield from self._call(moving.retried(lambda: self._list(prefix)))

    def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        """See `Store.directories`."""
        try:
            return self._call(moving.retried(lambda: self.client.directories(prefix)))
        except MissingObject:
            return [], Page(keys=[], sizes=[])

    def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        """See `Store.delete`."""
        return self._call(moving.retried(lambda: self.client.delete(keys))) if keys else {}

    def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        """See `ConditionalStore.put_if`."""
        return self._call(self.client.put_if(key, content, expected))

    async def _list(self, prefix: str, depth: int = 0) -> Sequence[Page]:
        pages = self.client.list(prefix)
        first, second = await anext(pages, None), await anext(pages, None)
        if first is None or second is None:
            return [first] if first else []
        directories, direct = await self.client.directories(prefix)
        if _is_nearly_through(second, directories):
            return [first, second, *[page async for page in pages]]

        async def below(directory: str) -> Sequence[Page]:
            return [page async for page in self.client.list(directory)]

        async def deeper(directory: str) -> Sequence[Page]:
            return await self._list(directory, depth + 1)

        # A few directories at the top hold the many ones that are worth a request each.
        one = deeper if len(directories) < _LISTINGS and depth < _DEPTH else below
        found = await self._each(directories, lambda name: moving.retried(lambda: one(name)), _LISTINGS)
        return [direct, *(page for pages in found for page in pages)]


class ConcurrentMovingStore(ConcurrentStore):
    """The `MovingStore` that any `MovingClient` makes."""

    client: MovingClient

    def __init__(
        self, client: MovingClient, *, in_flight: int = IN_FLIGHT, closing: Closing | None = None
    ) -> None:
        super().__init__(client, in_flight=in_flight, closing=closing)

    def move(self, keys: Sequence[str], targets: Sequence[str]) -> dict[int, Failure]:
        """See `MovingStore.move`."""

        async def take(client: PlainClient, row: Row, traffic: Traffic) -> int:
            await moving.retried(lambda: self.client.move(row.key, row.path))
            return 0

        pairs = enumerate(zip(keys, targets, strict=True))
        rows = [Row(index, key, target, b"") for index, (key, target) in pairs]
        return self._move(take, rows, self.in_flight, None).failures


def _is_nearly_through(second: Page, directories: Sequence[str]) -> bool:
    """Whether the rest of a listing comes as soon page by page, after two of them, as by a request a directory.

    Keys come in order, so the last one shows how much of the whole two pages are. Of the directory that it is in,
    nobody knows.
    """
    last = second.keys[-1]
    behind = sum(name <= last and not last.startswith(name) for name in directories)
    rest = 2 * (len(directories) - behind) / max(behind, 1)
    return rest <= len(directories) / _LISTINGS


async def _attempt(move: Move, client: PlainClient, row: Row, batch: _Batch) -> None:
    """Move one file; what concerns only this one is a failure in `batch`."""
    try:
        batch.arrive(row, await move(client, row, batch.traffic))
    except MissingObject:
        batch.failures[row.at] = Failure(FailureKind.MISSING, "is missing")
    except CorruptObject:
        batch.failures[row.at] = Failure(FailureKind.CORRUPT, "does not have the content its name says")
    except StorageError as error:
        batch.refuse(row, error)
    except OSError as error:
        problem = DiskError(
            f"cannot use {row.path}: {(error.strerror or str(error)).lower()}",
            hint="free some space, or check the permissions; then run it again",
        )
        batch.refuse(row, problem)


def _rows(items: Items) -> list[Row]:
    keys = os.fsdecode(items.keys).split("\0")[:-1]
    names = os.fsdecode(items.names).split("\0")[:-1]
    return [
        Row(index, key, f"{items.directory}/{name}", items.digests[index * 16 : index * 16 + 16])
        for index, (key, name) in enumerate(zip(keys, names, strict=True))
    ]
