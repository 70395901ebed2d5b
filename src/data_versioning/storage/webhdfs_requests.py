"""What is said to WebHDFS, and what its answers mean (Apache Hadoop, "WebHDFS REST API")."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from data_versioning.errors import MissingObject, StorageError
from data_versioning.storage.client import Relay, Unavailable, Unreachable, asked_pause

_CHUNK = 1 << 20
URL_HINT = "dv remote modify NAME url webhdfs://HOST:PORT/PATH"
_SETTINGS = "dv remote modify NAME user USER, or --local NAME token TOKEN, or password PASSWORD"
_MISSING = frozenset({"FileNotFoundException", "ParentNotDirectoryException"})
_EXISTS = "FileAlreadyExistsException"
_DENIED = frozenset({"AccessControlException", "SecurityException"})
_PASSING = frozenset({"StandbyException", "RetriableException", "SafeModeException", "LeaseExpiredException"})


class Exists(StorageError):
    """Something has that name already."""


@dataclass(slots=True, kw_only=True)
class Gateway:
    """Requests to WebHDFS at `api`; `data_proxy` is the address that takes the place of `api` in redirects.

    Raises as `Files` does, and `Exists` where something has a name already.
    """

    api: str
    query: Mapping[str, str] = field(repr=False)
    connect: Callable[[], aiohttp.ClientSession] = field(repr=False)
    data_proxy: str | None = None
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

    async def fetch(self, operation: str, path: str) -> bytes:
        """Return what a DataNode says to a question."""
        async with self._told(operation, path) as answer:
            return await self._content(answer)

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
            raise StorageError(f"{self.api} does not speak WebHDFS", hint=URL_HINT) from None

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
            raise StorageError(f"{self.api} does not speak WebHDFS", hint=URL_HINT)
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
            raise StorageError(f"{self.api} does not permit this: {reason}", hint=_SETTINGS)
        # Hadoop itself names an exception; what is in between, or overloaded, does not.
        if kind in _PASSING or answer.status in (429, 502, 503, 504) or (answer.status >= 500 and not kind):
            after = asked_pause(answer.headers.get("Retry-After"))
            raise Unavailable(f"{self.api} cannot do this now: {reason}", after=after)
        raise StorageError(f"{self.api} refuses: {kind} {reason}", hint=URL_HINT)

    def _network(self, error: Exception) -> StorageError:
        if isinstance(error, aiohttp.ClientConnectorError):
            return Unreachable(f"{self.api} does not answer: {_why(error)}", hint=URL_HINT)
        reason = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        return Unavailable(f"{self.api} does not answer: {reason}", hint=URL_HINT)


def _why(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error.os_error, ConnectionRefusedError):
        return "connection refused"
    return (error.os_error.strerror or "no such host").lower()
