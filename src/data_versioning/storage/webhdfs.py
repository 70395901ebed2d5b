"""`webhdfs://[USER@]HOST:PORT/PATH`: Hadoop's file system by HTTP, where its own protocol does not get through."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from yarl import URL

from data_versioning.errors import ConfigError, MissingObject, StorageError
from data_versioning.storage import http_options, moving
from data_versioning.storage.client import Body, Relay, Unavailable, Unreachable, asked_pause
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.files import Entry, FileClient
from data_versioning.storage.http import trust

_PART, _CHUNK = 8 << 20, 1 << 20
_IN_FLIGHT = 64
_SECONDS = 60.0
_SETTINGS = "dv remote modify NAME user USER, or --local NAME token TOKEN, or password PASSWORD"
_URL = "dv remote modify NAME url webhdfs://HOST:PORT/PATH"
_MISSING = frozenset({"FileNotFoundException", "ParentNotDirectoryException"})
_EXISTS = "FileAlreadyExistsException"
_DENIED = frozenset({"AccessControlException", "SecurityException"})
_PASSING = frozenset({"StandbyException", "RetriableException", "SafeModeException", "LeaseExpiredException"})


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a directory; settings as in the `[remote]` section of WebHDFS.

    Raises `ConfigError`, also for Kerberos.
    """
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise ConfigError("the url of WebHDFS looks like webhdfs://HOST:PORT/PATH", hint=_URL)
    user = settings.get("user") or unquote(parts.username or "") or None
    scheme = "https" if http_options.is_on(settings, "use_https") else "http"
    certificates, headers = trust(settings), _headers(settings, user)

    def connect() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=2 * _IN_FLIGHT, ssl=certificates),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_SECONDS, sock_read=_SECONDS),
            trust_env=True,
            headers=headers,
            middlewares=(_once,),
        )

    files = WebhdfsFiles(
        api=f"{scheme}://{http_options.host(url)}/webhdfs/v1",
        query=_query(settings, user),
        connect=connect,
        data_proxy=settings.get("data_proxy_target"),
    )
    root = f"/{unquote(parts.path).strip('/')}".rstrip("/")
    return WebhdfsStore(files, root)


class WebhdfsStore(ConcurrentStore):
    """The `IdentifyingStore` of the files below `root`."""

    def __init__(self, files: WebhdfsFiles, root: str) -> None:
        client = FileClient(files=files, root=root)
        super().__init__(client, in_flight=_IN_FLIGHT, closing=files.close)
        self._files, self._root = files, root

    def ids(self, keys: Sequence[str]) -> list[str]:
        """See `IdentifyingStore.ids`: what Hadoop calls the checksum of a file."""
        files, root = self._files, self._root
        ask = self._each(
            keys, lambda key: moving.retried(lambda: files.checksum(f"{root}/{key}")), _IN_FLIGHT
        )
        return list(self._call(ask))


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep the library from repeating what may have been done: renamed twice, a file is missing the second time."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from None


def _query(settings: Mapping[str, str], user: str | None) -> dict[str, str]:
    """Return what every request says about who makes it."""
    if http_options.is_on(settings, "kerberos") or settings.get("kerberos_principal"):
        raise ConfigError(
            "WebHDFS with Kerberos is not native yet",
            hint="use the hdfs:// url of the same files, after kinit",
        )
    if settings.get("token"):
        if user or settings.get("proxy_to"):
            raise ConfigError(
                "a token says who the user is: token goes without user and proxy_to",
                hint="dv remote modify --unset NAME user",
            )
        return {"delegation": settings["token"]}
    query = {"user.name": user} if user and not settings.get("password") else {}
    return query | ({"doas": settings["proxy_to"]} if settings.get("proxy_to") else {})


def _headers(settings: Mapping[str, str], user: str | None) -> dict[str, str]:
    password = settings.get("password")
    if not password:
        return {}
    if not user:
        raise ConfigError("password needs user", hint="dv remote modify NAME user USER")
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}


