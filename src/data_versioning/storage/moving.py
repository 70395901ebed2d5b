"""One file between the local disk and a network store: in parts, verified on the way, resumed after what may pass."""

from __future__ import annotations

import asyncio
import os
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import md5
from typing import NamedTuple, TypeVar

from data_versioning.errors import CorruptObject, MissingObject
from data_versioning.storage.client import Client, Unavailable, part_length
from data_versioning.storage.partial import Partial

T = TypeVar("T")

ATTEMPTS = 6
# Seconds before the second attempt; doubled for each later one, up to the longest.
_PAUSE, _LONGEST_PAUSE = 0.5, 20.0
# Content of more bytes than this waits for a place in memory, and is hashed in a thread.
_SMALL = 1 << 20
# Parts of one file that are asked for ahead of the one that is written.
_AHEAD = 6


class Row(NamedTuple):
    """One file of a batch; `digest`, its expected MD5, is empty where nothing is known."""

    at: int
    key: str
    path: str
    digest: bytes


@dataclass(slots=True)
class Traffic:
    """What all transfers of a batch share: places in memory for parts, and the bytes moved so far."""

    parts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    moved: int = 0


async def retried(request: Callable[[], Awaitable[T]]) -> T:
    """Return what `request` returns; repeat it after growing pauses while the store is `Unavailable`."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await request()
        except Unavailable:
            await _pause(attempt)
    return await request()


async def content(
    client: Client, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None
) -> bytes:
    """Return content of an object as a whole."""
    body = await client.get(key, start=start, end=end, etag=etag)
    found = b"".join([bytes(chunk) async for chunk in body.chunks])
    if len(found) != min(body.size, end or body.size) - start:
        raise Unavailable(f"the connection ended in the middle of {key}")
    return found


async def receive(client: Client, row: Row, traffic: Traffic) -> int:
    """Copy an object to a local file and return its size; `CorruptObject` when the digest is another one."""
    with Partial(row.path) as partial:
        await _fill(client, row.key, partial, traffic)
        if row.digest and partial.digest() != row.digest:
            raise CorruptObject(f"{row.key} does not have the content its name says")
        partial.finish()
    return partial.size


async def _fill(client: Client, key: str, partial: Partial, traffic: Traffic) -> None:
    size: int | None = None
    etag: str | None = None
    fruitless = 0
    while size is None or partial.size < size:
        before = partial.size
        try:
            if size is None or size - before <= client.part_size:
                body = await client.get(key, start=before, etag=etag)
                size, etag = body.size, body.etag
                await _write_body(client, body.chunks, size, partial, traffic)
            else:
                await _fill_ahead(client, key, size, etag, partial, traffic)
            if partial.size == before < size:
                raise Unavailable(f"the connection ended in the middle of {key}")
        except Unavailable:
            fruitless = 1 if partial.size > before else fruitless + 1
            if fruitless == ATTEMPTS:
                raise
            await _pause(fruitless)


async def _write_body(
    client: Client, chunks: AsyncIterator[bytes | memoryview], size: int, partial: Partial, traffic: Traffic
) -> None:
    async for chunk in chunks:
        await _write(partial, chunk, traffic)
        if size - partial.size > client.part_size:
            return  # the rest of a large file comes faster in several parts at once


async def _fill_ahead(
    client: Client, key: str, size: int, etag: str | None, partial: Partial, traffic: Traffic
) -> None:
    starts = iter(range(partial.size, size, client.part_size))
    ahead: deque[asyncio.Task[bytes]] = deque()
    start = next(starts, None)
    try:
        while ahead or start is not None:
            # A file that has parts in memory writes them before it waits for more places.
            while start is not None and len(ahead) < _AHEAD and not (ahead and traffic.parts.locked()):
                await traffic.parts.acquire()
                end = min(start + client.part_size, size)
                ahead.append(asyncio.create_task(content(client, key, start=start, end=end, etag=etag)))
                start = next(starts, None)
            await _write(partial, await ahead[0], traffic)
            ahead.popleft()
            traffic.parts.release()
    finally:
        for task in ahead:
            task.cancel()
            traffic.parts.release()
        await asyncio.gather(*ahead, return_exceptions=True)


async def _write(partial: Partial, chunk: bytes | memoryview, traffic: Traffic) -> None:
    if len(chunk) > _SMALL:
        await asyncio.to_thread(partial.write, chunk)
    else:
        partial.write(chunk)
    traffic.moved += len(chunk)


async def send(client: Client, row: Row, traffic: Traffic) -> int:
    """Copy a local file to an object and return its size.

    Raises `MissingObject` when there is no such file, `CorruptObject` when its digest is another one.
    """
    try:
        size = os.stat(row.path).st_size
    except FileNotFoundError:
        raise MissingObject(f"{row.path} is missing") from None
    if size > client.part_size:
        async with traffic.large:
            await retried(lambda: client.put_parts(row.key, _parts(client, row, size, traffic), size))
    elif size > _SMALL:
        async with traffic.parts:
            await _send_whole(client, row, traffic)
    else:
        await _send_whole(client, row, traffic)
    return size


async def _send_whole(client: Client, row: Row, traffic: Traffic) -> None:
    with open(row.path, "rb") as file:
        found = file.read()
    if row.digest and md5(found, usedforsecurity=False).digest() != row.digest:
        raise CorruptObject(f"{row.path} does not have the content its name says")
    await retried(lambda: client.put(row.key, found))
    traffic.moved += len(found)


async def _parts(client: Client, row: Row, size: int, traffic: Traffic) -> AsyncIterator[bytes]:
    """Yield the content in parts; the last one only when the whole has the right digest, so that nothing wrong ends."""
    hashed = md5(usedforsecurity=False)
    moved = 0
    length = part_length(size, client.part_size)
    with open(row.path, "rb") as file:
        while part := await asyncio.to_thread(file.read, length):
            await asyncio.to_thread(hashed.update, part)
            moved += len(part)
            if moved >= size and row.digest and hashed.digest() != row.digest:
                traffic.moved -= moved - len(part)
                raise CorruptObject(f"{row.path} does not have the content its name says")
            traffic.moved += len(part)
            yield part


async def _pause(attempt: int) -> None:
    longest = min(_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
    await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - spreads load, keeps no secret
