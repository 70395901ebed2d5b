"""One file between the local disk and a network store: in parts, verified on the way, resumed after what may pass."""

from __future__ import annotations

import asyncio
import os
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from typing import NamedTuple, TypeAlias, TypeVar

from data_versioning.errors import CorruptObject, MissingObject
from data_versioning.storage import bandwidth
from data_versioning.storage.bandwidth import Line
from data_versioning.storage.client import (
    Body,
    BriefClient,
    PlainClient,
    Unavailable,
    Unreachable,
    part_length,
)
from data_versioning.storage.partial import Partial

T = TypeVar("T")
Pieces: TypeAlias = Sequence[bytes | memoryview]
"""Content as it came, in a row: joining it would copy every byte."""

ATTEMPTS, _UNREACHED = 6, 3
# Seconds before the second attempt; doubled for each later one, up to the longest.
_PAUSE, _LONGEST_PAUSE = 0.5, 20.0
_LONGEST_ASKED = 120.0
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
    """What all transfers of a batch share: the line, places in memory for parts, and the bytes moved so far."""

    line: Line = field(default_factory=bandwidth.line)
    parts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    moved: int = 0


async def retried(request: Callable[[], Awaitable[T]]) -> T:
    """Return what `request` returns; repeat it after growing pauses while the store is `Unavailable`."""
    attempt = 1
    while True:
        try:
            return await request()
        except Unavailable as error:
            if attempt >= _attempts(error):
                raise
            after = error.after
        await _pause(attempt, after)
        attempt += 1


async def content(
    client: PlainClient, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None
) -> bytes:
    """Return content of an object as a whole."""
    return b"".join(await _pieces(client, key, start, end, etag))


async def _pieces(client: PlainClient, key: str, start: int, end: int | None, etag: str | None) -> Pieces:
    if end is not None and etag is None and isinstance(client, BriefClient):
        piece = await client.piece(key, start, end)
        if len(piece) == end - start:
            return [piece]
    body = await client.get(key, start=start, end=end, etag=etag)
    found = [chunk async for chunk in body.chunks]
    if sum(map(len, found)) != min(body.size, end or body.size) - start:
        raise _cut(key)
    return found


async def receive(client: PlainClient, row: Row, traffic: Traffic) -> int:
    """Copy an object to a local file and return its size.

    Raises `CorruptObject` when the digest is another one, twice: once, it may have been damaged on its way.
    """
    try:
        return await _receive(client, row, traffic)
    except CorruptObject:
        return await _receive(client, row, traffic)


async def _receive(client: PlainClient, row: Row, traffic: Traffic) -> int:
    with Partial(row.path) as partial:
        if not await _fill_at_once(client, row, partial, traffic):
            await _fill(client, row, partial, traffic)
        if row.digest and partial.digest() != row.digest:
            traffic.moved -= partial.size
            raise CorruptObject(f"{row.key} does not have the content its name says")
        partial.finish()
    return partial.size


async def _fill_at_once(client: PlainClient, row: Row, partial: Partial, traffic: Traffic) -> bool:
    """Receive a small object by one request; False when there is more of it, or may be.

    What has no digest is left alone: it might be another one by the next request.
    """
    if not (row.digest and isinstance(client, BriefClient)):
        return False
    found = await retried(lambda: client.piece(row.key, 0, _SMALL + 1))
    await _write(partial, [found[:_SMALL]], traffic)
    return 0 < len(found) <= _SMALL


async def _fill(client: PlainClient, row: Row, partial: Partial, traffic: Traffic) -> None:
    size, etag, in_parts = -1, None, False
    fruitless = 0
    while size < 0 or partial.size < size:
        before = partial.size
        try:
            if in_parts and size - before > client.part_size:
                await _fill_ahead(client, row.key, size, etag, partial, traffic)
            else:
                end = _next_part(client, before) if before and isinstance(client, BriefClient) else None
                body = await client.get(row.key, start=before, end=end, etag=etag)
                size, in_parts = body.size, body.in_parts
                # What a digest names may be written again, and keeps its content.
                etag = None if row.digest else body.etag
                # The rest of a large file comes faster in several parts at once.
                enough = client.part_size if in_parts and end is None else size
                await _write_body(body, partial, traffic, enough)
            if partial.size == before < size:
                raise _cut(row.key)
        except Unavailable as error:
            fruitless = 1 if partial.size > before else fruitless + 1
            if fruitless >= _attempts(error):
                raise
            await _pause(fruitless, error.after)


async def _write_body(body: Body, partial: Partial, traffic: Traffic, most_left: int) -> None:
    async for chunk in body.chunks:
        await _write(partial, [chunk], traffic)
        if body.size - partial.size > most_left:
            return


