"""Large uploads to object stores that go on where an earlier one stopped, on whatever machine that was.

The server itself remembers: it tells which parts of an unfinished upload it has, each by its MD5. A part is sent only
when it is not there yet. An interrupted upload is left alone for the next time; one of damaged content is abandoned.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import md5
from typing import NamedTuple, Protocol

from data_versioning.errors import CorruptObject, StorageError
from data_versioning.storage.client import Unavailable, part_length
from data_versioning.storage.object_store import ObjectStoreClient

# Bytes of parts in memory at once, of one file.
_IN_MEMORY = 48 << 20
# Bytes; smaller files are sent anew as fast.
_WORTH_RESUMING = 64 << 20


class Part(NamedTuple):
    """A part of an object as its content has it: `number` counts from 1, `digest` is its MD5, or empty."""

    number: int
    digest: bytes


class Upload(NamedTuple):
    """An unfinished upload: the server's name for it, and its names for the parts that arrived."""

    id: str
    arrived: Mapping[Part, str]


class Ended(Unavailable):
    """An upload is there no more, completed or abandoned: a new one will do."""


class Uploads(Protocol):
    """Blocking requests about uploads in parts; `key` is relative to the root of the store.

    They raise `Ended`, `Unavailable` for what may pass, and `StorageError` for what will not.
    """

    @property
    def needs_digests(self) -> bool:
        """Whether `send` needs the MD5 of each part; it is not small work, beside that of the whole content."""

    def begin(self, key: str) -> Upload | None:
        """Return an upload of this object, begun before if there is one; None where that is not permitted."""

    def send(self, key: str, upload: str, part: Part, content: bytes) -> str:
        """Give the server a part, which it checks before it keeps it, and return its name for it."""

    def complete(self, key: str, upload: str, parts: list[str]) -> None:
        """Make the object of parts, in this order."""

    def abandon(self, key: str, upload: str) -> None:
        """Let the server drop what arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumingClient(ObjectStoreClient):
    """`ObjectStoreClient` whose large uploads are resumed; `uploads` loads a library, so it is called when needed."""

    uploads: Callable[[], Uploads]

    async def put_parts(self, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Client.put_parts`; what arrived before it failed is not sent again by the next call."""
        if size >= _WORTH_RESUMING:
            uploads, upload = await self._begin(key)
            if upload:
                before = await self._state(key)
                at_once = _IN_MEMORY // part_length(size, self.part_size)
                try:
                    await _go_on(uploads, key, upload, parts, at_once)
                except Ended:
                    # Completed: by us, when the answer to that was lost, or by who sends the same parts.
                    now = await self._state(key)
                    if not before or not now or now == before or now[1] != size:
                        raise
                return
        # Named, because a dataclass with slots is another class than the one that `super` knows.
        await ObjectStoreClient.put_parts(self, key, parts, size)

    async def _state(self, key: str) -> tuple[str | None, int] | None:
        """Return etag and size of what is there, (None, 0) for nothing, None where that cannot be told."""
        try:
            found = await self.stat(key)
        except StorageError:
            return None  # who may write need not be permitted to read
        return (found.etag, found.size) if found else (None, 0)

    async def _begin(self, key: str) -> tuple[Uploads, Upload | None]:
        try:
            uploads = await asyncio.to_thread(self.uploads)
            return uploads, await asyncio.to_thread(uploads.begin, key)
        except ModuleNotFoundError as error:
            raise self.place.lacks(error) from error


async def _go_on(
    uploads: Uploads, key: str, upload: Upload, parts: AsyncIterator[bytes], at_once: int
) -> None:
    sent: list[asyncio.Task[str]] = []
    running: set[asyncio.Task[str]] = set()
    try:
        async for part in parts:
            if len(running) >= max(1, at_once):
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # what one part is refused for concerns those that follow, too
            sent.append(asyncio.create_task(_send(uploads, key, upload, len(sent) + 1, part)))
            running.add(sent[-1])
        names = await asyncio.gather(*sent)
        await asyncio.to_thread(uploads.complete, key, upload.id, names)
    except CorruptObject:
        await asyncio.gather(*sent, return_exceptions=True)
        with suppress(StorageError):
            await asyncio.to_thread(uploads.abandon, key, upload.id)
        raise
    except StorageError:
        # What is on its way may arrive: it counts the next time.
        await asyncio.gather(*sent, return_exceptions=True)
        raise
    finally:
        for task in sent:
            task.cancel()
        await asyncio.gather(*sent, return_exceptions=True)


async def _send(uploads: Uploads, key: str, upload: Upload, number: int, content: bytes) -> str:
    part = Part(number, b"")
    if uploads.needs_digests or upload.arrived:
        digest = await asyncio.to_thread(md5, content, usedforsecurity=False)
        part = Part(number, digest.digest())
    if part in upload.arrived:
        return upload.arrived[part]
    return await asyncio.to_thread(uploads.send, key, upload.id, part, content)
