"""Requests to object stores, through obstore: S3, Google Cloud Storage, Azure Blob Storage, and memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import obstore
from obstore import exceptions

from data_versioning.errors import ConfigError, MissingObject, StorageError
from data_versioning.storage.base import Failure, ObjectInfo, Page
from data_versioning.storage.client import Body, BriefClient, Unavailable, part_length
from data_versioning.storage.object_errors import Place

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta, PutMode
    from obstore.store import ObjectStore

# Bytes: what one request carries, and the least that is handed on while receiving.
_PART, _CHUNK = 8 << 20, 1 << 20
_PAGE = 1000
_CONCURRENT_PARTS = 6
# Seconds that a thousand keys, or one level of directories, may take.
_LISTING = 300.0
# Deletions at once, where one request deletes one object.
_DELETIONS = 32

T = TypeVar("T")
_QUOTED_DIGEST = 34
State: TypeAlias = Literal["e_tag", "version"]

RETRIES: Mapping[str, Any] = {
    "max_retries": 3,
    "retry_timeout": timedelta(minutes=2),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
}
"""What obstore repeats by itself; what fails then is repeated by the caller, more patiently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStoreClient(BriefClient):
    """A `Client` on an opened store; `prefix` ends in "/" or is empty.

    `state` is what changes whenever an object is written, and what a conditional write takes; it serves as the etag.
    """

    store: ObjectStore
    place: Place
    prefix: str
    state: State = "e_tag"
    part_size: int = _PART

    async def stat(self, key: str) -> ObjectInfo | None:
        """See `Client.stat`."""
        try:
            found = await obstore.head_async(self.store, self.prefix + key)
        except FileNotFoundError as error:
            self._refuse_missing_root(error)
            return None
        except exceptions.BaseError as error:
            raise self._translated(error, key) from None
        return ObjectInfo(key, found["size"], found[self.state], None, found["last_modified"].timestamp())

    async def get(self, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None) -> Body:
        """See `Client.get`."""
        options: GetOptions = {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        if etag and self.state == "version":
            options["version"] = etag
        elif etag:
            options["if_match"] = etag
        try:
            found = await obstore.get_async(self.store, self.prefix + key, options=options)
        except (FileNotFoundError, exceptions.BaseError) as error:
            raise self._translated(error, key) from None
        return Body(found.meta["size"], found.meta[self.state], self._chunks(found, key))

    async def piece(self, key: str, start: int, end: int) -> memoryview:
        """See `BriefClient.piece`: one call into obstore instead of several, most of what a small object costs."""
        try:
            return memoryview(
                await obstore.get_range_async(self.store, self.prefix + key, start=start, end=end)
            )
        except FileNotFoundError as error:
            raise self._translated(error, key) from None
        except exceptions.BaseError as error:
            problem = self._translated(error, key)
            if isinstance(problem, Unavailable):
                raise problem from None
            return memoryview(b"")  # empty objects have no range, and some servers give none at all

    async def _chunks(self, found: GetResult, key: str) -> AsyncIterator[memoryview]:
        start, stop = found.range
        try:
            if stop - start <= _CHUNK:
                yield memoryview(await found.bytes_async())
                return
            async for chunk in found.stream(min_chunk_size=_CHUNK):
                yield memoryview(chunk)
        except exceptions.BaseError as error:
            raise self._translated(error, key) from None

    async def put(self, key: str, content: bytes) -> str | None:
        """See `Client.put`."""
        return await self._put(key, content, "overwrite")

    async def put_parts(self, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Client.put_parts`."""
        try:
            await obstore.put_async(
                self.store,
                self.prefix + key,
                parts,
                chunk_size=part_length(size, self.part_size),
                max_concurrency=_CONCURRENT_PARTS,
            )
        except (FileNotFoundError, exceptions.BaseError) as error:
            raise self._translated(error, key) from None

    async def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        """See `Client.delete`."""
        paths = [self.prefix + key for key in keys]
        for start in range(0, len(paths), _PAGE):
            await self._delete(paths[start : start + _PAGE])
        return {}

    async def _delete(self, paths: list[str]) -> None:
        try:
            await obstore.delete_async(self.store, paths)
        except FileNotFoundError as error:
            self._refuse_missing_root(error)
            if len(paths) > 1:
                # Where a missing object is an error, it leaves the others behind.
                for start in range(0, len(paths), _DELETIONS):
                    await asyncio.gather(
                        *(self._delete([path]) for path in paths[start : start + _DELETIONS])
                    )
        except exceptions.BaseError as error:
            raise self.place.refusal(error) from None

    async def move(self, key: str, target: str) -> None:
        """See `MovingClient.move`."""
        try:
            await obstore.rename_async(self.store, self.prefix + key, self.prefix + target)
        except (FileNotFoundError, exceptions.BaseError) as error:
            raise self._translated(error, key) from None

    async def list(self, prefix: str) -> AsyncIterator[Page]:
        """See `Client.list`."""
        pages = aiter(obstore.list(self.store, self.prefix + prefix or None, chunk_size=_PAGE))
        number, mark = 0, ""
        try:
            while found := await self._in_time(anext(pages, None)):
                page = _page(found, len(self.prefix), self.state)
                # A server may give the same pages for ever; the mark moves on, so no circle is too long (Brent).
                if mark in page.keys:
                    raise Unavailable(
                        f"{self.place.name} lists in circles: {mark} comes twice", hint=self.place.server
                    )
                number += 1
                mark = page.keys[0] if number.bit_count() == 1 else mark
                yield page
        except FileNotFoundError as error:
            self._refuse_missing_root(error)
        except exceptions.BaseError as error:
            raise self._translated(error, prefix) from None

    async def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        """See `Client.directories`."""
        try:
            asked = obstore.list_with_delimiter_async(self.store, self.prefix + prefix or None)
            found = await self._in_time(asked)
        except (FileNotFoundError, exceptions.BaseError) as error:
            raise self._translated(error, prefix) from None
        start = len(self.prefix)
        names = [f"{name[start:].rstrip('/')}/" for name in found["common_prefixes"]]
        return names, _page(found["objects"], start, self.state)

    async def _in_time(self, listed: Awaitable[T]) -> T:
        """Return what a listing brings next; `StorageError` when nothing comes for so long that nothing will."""
        try:
            return await asyncio.wait_for(listed, _LISTING)
        except TimeoutError:
            raise StorageError(
                f"{self.place.name} lists without an end: nothing came for {_LISTING / 60:.0f} minutes",
                hint=self.place.server,
            ) from None

    async def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        """See `Client.put_if`."""
        mode: PutMode = "create"
        if expected is not None:
            mode = {"version": expected} if self.state == "version" else {"e_tag": expected}
        try:
            return await self._put(key, content, mode)
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            return None
        except MissingObject:
            return None

    async def _put(self, key: str, content: bytes, mode: PutMode) -> str | None:
        try:
            done = await obstore.put_async(
                self.store, self.prefix + key, content, mode=mode, use_multipart=False
            )
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            raise
        except (FileNotFoundError, exceptions.BaseError) as error:
            raise self._translated(error, key) from None
        return done[self.state]

    def _refuse_missing_root(self, error: Exception) -> None:
        if self.place.is_missing(error):
            raise self.place.missing()

    def _translated(self, error: Exception, key: str) -> Exception:
        if isinstance(error, FileNotFoundError) and not self.place.is_missing(error):
            return MissingObject(f"{self.place.name} has no {key}")
        return self.place.refusal(error)


def _page(metas: Sequence[ObjectMeta], start: int, state: State) -> Page:
    """Return what a listing tells; keys begin at character `start` of a path."""
    tags = [meta["e_tag"] or "" for meta in metas]
    return Page(
        keys=[meta["path"][start:] for meta in metas],
        sizes=[meta["size"] for meta in metas],
        etags=tags if state == "e_tag" else [meta[state] or "" for meta in metas],
        modified=[meta["last_modified"].timestamp() for meta in metas],
        # S3 and Google make the etag of what came in one part its digest, in quotes.
        md5s=[tag[1:-1] if len(tag) == _QUOTED_DIGEST else "" for tag in tags],
    )


def opened(kind: Callable[..., ObjectStore], place: Place, **options: Any) -> ObjectStore:
    """Return a store of obstore; `ConfigError` when it does not take a setting."""
    try:
        return kind(retry_config=RETRIES, **options)
    except exceptions.BaseError as error:
        raise ConfigError(
            f"a setting of the remote {place.name} is not valid: {_kind(error)}", hint=place.credentials
        ) from None


def _kind(error: Exception) -> str:
    """Return the first words of an error, which name the setting; what follows may quote it."""
    return ":".join(str(error).partition("\n")[0].split(":")[1:2]).strip() or type(error).__name__
