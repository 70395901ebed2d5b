"""`webhdfs://[USER@]HOST:PORT/PATH`: Hadoop's file system by HTTP, where its own protocol does not get through."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from data_versioning.errors import ConfigError, MissingObject
from data_versioning.storage import http_options, moving
from data_versioning.storage.client import Body
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.files import Entry, FileClient, refuse_replaced
from data_versioning.storage.http import trust
from data_versioning.storage.webhdfs_requests import IN_FLIGHT, URL_HINT, Exists, Gateway, connecting

_PART = 8 << 20


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a directory; settings as in the `[remote]` section of WebHDFS.

    Raises `ConfigError`, also for Kerberos.
    """
    http_options.refuse_no_address(f"http{url[len('webhdfs') :]}", "url")
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise ConfigError("the url of WebHDFS looks like webhdfs://HOST:PORT/PATH", hint=URL_HINT)
    user = settings.get("user") or unquote(parts.username or "") or None
    scheme = "https" if http_options.is_on(settings, "use_https") else "http"
    certificates, headers = trust(settings), _headers(settings, user)
    gateway = Gateway(
        api=f"{scheme}://{http_options.host(url)}/webhdfs/v1",
        query=_query(settings, user),
        connect=connecting(certificates, headers),
        data_proxy=settings.get("data_proxy_target"),
    )
    path = http_options.without_query(url).partition("://")[2].partition("/")[2]
    root = f"/{path.strip('/')}".rstrip("/")
    return WebhdfsStore(WebhdfsFiles(gateway=gateway), root)


class WebhdfsStore(ConcurrentStore):
    """The `IdentifyingStore` of the files below `root`."""

    def __init__(self, files: WebhdfsFiles, root: str) -> None:
        client = FileClient(files=files, root=root)
        super().__init__(client, in_flight=IN_FLIGHT, closing=files.gateway.close)
        self._files, self._root = files, root

    def ids(self, keys: Sequence[str]) -> list[str]:
        """See `IdentifyingStore.ids`: what Hadoop calls the checksum of a file."""
        files, root = self._files, self._root
        ask = self._each(keys, lambda key: moving.retried(lambda: files.checksum(f"{root}/{key}")), IN_FLIGHT)
        return list(self._call(ask))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhdfsFiles:
    """The `Files` of WebHDFS behind `gateway`."""

    gateway: Gateway
    part_size: int = _PART

    async def stat(self, path: str) -> Entry | None:
        """See `Files.stat`."""
        try:
            found = await self.gateway.call("GET", "GETFILESTATUS", path)
        except MissingObject:
            return None
        with self.gateway.understood():
            return _entry(found["FileStatus"], path)

    async def read(self, path: str, start: int, end: int | None, etag: str | None) -> Body:
        """See `Files.read`."""
        found = await self.stat(path)
        if found is None or found.is_directory:
            raise MissingObject(f"{self.gateway.api} has no {path}")
        refuse_replaced(path, found.version, etag)
        stop = found.size if end is None else min(end, found.size)
        return Body(found.size, found.version, self.gateway.read(path, start, stop))

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Files.replace`."""
        await self.gateway.write(temporary, parts, size)
        await self.gateway.call("PUT", "RENAME", temporary, destination=path, renameoptions="OVERWRITE")

    async def create(self, temporary: str, path: str, content: bytes) -> bool:
        """See `Files.create`: a rename that does not overwrite is one step of the NameNode."""
        await self.gateway.write(temporary, _single(content), len(content))
        try:
            await self.gateway.call("PUT", "RENAME", temporary, destination=path, renameoptions="NONE")
        except Exists:
            await self.remove(temporary)
            return False
        return True

    async def scan(self, directory: str) -> Sequence[Entry]:
        """See `Files.scan`."""
        found = await self.gateway.call("GET", "LISTSTATUS", directory)
        with self.gateway.understood():
            statuses = found["FileStatuses"]["FileStatus"]
            return [_entry(status, directory) for status in statuses if status["pathSuffix"]]

    async def remove(self, path: str) -> None:
        """See `Files.remove`."""
        with suppress(MissingObject):
            await self.gateway.call("DELETE", "DELETE", path)

    async def make_directory(self, path: str) -> None:
        """See `Files.make_directory`."""
        await self.gateway.call("PUT", "MKDIRS", path)

    async def checksum(self, path: str) -> str:
        """Return Hadoop's checksum of a file as HTTP tells it, which is what DVC records; empty when there is none."""
        try:
            return (await self.gateway.checksum(path)).digits
        except MissingObject:
            return ""


def _entry(status: Mapping[str, Any], path: str) -> Entry:
    return Entry(
        name=status["pathSuffix"] or path.rpartition("/")[2],
        size=status["length"],
        modified=status["modificationTime"] / 1000,
        is_directory=status["type"] == "DIRECTORY",
    )


async def _single(content: bytes) -> AsyncIterator[bytes]:
    yield content
