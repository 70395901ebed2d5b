"""What is said to WebHDFS, and what its answers mean (Apache Hadoop, "WebHDFS REST API")."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
from yarl import URL

from data_versioning.errors import MissingObject, StorageError
from data_versioning.storage.client import Relay, Unavailable, Unreachable, asked_pause

IN_FLIGHT = 64
"""Requests at once."""
_CHUNK = 1 << 20
_SECONDS = 60.0
URL_HINT = "dv remote modify NAME url webhdfs://HOST:PORT/PATH"
_MISSING = frozenset({"FileNotFoundException", "ParentNotDirectoryException"})
_EXISTS = "FileAlreadyExistsException"
_DENIED = frozenset({"AccessControlException", "SecurityException"})
_PASSING = frozenset({"StandbyException", "RetriableException", "SafeModeException", "LeaseExpiredException"})


class Exists(StorageError):
    """Something has that name already."""


class Checksum(NamedTuple):
    """Hadoop's checksum of a file, in hex digits; its `length` in bytes. HTTP tells some more, which are zero."""

    digits: str
    length: int


def connecting(
    certificates: bool | ssl.SSLContext = True,
    headers: Mapping[str, str] | None = None,
    *,
    patience: float = _SECONDS,
) -> Callable[[], aiohttp.ClientSession]:
    """Return how to get connections: which certificates are trusted, what every request says about who makes it.

    `patience`: the seconds that a connection may take.
    """

    def connect() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=2 * IN_FLIGHT, ssl=certificates),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=patience, sock_read=_SECONDS),
            trust_env=True,
            headers=headers,
            middlewares=(_once,),
        )

    return connect


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep the library from repeating what may have been done: renamed twice, a file is missing the second time."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from None


