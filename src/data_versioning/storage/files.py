"""Stores that are file systems behind a network: SSH, HDFS, WebDAV. What they share needs files and renames only.

A file is written under a temporary name next to its own, `.TOKEN.tmp`, and gets its name when it is complete.
Listings leave such names out.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import md5
from typing import NamedTuple, Protocol, TypeVar

from data_versioning.errors import MissingObject, StorageError
from data_versioning.localfs import atomic
from data_versioning.storage.base import Failure, FailureKind, ObjectInfo, Page
from data_versioning.storage.client import Body, Unavailable

S = TypeVar("S")
T = TypeVar("T")

_IN_FLIGHT = 64
# Seconds: an upload that failed is cleaned up within, a lock is waited for, and taken from a writer that must be dead.
_CLEANING, _PATIENCE, _ABANDONED = 10.0, 90.0, 60.0
_POLL = 0.05


class Entry(NamedTuple):
    """A file or directory; `modified` in seconds since 1970, by the clock of the store."""

    name: str
    size: int
    modified: float
    is_directory: bool = False
    mode: int | None = None
    etag: str | None = None

    @property
    def version(self) -> str:
        """What is another one once the file was written again, where the store has no etags."""
        return f"{self.modified}-{self.size}"


class Files(Protocol):
    """The operations of one file system; paths are absolute. Errors are those of `Client`.

    `MissingObject` also means that the directory of a file to be written is missing, when nothing was taken of its
    parts; afterwards, that somebody removed what was written so far.
    """

    @property
    def part_size(self) -> int:
        """See `Client.part_size`."""

    async def stat(self, path: str) -> Entry | None:
        """Return what is there."""

    async def read(self, path: str, start: int, end: int | None, etag: str | None) -> Body:
        """Ask for content, as `Client.get`; the etag only tells whether the file is still the same one."""

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """Write a file, complete and durable before it takes the place of what has its name."""

    async def create(self, temporary: str, path: str, content: bytes) -> bool:
        """Write a file, complete and durable before it gets its name; False when something has that name."""

    async def scan(self, directory: str) -> Sequence[Entry]:
        """Return what is in a directory; `MissingObject` when there is none."""

    async def remove(self, path: str) -> None:
        """Delete a file; fine when there is none."""

    async def make_directory(self, path: str) -> None:
        """Make a directory and its parents; fine when it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileClient:
    """The `Client` of the files below `root`.

    The etag that `put_if` compares is the MD5 of the content; finding and listing tell another one, or none.
    """

    files: Files
    root: str

    @property
    def part_size(self) -> int:
        """See `Client.part_size`."""
        return self.files.part_size

    async def stat(self, key: str) -> ObjectInfo | None:
        """See `Client.stat`."""
        found = await self.files.stat(self._path(key))
        if found is None or found.is_directory:
            return None
        return ObjectInfo(key, found.size, found.etag, found.mode, found.modified)

    async def get(self, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None) -> Body:
        """See `Client.get`."""
        return await self.files.read(self._path(key), start, end, etag)

    async def put(self, key: str, content: bytes) -> str | None:
        """See `Client.put`."""
        await self.put_parts(key, _once(content), len(content))
        return None

    async def put_parts(self, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Client.put_parts`."""
        path, is_begun = self._path(key), False

        async def noted() -> AsyncIterator[bytes]:
            nonlocal is_begun
            async for part in parts:
                is_begun = True
                yield part

        async def write() -> None:
            try:
                await self.files.replace(temporary, path, content, size)
            except MissingObject as error:
                if is_begun:  # the parts are gone: without them the file would be a wrong one
                    raise Unavailable(f"{error.message} any more") from None
                raise

        content = noted()
        async with _temporary(self.files, path) as temporary:
            await _in_directory(self.files, path, write)

    async def list(self, prefix: str) -> AsyncIterator[Page]:
        """See `Client.list`: directories are read side by side, one level after the other, into one page."""
        level, found = [prefix], list[tuple[str, Entry]]()
        while level:
            scanned = await _each(level, self._scan)
            below = [(name, entry) for names in scanned for name, entry in names]
            found += [(name, entry) for name, entry in below if not entry.is_directory]
            level = [f"{name}/" for name, entry in below if entry.is_directory]
        yield _page(found)

    async def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        """See `Client.directories`."""
        found = await self._scan(prefix)
        directories = [f"{name}/" for name, entry in found if entry.is_directory]
        return directories, _page([(name, entry) for name, entry in found if not entry.is_directory])

    async def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        """See `Client.delete`."""
        results = await _each(keys, self._delete)
        return {index: failure for index, failure in enumerate(results) if failure}

    async def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        """See `Client.put_if`. Replacing takes a lock file next to the object, so it needs writers that do too."""
        path = self._path(key)
        if expected is None:
            placed = await self._create(path, content)
        else:
            async with self._locked(path):
                placed = await _etag(self.files, path) == expected
                if placed:
                    await self.put(key, content)
        return _md5(content) if placed else None

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}".rstrip("/") or "/"

    async def _scan(self, prefix: str) -> Sequence[tuple[str, Entry]]:
        try:
            found = await self.files.scan(self._path(prefix))
        except MissingObject:
            return []
        return [(prefix + entry.name, entry) for entry in found if not _is_temporary(entry.name)]

    async def _delete(self, key: str) -> Failure | None:
        try:
            await self.files.remove(self._path(key))
        except Unavailable:
            raise
        except StorageError as error:
            return Failure(FailureKind.REFUSED, error.message)
        return None

    async def _create(self, path: str, content: bytes) -> bool:
        async with _temporary(self.files, path) as temporary:
            return await _in_directory(self.files, path, lambda: self.files.create(temporary, path, content))

    @asynccontextmanager
    async def _locked(self, path: str) -> AsyncIterator[None]:
        directory, name = posixpath.split(path)
        lock = f"{directory}/.{name}.lock.tmp"
        end = asyncio.get_running_loop().time() + _PATIENCE
        while not await self._create(lock, b""):
            if asyncio.get_running_loop().time() > end:
                raise Unavailable(
                    f"{lock} is held by another writer", hint="wait for it, or remove that file"
                )
            await self._take_from_the_dead(lock)
            await asyncio.sleep(_POLL)
        try:
            yield
        finally:
            await self.files.remove(lock)

    async def _take_from_the_dead(self, lock: str) -> None:
        """Remove a lock much older than a file written now: nobody needs that long for one small object."""
        held = await self.files.stat(lock)
        if held is None:
            return
        async with _temporary(self.files, lock) as probe:
            await self.files.replace(probe, f"{probe}.tmp", _once(b""), 0)
            now = await self.files.stat(f"{probe}.tmp")
            await self.files.remove(f"{probe}.tmp")
        if now and now.modified - held.modified > _ABANDONED:
            await self.files.remove(lock)


def refuse_replaced(path: str, version: str, etag: str | None) -> None:
    """Raise `Unavailable` when `etag` is given, and what is there now is of another version."""
    if etag and etag != version:
        raise Unavailable(f"{path} was replaced while it was read")


async def _in_directory(files: Files, path: str, write: Callable[[], Awaitable[T]]) -> T:
    """Return what `write` returns; it is called again when the directory of `path` had to be made."""
    try:
        return await write()
    except MissingObject:
        try:
            await files.make_directory(posixpath.dirname(path))
            return await write()
        except MissingObject as error:
            raise StorageError(
                f"the directory of {path} cannot be made: {error.message}", hint="dv remote list"
            ) from None


@asynccontextmanager
async def _temporary(files: Files, path: str) -> AsyncIterator[str]:
    """Give a name next to `path`; what still has it after a failure is removed."""
    name = atomic.temporary_name(posixpath.dirname(path))
    try:
        yield name
    except BaseException:
        with suppress(StorageError, MissingObject, TimeoutError):
            await asyncio.wait_for(files.remove(name), _CLEANING)
        raise


async def _etag(files: Files, path: str) -> str | None:
    try:
        body = await files.read(path, 0, None, None)
    except MissingObject:
        return None
    return _md5(b"".join([bytes(chunk) async for chunk in body.chunks]))


async def _each(items: Sequence[S], work: Callable[[S], Awaitable[T]]) -> Sequence[T]:
    results: list[T] = []
    for start in range(0, len(items), _IN_FLIGHT):
        results += await asyncio.gather(*map(work, items[start : start + _IN_FLIGHT]))
    return results


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _page(found: Sequence[tuple[str, Entry]]) -> Page:
    return Page(
        keys=[name for name, _ in found],
        sizes=[entry.size for _, entry in found],
        etags=[entry.etag or "" for _, entry in found] if any(entry.etag for _, entry in found) else None,
        modified=[entry.modified for _, entry in found],
    )


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _md5(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()