def _next_part(client: PlainClient, start: int) -> int:
    """Return where a part ends that begins at byte `start`: where an upload in parts of that size has a seam.

    Stores keep such a part in one piece, so that no request makes them read two.
    """
    return (start // client.part_size + 1) * client.part_size


async def _fill_ahead(
    client: PlainClient, key: str, size: int, etag: str | None, partial: Partial, traffic: Traffic
) -> None:
    start = partial.size
    ahead: deque[asyncio.Task[Pieces]] = deque()
    try:
        while ahead or start < size:
            # A file that has parts in memory writes them before it waits for more places.
            while start < size and len(ahead) < _AHEAD and not (ahead and traffic.parts.locked()):
                await traffic.parts.acquire()
                end = min(_next_part(client, start), size)
                ahead.append(asyncio.create_task(_pieces(client, key, start, end, etag)))
                start = end
            await _write(partial, await ahead[0], traffic)
            ahead.popleft()
            traffic.parts.release()
    finally:
        for task in ahead:
            task.cancel()
            traffic.parts.release()
        await asyncio.gather(*ahead, return_exceptions=True)


async def _write(partial: Partial, pieces: Pieces, traffic: Traffic) -> None:
    size = sum(map(len, pieces))
    await traffic.line.down.take(size)
    if size > _SMALL:
        await asyncio.to_thread(partial.write, pieces)
    else:
        partial.write(pieces)
    traffic.moved += size


async def digest(client: PlainClient, key: str, traffic: Traffic) -> tuple[bytes, int]:
    """Return MD5 and size of an object's content, which passes by and is kept nowhere."""
    hashed = md5(usedforsecurity=False)
    done, size, etag, fruitless = 0, -1, None, 0
    while done != size:
        before = done
        try:
            body = await client.get(key, start=done, etag=etag)
            size, etag = body.size, body.etag
            async for chunk in body.chunks:
                if len(chunk) > _SMALL:
                    await asyncio.to_thread(hashed.update, chunk)
                else:
                    hashed.update(chunk)
                await traffic.line.down.take(len(chunk))
                done += len(chunk)
                traffic.moved += len(chunk)
            if done != size:
                raise _cut(key)
        except Unavailable as error:
            fruitless = 1 if done > before else fruitless + 1
            if fruitless >= _attempts(error):
                raise
            await _pause(fruitless, error.after)
    return hashed.digest(), size


async def send(client: PlainClient, row: Row, traffic: Traffic) -> int:
    """Copy a local file to an object and return its size.

    Raises `MissingObject` when there is no such file, `CorruptObject` when its digest is another one.
    """
    try:
        size = os.stat(row.path).st_size
    except FileNotFoundError:
        raise MissingObject(f"{row.path} is missing") from None
    if size > client.part_size:
        async with traffic.large:
            await retried(lambda: _send_parts(client, row, size, traffic))
    elif size > _SMALL:
        async with traffic.parts:
            await _send_whole(client, row, traffic, await asyncio.to_thread(_read, row))
    else:
        await _send_whole(client, row, traffic, _read(row))
    return size


def _read(row: Row) -> bytes:
    with open(row.path, "rb") as file:
        found = file.read()
    if row.digest and md5(found, usedforsecurity=False).digest() != row.digest:
        raise _wrong(row)
    return found


async def _send_whole(client: PlainClient, row: Row, traffic: Traffic, found: bytes) -> None:
    async def put() -> None:
        await traffic.line.up.take(len(found))
        await client.put(row.key, found)

    await retried(put)
    traffic.moved += len(found)


async def _send_parts(client: PlainClient, row: Row, size: int, traffic: Traffic) -> None:
    before = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal before
        async for part in _parts(row, size, part_length(size, client.part_size)):
            await traffic.line.up.take(len(part))
            before += len(part)
            traffic.moved += len(part)
            yield part

    try:
        await client.put_parts(row.key, counted(), size)
    except BaseException:
        traffic.moved -= before
        raise


async def _parts(row: Row, size: int, length: int) -> AsyncIterator[bytes]:
    """Yield the content in parts; the last one only when the whole has the right digest, so that nothing wrong ends."""
    hashed = md5(usedforsecurity=False)
    with open(row.path, "rb") as file:
        for start in range(0, size, length):
            part = await asyncio.to_thread(file.read, length)
            await asyncio.to_thread(hashed.update, part)
            is_last = start + length >= size
            if len(part) < min(length, size - start) or (
                is_last and row.digest and hashed.digest() != row.digest
            ):
                raise _wrong(row)
            yield part


def _wrong(row: Row) -> CorruptObject:
    return CorruptObject(f"{row.path} does not have the content its name says")


def _cut(key: str) -> Unavailable:
    return Unavailable(
        f"the connection ended in the middle of {key}", hint="run it again: what arrived stays"
    )


def _attempts(error: Unavailable) -> int:
    return _UNREACHED if isinstance(error, Unreachable) else ATTEMPTS


async def _pause(attempt: int, after: float = 0.0) -> None:
    """Wait before the next attempt, at least the seconds `after` that the store asked for, within reason."""
    longest = min(_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
    await asyncio.sleep(min(after, _LONGEST_ASKED) + random.uniform(longest / 2, longest))  # noqa: S311 - spreads load, keeps no secret