@dataclass(slots=True, kw_only=True)
class WebhdfsFiles:
    """The `Files` of WebHDFS below `api`; `data_proxy` is the address that takes the place of `api` in redirects."""

    api: str
    query: Mapping[str, str] = field(repr=False)
    connect: Callable[[], aiohttp.ClientSession] = field(repr=False)
    data_proxy: str | None = None
    part_size: int = _PART
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def stat(self, path: str) -> Entry | None:
        """See `Files.stat`."""
        try:
            found = await self._call("GET", "GETFILESTATUS", path)
        except MissingObject:
            return None
        with self._understood():
            return _entry(found["FileStatus"], path)

    async def read(self, path: str, start: int, end: int | None, etag: str | None) -> Body:
        """See `Files.read`."""
        found = await self.stat(path)
        if found is None or found.is_directory:
            raise MissingObject(f"{self.api} has no {path}")
        version = f"{found.modified}-{found.size}"
        if etag and etag != version:
            raise Unavailable(f"{path} was replaced while it was read")
        stop = found.size if end is None else min(end, found.size)
        return Body(found.size, version, self._chunks(path, start, stop))

    async def _chunks(self, path: str, start: int, stop: int) -> AsyncIterator[bytes]:
        if start >= stop:
            return
        async with self._told("OPEN", path, offset=str(start), length=str(stop - start)) as answer:
            try:
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    yield chunk
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise self._network(error) from None

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Files.replace`."""
        await self._write(temporary, parts, size)
        await self._call("PUT", "RENAME", temporary, destination=path, renameoptions="OVERWRITE")

    async def create(self, temporary: str, path: str, content: bytes) -> bool:
        """See `Files.create`: a rename that does not overwrite is one step of the NameNode."""
        await self._write(temporary, _single(content), len(content))
        try:
            await self._call("PUT", "RENAME", temporary, destination=path, renameoptions="NONE")
        except _Exists:
            await self.remove(temporary)
            return False
        return True

    async def scan(self, directory: str) -> Sequence[Entry]:
        """See `Files.scan`."""
        found = await self._call("GET", "LISTSTATUS", directory)
        with self._understood():
            statuses = found["FileStatuses"]["FileStatus"]
            return [_entry(status, directory) for status in statuses if status["pathSuffix"]]

    async def remove(self, path: str) -> None:
        """See `Files.remove`."""
        with suppress(MissingObject):
            await self._call("DELETE", "DELETE", path)

    async def make_directory(self, path: str) -> None:
        """See `Files.make_directory`."""
        await self._call("PUT", "MKDIRS", path)

    async def checksum(self, path: str) -> str:
        """Return Hadoop's checksum of a file, in hex digits; empty when there is none."""
        try:
            async with self._told("GETFILECHECKSUM", path) as answer:
                return str(json.loads(await self._content(answer))["FileChecksum"]["bytes"])
        except MissingObject:
            return ""
        except (ValueError, KeyError, TypeError):
            raise StorageError(f"{self.api} tells no checksum of {path}", hint=_URL) from None

    async def close(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    async def _write(self, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """Write a new file: the NameNode says to which DataNode; directories are made."""
        where = await self._place(path)
        relay = Relay(parts)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        try:
            async with await self._ask("PUT", where, data=relay.content(), headers=headers) as answer:
                await self._check(answer, path)
        except StorageError as error:
            raise relay.failure or error from None

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
            raise StorageError(f"{self.api} does not speak WebHDFS", hint=_URL)
        return self._proxied(where)

    def _proxied(self, where: str) -> URL:
        return URL(where.replace(self.api, self.data_proxy, 1) if self.data_proxy else where, encoded=True)

    async def _call(self, method: str, operation: str, path: str, **query: str) -> Any:
        async with await self._ask(method, self._url(operation, path, query)) as answer:
            await self._check(answer, path)
            text = await self._content(answer)
        with self._understood():
            return json.loads(text) if text else None

    async def _content(self, answer: aiohttp.ClientResponse) -> bytes:
        try:
            return await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._network(error) from None

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError):
            raise StorageError(f"{self.api} does not speak WebHDFS", hint=_URL) from None

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
            raise _Exists(f"{self.api} has {path} already")
        if kind in _DENIED or (answer.status in (401, 403) and kind not in _PASSING):
            if "access=EXECUTE" in reason and reason.partition('":')[2].partition(":-")[1]:
                raise MissingObject(f"{self.api} has no {path}")  # a file stands where a directory should be
            raise StorageError(f"{self.api} does not permit this: {reason}", hint=_SETTINGS)
        # Hadoop itself names an exception; what is in between, or overloaded, does not.
        if kind in _PASSING or answer.status in (429, 502, 503, 504) or (answer.status >= 500 and not kind):
            after = asked_pause(answer.headers.get("Retry-After"))
            raise Unavailable(f"{self.api} cannot do this now: {reason}", after=after)
        raise StorageError(f"{self.api} refuses: {kind} {reason}", hint=_URL)

    def _network(self, error: Exception) -> StorageError:
        if isinstance(error, aiohttp.ClientConnectorError):
            return Unreachable(f"{self.api} does not answer: {_why(error)}", hint=_URL)
        reason = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        return Unavailable(f"{self.api} does not answer: {reason}", hint=_URL)


class _Exists(StorageError):
    """Something has that name already."""


def _why(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error.os_error, ConnectionRefusedError):
        return "connection refused"
    return (error.os_error.strerror or "no such host").lower()


def _entry(status: Mapping[str, Any], path: str) -> Entry:
    return Entry(
        name=status["pathSuffix"] or path.rpartition("/")[2],
        size=status["length"],
        modified=status["modificationTime"] / 1000,
        is_directory=status["type"] == "DIRECTORY",
    )


async def _single(content: bytes) -> AsyncIterator[bytes]:
    yield content