@dataclass(slots=True, kw_only=True)
class Gateway:
    """Requests to WebHDFS at `api`; `data_proxy` is the address that takes the place of `api` in redirects.

    Hints say how to change the `credentials` and the `address`. Raises as `Files` does, and `Exists` where something
    has a name already.
    """

    api: str
    query: Mapping[str, str] = field(repr=False)
    connect: Callable[[], aiohttp.ClientSession] = field(repr=False)
    data_proxy: str | None = None
    credentials: str = "dv remote modify NAME user USER, or --local NAME token TOKEN, or password PASSWORD"
    address: str = URL_HINT
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def close(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    async def call(self, method: str, operation: str, path: str, **query: str) -> Any:
        """Return what the NameNode says to one request, from JSON; None when it says nothing."""
        async with await self._ask(method, self._url(operation, path, query)) as answer:
            await self._check(answer, path)
            text = await self._content(answer)
        with self.understood():
            return json.loads(text) if text else None

    async def checksum(self, path: str) -> Checksum:
        """Return Hadoop's checksum of a file, from a DataNode."""
        async with self._told("GETFILECHECKSUM", path) as answer:
            text = await self._content(answer)
        try:
            found = json.loads(text)["FileChecksum"]
            return Checksum(str(found["bytes"]), int(found["length"]))
        except (ValueError, KeyError, TypeError):
            raise StorageError(f"{self.api} tells no checksum of {path}", hint=self.address) from None

    async def read(self, path: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield content from byte `start` up to `stop`."""
        if start >= stop:
            return
        async with self._told("OPEN", path, offset=str(start), length=str(stop - start)) as answer:
            try:
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    yield chunk
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise self._network(error) from None

    async def write(self, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """Write a new file: the NameNode says to which DataNode; directories are made."""
        where = await self._place(path)
        relay = Relay(parts)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        try:
            async with await self._ask("PUT", where, data=relay.content(), headers=headers) as answer:
                await self._check(answer, path)
        except StorageError as error:
            raise relay.failure or error from None

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Take an answer of another form than ours for one of somebody else."""
        try:
            yield
        except (ValueError, KeyError, TypeError):
            raise StorageError(f"{self.api} does not speak WebHDFS", hint=self.address) from None

    @asynccontextmanager
    async def _told(self, operation: str, path: str, **query: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give the answer of the DataNode that the NameNode names; a gateway (HttpFS) asks it, and answers itself."""
        answer = await self._ask("GET", self._url(operation, path, query), allow_redirects=False)
        try:
            await self._check(answer, path)
            if where := answer.headers.get("Location"):
                answer.release()
                answer = await self._ask("GET", self._proxied(where))
                await self._check(answer, path)
            yield answer
        finally:
            answer.close()

    async def _place(self, path: str) -> URL:
        """Return where the NameNode sends for the content of a new file."""
        url = self._url("CREATE", path, {"overwrite": "false"})
        async with await self._ask("PUT", url, allow_redirects=False) as answer:
            await self._check(answer, path)
            where = answer.headers.get("Location")
        if not where:
            raise StorageError(f"{self.api} does not speak WebHDFS", hint=self.address)
        return self._proxied(where)

    def _proxied(self, where: str) -> URL:
        return URL(where.replace(self.api, self.data_proxy, 1) if self.data_proxy else where, encoded=True)

    async def _content(self, answer: aiohttp.ClientResponse) -> bytes:
        try:
            return await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._network(error) from None

    def _url(self, operation: str, path: str, query: Mapping[str, str]) -> URL:
        if "%" in path:
            raise StorageError(
                f"WebHDFS cannot name {path}: a percent sign is decoded once or twice, as the version is",
                hint="use the hdfs:// url of the same files",
            )
        return URL(self.api + quote(path), encoded=True).with_query({"op": operation, **query, **self.query})

    async def _ask(self, method: str, url: URL, **options: Any) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self.connect()
        try:
            return await self._session.request(method, url, **options)
        except aiohttp.ClientConnectorError as error:
            if url.authority == URL(self.api).authority:
                raise self._network(error) from None
            raise Unreachable(
                f"{self.api} sends to {url.authority} for content, and that does not answer: {_why(error)}",
                hint="make that DataNode reachable from here, or: dv remote modify NAME data_proxy_target URL",
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._network(error) from None

    async def _check(self, answer: aiohttp.ClientResponse, path: str) -> None:
        if answer.status < 400:
            return
        try:
            found = json.loads(await self._content(answer))["RemoteException"]
            kind, reason = str(found["exception"]), str(found["message"]).partition("\n")[0][:300]
        except (ValueError, KeyError, TypeError):
            kind, reason = "", f"{answer.status} {answer.reason}"
        if kind in _MISSING:
            raise MissingObject(f"{self.api} has no {path}")
        if kind == _EXISTS:
            raise Exists(f"{self.api} has {path} already")
        if kind in _DENIED or (answer.status in (401, 403) and kind not in _PASSING):
            if "access=EXECUTE" in reason and reason.partition('":')[2].partition(":-")[1]:
                raise MissingObject(f"{self.api} has no {path}")  # a file stands where a directory should be
            raise StorageError(f"{self.api} does not permit this: {reason}", hint=self.credentials)
        # Hadoop itself names an exception; what is in between, or overloaded, does not.
        if kind in _PASSING or answer.status in (429, 502, 503, 504) or (answer.status >= 500 and not kind):
            after = asked_pause(answer.headers.get("Retry-After"))
            raise Unavailable(f"{self.api} cannot do this now: {reason}", after=after)
        raise StorageError(f"{self.api} refuses: {kind} {reason}", hint=self.address)

    def _network(self, error: Exception) -> StorageError:
        if isinstance(error, aiohttp.ClientConnectorError):
            return Unreachable(f"{self.api} does not answer: {_why(error)}", hint=self.address)
        reason = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        return Unavailable(f"{self.api} does not answer: {reason}", hint=self.address)


def _why(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error.os_error, ConnectionRefusedError):
        return "connection refused"
    return (error.os_error.strerror or "no such host").lower()
