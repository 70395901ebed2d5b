"""Requests to object stores, through obstore: S3, Google Cloud Storage, Azure Blob Storage, and memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import md5
from typing import TYPE_CHECKING, Any

import obstore
from obstore import exceptions

from data_versioning.errors import MissingObject, StorageError
from data_versioning.storage.base import Failure, ObjectInfo, Page
from data_versioning.storage.client import Body, Unavailable, part_length

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta, PutMode
    from obstore.store import ObjectStore

# Bytes: what one request carries, and the least that is handed on while receiving.
_PART, _CHUNK = 8 << 20, 1 << 20
_PAGE = 1000
_CONCURRENT_PARTS = 6
_QUERY = re.compile(r"\?[^\s\"')]*")
_STATUS = re.compile(r"\b([45]\d\d) [A-Z][A-Za-z ]+")
_NO_ROOT = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist|bucket was not found")
_THROTTLED = re.compile("SlowDown|Throttl|TooManyRequests|ServerBusy|RequestLimitExceeded|429")

RETRIES: Mapping[str, Any] = {
    "max_retries": 3,
    "retry_timeout": timedelta(minutes=2),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
}
"""What obstore repeats by itself; what fails then is repeated by the caller, more patiently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStoreClient:
    """A `Client` on an opened store; `place` is how messages name it (no secrets), `prefix` ends in "/" or is empty.

    `has_md5_etags`: the etag of an object that one request wrote is its MD5, as in S3.
    """

    store: ObjectStore
    place: str
    prefix: str
    hint: str
    has_md5_etags: bool = False
    part_size: int = _PART

    async def stat(self, key: str) -> ObjectInfo | None:
        """See `Client.stat`."""
        try:
            return self._info(await obstore.head_async(self.store, self.prefix + key))
        except FileNotFoundError as error:
            self._refuse_missing_root(error)
            return None
        except exceptions.BaseError as error:
            raise self._translated(error, key) from None

    async def get(self, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None) -> Body:
        """See `Client.get`."""
        options: GetOptions = {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        if etag:
            options["if_match"] = etag
        try:
            found = await obstore.get_async(self.store, self.prefix + key, options=options)
        except (FileNotFoundError, exceptions.BaseError) as error:
            raise self._translated(error, key) from None
        return Body(found.meta["size"], found.meta["e_tag"], self._chunks(found, key))

    async def _chunks(self, found: GetResult, key: str) -> AsyncIterator[memoryview]:
        try:
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

    async def list(self, prefix: str) -> AsyncIterator[Page]:
        """See `Client.list`."""
        try:
            async for page in obstore.list(self.store, self._below(prefix), chunk_size=_PAGE):
                yield self._page(page)
        except FileNotFoundError as error:
            self._refuse_missing_root(error)
        except exceptions.BaseError as error:
            raise self._translated(error, prefix) from None

    async def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        """See `Client.directories`."""
        try:
            found = await obstore.list_with_delimiter_async(self.store, self._below(prefix))
        except exceptions.BaseError as error:
            raise self._translated(error, prefix) from None
        start = len(self.prefix)
        names = [f"{name[start:].rstrip('/')}/" for name in found["common_prefixes"]]
        return names, self._page(found["objects"])

    async def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        """See `Client.delete`."""
        try:
            await obstore.delete_async(self.store, [self.prefix + key for key in keys])
        except FileNotFoundError as error:
            self._refuse_missing_root(error)
        except exceptions.BaseError as error:
            raise self._translated(error, keys[0]) from None
        return {}

    async def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        """See `Client.put_if`."""
        mode: PutMode = "create" if expected is None else {"e_tag": expected}
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
        etag = done["e_tag"]
        if self.has_md5_etags and etag and etag.strip('"') != md5(content, usedforsecurity=False).hexdigest():
            raise Unavailable(f"{self.place} stored something else than was sent for {key}")
        return etag

    def _below(self, prefix: str) -> str | None:
        return self.prefix + prefix or None

    def _info(self, meta: ObjectMeta) -> ObjectInfo:
        return ObjectInfo(meta["path"][len(self.prefix) :], meta["size"], meta["e_tag"], None)

    def _page(self, metas: Sequence[ObjectMeta]) -> Page:
        start = len(self.prefix)
        return Page(
            keys=[meta["path"][start:] for meta in metas],
            sizes=[meta["size"] for meta in metas],
            etags=[meta["e_tag"] or "" for meta in metas],
        )

    def _refuse_missing_root(self, error: Exception) -> None:
        if _NO_ROOT.search(str(error)):
            raise StorageError(f"{self.place} does not exist", hint=self.hint)

    def _translated(self, error: Exception, key: str) -> Exception:
        text = str(error)
        if _NO_ROOT.search(text):
            return StorageError(f"{self.place} does not exist", hint=self.hint)
        if isinstance(error, FileNotFoundError):
            return MissingObject(f"{self.place} has no {key}")
        if isinstance(error, exceptions.UnauthenticatedError):
            return StorageError(f"{self.place} does not accept the credentials", hint=self.hint)
        if isinstance(error, exceptions.PermissionDeniedError):
            return StorageError(f"{self.place} does not permit this: {_reason(text)}", hint=self.hint)
        if isinstance(error, exceptions.NotSupportedError | exceptions.InvalidPathError):
            return StorageError(f"{self.place} cannot do this: {_reason(text)}", hint=self.hint)
        return Unavailable(f"{self.place} does not answer: {_reason(text)}", hint=self.hint)


def _reason(text: str) -> str:
    """Return one line for people: no debugging output, no query (it may hold a signature)."""
    if status := _STATUS.search(text):
        return status[0]
    if _THROTTLED.search(text):
        return "too many requests"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _QUERY.sub("", lines[0] if lines else "no reason given")[:300]
