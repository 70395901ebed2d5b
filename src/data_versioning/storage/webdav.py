"""`webdav://HOST/PATH`, `webdavs://HOST/PATH`: a directory of a WebDAV server, as Nextcloud, Apache and others are."""

from __future__ import annotations

import base64
import os
import posixpath
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import aiohttp

from data_versioning.errors import ConfigError, MissingObject, StorageError
from data_versioning.storage import http_options, xmltext
from data_versioning.storage.client import Body, Unavailable
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.files import Entry, FileClient
from data_versioning.storage.http import HttpClient, only_there, trust

_IN_FLIGHT = 32
_SECONDS = 60.0
_LOGIN = "dv remote modify --local NAME user USER, and password PASSWORD (or token TOKEN)"
_PROPERTIES = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop>'
    b"<resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>"
)
_DAV = "{DAV:}"
_MULTI_STATUS, _BAD_REQUEST, _FORBIDDEN, _EXISTS = 207, 400, 403, 405
_NO_PARENT, _LOCKED, _FULL = 409, 423, 507


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a directory; settings as in the `[remote]` section of WebDAV.

    Raises `ConfigError`. A program that gives a token is never started.
    """
    http_options.refuse_no_address(f"http{url[len('webdav') :]}", "url")
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(
            "the url of a WebDAV server has a host and a path: it looks like webdavs://HOST/PATH",
            hint="dv remote list",
        )
    server = f"{parts.scheme.lower().replace('webdav', 'http')}://{http_options.host(url)}/"
    options = _login(settings, server, unquote(parts.username or "") or None)
    seconds = http_options.seconds(settings, "timeout", default=_SECONDS)
    certificates = _certificates(settings)

    def connect() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=2 * _IN_FLIGHT, ssl=certificates),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds),
            trust_env=True,
            **options,
        )

    requests = Requests(base=server, place=server, method="PUT", connect=connect)
    client = FileClient(
        files=WebdavFiles(requests=requests), root=f"/{unquote(parts.path).strip('/')}".rstrip("/")
    )
    return ConcurrentStore(client, in_flight=_IN_FLIGHT, closing=requests.close)


def _login(settings: Mapping[str, str], server: str, user: str | None) -> dict[str, Any]:
    """Return what a session sends to log in."""
    if settings.get("bearer_token_command"):
        raise ConfigError(
            "bearer_token_command is not run: a program that a repository names may do anything",
            hint="dv remote modify --local NAME token TOKEN",
        )
    if settings.get("token"):
        return {"headers": {"Authorization": f"Bearer {settings['token']}"}}
    password = http_options.password(settings, http_options.host(server))
    if user := settings.get("user") or user:
        credentials = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        return {"headers": {"Authorization": f"Basic {credentials}"}}
    if name := settings.get("custom_auth_header"):
        if not password:
            raise ConfigError("custom_auth_header needs password, its value", hint=_LOGIN)
        return {"middlewares": [only_there(server, name, password)]}
    return {}


def _certificates(settings: Mapping[str, str]) -> bool | ssl.SSLContext:
    """Return what is trusted, with our own certificate where the remote names one."""
    found = trust(settings)
    path, key = (os.path.expanduser(settings.get(name, "")) for name in ("cert_path", "key_path"))
    if not path:
        if key:
            raise ConfigError("key_path needs cert_path", hint="dv remote modify NAME cert_path PATH")
        return found
    context = found if isinstance(found, ssl.SSLContext) else ssl.create_default_context()
    if found is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.load_cert_chain(path, key or None)
    except OSError as error:
        raise ConfigError(
            f"cannot use the certificate {settings['cert_path']}: {error.strerror or 'it is none'}",
            hint="dv remote modify NAME cert_path PATH, and key_path PATH",
        ) from None
    return context


class Requests(HttpClient):
    """Requests of a web server, and of WebDAV; paths begin with "/"."""

    async def ask(
        self, method: str, path: str, *, accepted: Sequence[int] = (), **options: Any
    ) -> tuple[int, bytes]:
        """Return status and content of the answer; a status of an error that is not `accepted` raises."""
        async with await self._ask(method, path.lstrip("/"), **options) as answer:
            if answer.status not in accepted:
                self._check(answer, path)
            try:
                return answer.status, await answer.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise self._network(error) from None

    def address(self, path: str) -> str:
        """Return the url of a path."""
        return self.base + quote(path.lstrip("/"))

    def _check(self, answer: aiohttp.ClientResponse, key: str) -> None:
        if answer.status in (401, 403):
            raise StorageError(
                f"{self.place} does not permit this ({answer.status} {answer.reason}): {key}", hint=_LOGIN
            )
        if answer.status == _NO_PARENT:
            raise MissingObject(f"{self.place} has no directory for {key}")
        if answer.status == _LOCKED:
            raise Unavailable(f"{self.place} has locked {key}")
        if answer.status == _FULL:
            raise StorageError(
                f"{self.place} is full", hint="free some space there, or ask for a larger quota"
            )
        super()._check(answer, key)

    def _check_upload(self, answer: aiohttp.ClientResponse, key: str) -> None:
        self._check(answer, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebdavFiles:
    """The `Files` of a WebDAV server; `made` are the directories that are there for sure."""

    requests: Requests
    made: set[str] = field(default_factory=set)

    @property
    def part_size(self) -> int:
        """See `Client.part_size`."""
        return self.requests.part_size

    async def stat(self, path: str) -> Entry | None:
        """See `Files.stat`."""
        try:
            found = await self._properties(path, depth="0")
        except MissingObject:
            return None
        return next(iter(found.values()), None)

    async def read(self, path: str, start: int, end: int | None, etag: str | None) -> Body:
        """See `Files.read`."""
        return await self.requests.get(path.lstrip("/"), start=start, end=end, etag=etag)

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Files.replace`; whether a reader may see a moment without the file is up to the server."""
        await self._make_parent(path)
        await self.requests.put_parts(temporary.lstrip("/"), parts, size)
        headers = {"Destination": self.requests.address(path), "Overwrite": "T"}
        await self.requests.ask("MOVE", temporary, headers=headers)

    async def create(self, temporary: str, path: str, content: bytes) -> bool:
        """Refuse: servers look whether a name is free and then take it, so that of two writers both may succeed."""
        raise StorageError(
            f"{self.requests.place} cannot tell which of two writers was first: WebDAV servers do not",
            hint="use a remote of S3, Google Cloud Storage, Azure, SSH or HDFS for what several write",
        )

    async def scan(self, directory: str) -> Sequence[Entry]:
        """See `Files.scan`."""
        found = await self._properties(f"{directory.rstrip('/')}/", depth="1")
        own = found.pop(directory.rstrip("/"), None)
        if own and not own.is_directory:
            raise MissingObject(f"{directory} is no directory")
        return list(found.values())

    async def remove(self, path: str) -> None:
        """See `Files.remove`."""
        await self.requests.ask("DELETE", path, accepted=(404,))

    async def make_directory(self, path: str) -> None:
        """See `Files.make_directory`."""
        try:
            await self._make_collection(path)
        except MissingObject:
            parent = posixpath.dirname(path)
            if parent == path:
                raise
            await self.make_directory(parent)
            await self._make_collection(path)
        self.made.add(path)

    async def _make_collection(self, path: str) -> None:
        status, _ = await self.requests.ask("MKCOL", f"{path}/", accepted=(_EXISTS, _FORBIDDEN))
        if status == _FORBIDDEN and await self.stat(path) is None:
            # Apache says so too when somebody else made it at the same moment; now it is no race.
            await self.requests.ask("MKCOL", f"{path}/")

    async def _make_parent(self, path: str) -> None:
        parent = posixpath.dirname(path)
        if parent not in self.made:
            await self.make_directory(parent)

    async def _properties(self, path: str, *, depth: str) -> dict[str, Entry]:
        """Return what is at a path, and with depth 1 directly below it."""
        headers = {"Depth": depth, "Content-Type": "application/xml"}
        status, text = await self.requests.ask(
            "PROPFIND", path, data=_PROPERTIES, headers=headers, accepted=(_BAD_REQUEST,)
        )
        if status == _BAD_REQUEST:
            raise MissingObject(f"{path} is below a file")  # so says Apache
        try:
            if status != _MULTI_STATUS:
                raise ValueError
            return dict(map(_entry, xmltext.parsed(text).iter(f"{_DAV}response")))
        except ValueError:
            raise StorageError(
                f"{self.requests.place} does not speak WebDAV at {path}", hint="dv remote modify NAME url URL"
            ) from None


def _entry(answer: ElementTree.Element) -> tuple[str, Entry]:
    path = unquote(urlsplit(answer.findtext(f"{_DAV}href", "").strip()).path).rstrip("/")
    modified = answer.findtext(f".//{_DAV}getlastmodified")
    return path, Entry(
        name=path.rpartition("/")[2],
        size=int(answer.findtext(f".//{_DAV}getcontentlength") or 0),
        # Where nobody says, it is new: what is young is not collected.
        modified=parsedate_to_datetime(modified).timestamp() if modified else time.time(),
        is_directory=answer.find(f".//{_DAV}collection") is not None,
        etag=answer.findtext(f".//{_DAV}getetag") or None,
    )
