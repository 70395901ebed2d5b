"""`ssh://[USER@]HOST[:PORT]/PATH`, also `sftp://`: a directory of another machine, over one connection.

Names, keys and host keys are looked up as OpenSSH does: ~/.ssh/config, the agent, ~/.ssh/known_hosts. A host that
is not known, or has another key than it had, is refused.
"""

from __future__ import annotations

import asyncio
import stat as modes
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import cast

import asyncssh

from data_versioning.errors import MissingObject, StorageError
from data_versioning.storage import ssh_login
from data_versioning.storage.client import Body, Unavailable
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.files import Entry, FileClient, refuse_replaced
from data_versioning.storage.ssh_login import Server
from data_versioning.storage.ssh_session import Session, why

# Bytes: the parts of a large file; what is read at once; what every server takes and gives by one request.
_PART, _CHUNK, _REQUEST = 8 << 20, 1 << 20, 32 << 10
# Parts of one file that are on their way at once.
_WRITES = 2
_LINK_ATTEMPTS = 5


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a directory of another machine; settings as in the `[remote]` section of SSH.

    Raises `ConfigError`.
    """
    server = Server.parse(url)
    session = Session(ssh_login.way(server, settings))
    client = FileClient(files=SftpFiles(session), root=server.path.rstrip("/"))
    return ConcurrentStore(client, closing=session.close)


class SftpFiles:
    """The `Files` of another machine."""

    part_size = _PART

    def __init__(self, session: Session) -> None:
        self._session = session

    async def stat(self, path: str) -> Entry | None:
        """See `Files.stat`."""
        client = await self._session.client()
        try:
            with self._translated(path):
                return _entry(path, await client.stat(path))
        except MissingObject:
            return None

    async def read(self, path: str, start: int, end: int | None, etag: str | None) -> Body:
        """See `Files.read`; what fits in one answer has no etag, for it is read already."""
        client = await self._session.client()
        with self._translated(path):
            file = await client.open(path, "rb", block_size=0)
        try:
            first = b"" if etag else await self._beginning(file, path, start)
            if 0 < len(first) < _REQUEST:
                size, version = start + len(first), None
            else:
                size, version = await self._state(file, path, etag)
        except BaseException:
            await self._close(file)
            raise
        file.read_len = client.limits.max_read_len  # from here on, many requests for each chunk
        stop = size if end is None else min(end, size)
        return Body(size, version, self._chunks(file, path, start, stop, first))

    async def _beginning(self, file: asyncssh.SFTPClientFile, path: str, start: int) -> bytes:
        with self._translated(path), suppress(asyncssh.SFTPFailure):  # a directory, as its state will tell
            return cast(bytes, await file.read(_REQUEST, start))
        return b""

    async def _state(self, file: asyncssh.SFTPClientFile, path: str, etag: str | None) -> tuple[int, str]:
        """Return size and etag of an open file; `Unavailable` when `etag` is given and another one."""
        with self._translated(path):
            found = _entry(path, await file.stat())
        if found.is_directory:
            raise MissingObject(f"{path} is a directory")
        refuse_replaced(path, found.version, etag)
        return found.size, found.version

    async def _chunks(
        self, file: asyncssh.SFTPClientFile, path: str, start: int, stop: int, first: bytes
    ) -> AsyncIterator[bytes]:
        try:
            if first:
                yield first[: stop - start]
                start += len(first)
            while start < stop:
                with self._translated(path):
                    chunk = cast(bytes, await file.read(min(_CHUNK, stop - start), start))
                if not chunk:
                    raise Unavailable(f"{path} became shorter while it was read")
                start += len(chunk)
                yield chunk
        finally:
            await self._close(file)

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Files.replace`."""
        client = await self._session.client()
        file = await self._write(client, temporary, parts, size)
        try:
            with self._translated(path):
                await _rename(client, temporary, path)
                # The journal that has the file's new name is written with it.
                await _sync(file)
        finally:
            await self._close(file)

    async def create(self, temporary: str, path: str, content: bytes) -> bool:
        """See `Files.create`: a hard link never replaces anything."""
        client = await self._session.client()
        file = await self._write(client, temporary, _once(content), len(content))
        try:
            with self._translated(path):
                created = await self._link(client, temporary, path)
                if created:
                    await _sync(file)
                await client.remove(temporary)
        finally:
            await self._close(file)
        return created

    async def _link(self, client: asyncssh.SFTPClient, source: str, path: str) -> bool:
        for _ in range(_LINK_ATTEMPTS):
            try:
                await client.link(source, path)
                return True
            except asyncssh.SFTPOpUnsupported:
                break
            except asyncssh.SFTPFailure:
                # The server does not say why. What was in the way may be gone already, as locks are.
                if await client.lexists(path):
                    return False
        raise StorageError(
            f"{self._session.place} cannot make hard links, by which writers agree who was first",
            hint="OpenSSH's own SFTP server can, on file systems that have them",
        )

    async def scan(self, directory: str) -> Sequence[Entry]:
        """See `Files.scan`; symbolic links are followed, those to nowhere left out."""
        client = await self._session.client()
        found: list[Entry] = []
        with self._translated(directory):
            async for entry in client.scandir(directory):
                name = str(entry.filename)
                attributes = entry.attrs
                if name in (".", ".."):
                    continue
                if modes.S_ISLNK(attributes.permissions or 0):
                    with suppress(asyncssh.SFTPNoSuchFile):
                        found.append(_entry(name, await client.stat(f"{directory}/{name}")))
                    continue
                found.append(_entry(name, attributes))
        return found

    async def remove(self, path: str) -> None:
        """See `Files.remove`."""
        client = await self._session.client()
        with suppress(MissingObject), self._translated(path):
            await client.remove(path)

    async def make_directory(self, path: str) -> None:
        """See `Files.make_directory`."""
        client = await self._session.client()
        with self._translated(path):
            try:
                await client.mkdir(path)
            except asyncssh.SFTPError:
                # Its parent is missing, or it is there: the one takes a request for each directory above, too.
                await client.makedirs(path, exist_ok=True)

    async def _write(
        self, client: asyncssh.SFTPClient, path: str, parts: AsyncIterator[bytes], size: int
    ) -> asyncssh.SFTPClientFile:
        """Return a new file, still open, whose content is on the disk."""
        with self._translated(path):
            file = await client.open(path, "xb", block_size=0 if size <= _REQUEST else -1)
        under_way: deque[asyncio.Task[int]] = deque()
        try:
            at = 0
            async for part in parts:
                if len(under_way) == _WRITES:
                    with self._translated(path):
                        await under_way.popleft()
                under_way.append(asyncio.create_task(file.write(part, at)))
                at += len(part)
            with self._translated(path):
                while under_way:
                    await under_way.popleft()
                await _sync(file)
        except BaseException:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            await self._close(file)
            raise
        return file

    async def _close(self, file: asyncssh.SFTPClientFile) -> None:
        with suppress(asyncssh.Error, OSError):
            await file.close()

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        place = self._session.place
        try:
            yield
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory):
            raise MissingObject(f"{place} has no {path}") from None
        except asyncssh.SFTPPermissionDenied:
            raise StorageError(
                f"{place} does not permit to use {path}",
                hint="give the user the permission there, or dv remote modify NAME user USER",
            ) from None
        except (
            asyncssh.SFTPConnectionLost,
            asyncssh.SFTPNoConnection,
            asyncssh.DisconnectError,
            OSError,
        ) as error:
            raise Unavailable(f"the connection to {place} was lost: {why(error)}") from None
        except asyncssh.SFTPError as error:
            raise StorageError(
                f"{place} cannot do this with {path}: {error.reason.lower()}",
                hint="a full disk or a quota is reported like this; check there with df and quota",
            ) from None


async def _rename(client: asyncssh.SFTPClient, source: str, path: str) -> None:
    """Rename, replacing what has that name; a server that cannot has a moment without it."""
    try:
        await client.posix_rename(source, path)
    except asyncssh.SFTPOpUnsupported:
        with suppress(asyncssh.SFTPNoSuchFile):
            await client.remove(path)
        await client.rename(source, path)


async def _sync(file: asyncssh.SFTPClientFile) -> None:
    with suppress(asyncssh.SFTPOpUnsupported):
        await file.fsync()


def _entry(name: str, attributes: asyncssh.SFTPAttrs) -> Entry:
    return Entry(
        name=name,
        size=attributes.size or 0,
        modified=float(attributes.mtime or 0),
        is_directory=modes.S_ISDIR(attributes.permissions or 0),
        mode=attributes.permissions,
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
