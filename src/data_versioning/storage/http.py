"""`http://HOST/PATH`, `https://HOST/PATH`: a web server. Files are asked for by name and cannot be listed or deleted.

Uploads go by POST, as DVC sends them, or by the `method` that the remote names.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from data_versioning.errors import ConfigError, MissingObject, StorageError
from data_versioning.storage import http_options
from data_versioning.storage.base import ObjectInfo
from data_versioning.storage.client import Body, Relay, Unavailable, Unreachable, asked_pause
from data_versioning.storage.concurrent import PlainStore

_PART, _CHUNK = 8 << 20, 1 << 20
_SECONDS = 60.0  # for connecting, and for silence, as DVC waits
_CONNECTIONS = 128
_ABSENT = frozenset({404, 410})
# Asks for the content itself: length and ETag of a compressed answer are others.
_PLAIN = {"Accept-Encoding": "identity"}
_NO_HEAD = frozenset({405, 501})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")

_SERVER = "dv remote modify NAME url URL"
_PACKED = "turn off compression for these files on the server"
_LOGIN = "dv remote modify NAME auth basic, and --local NAME user USER, and password PASSWORD"

Session = Callable[[], aiohttp.ClientSession]


@dataclass(slots=True, kw_only=True)
class HttpClient:
    """A `PlainClient` on the files below `base`, which ends in "/"; `place` is how messages name it.

    `is_challenged`: a login begins with a question of the server, to a request that is then sent again. `query` ends
    every address; it may be a signature, so no message has it.
    """

    base: str
    place: str
    method: str
    connect: Session
    is_challenged: bool = False
    part_size: int = _PART
    query: str = field(default="", repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def stat(self, key: str) -> ObjectInfo | None:
        """See `Client.stat`."""
        try:
            async with await self._ask("HEAD", key, headers=_PLAIN) as answer:
                # A signature in the query may be for GET only.
                if answer.status not in _NO_HEAD and not (self.query and answer.status == 403):
                    self._check(answer, key)
                    return ObjectInfo(key, _length(answer) or 0, answer.headers.get("ETag"), None)
            async with await self._ask("GET", key, headers=_PLAIN) as answer:
                self._check(answer, key)
                return ObjectInfo(key, _length(answer) or 0, answer.headers.get("ETag"), None)
        except MissingObject:
            return None

    async def get(self, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None) -> Body:
        """See `Client.get`; a server that knows no parts sends all, and what was not asked for is left out."""
        headers = dict(_PLAIN)
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
            if etag:
                headers["If-Range"] = etag
        answer = await self._ask("GET", key, headers=headers)
        try:
            self._check(answer, key)
            if _is_packed(answer):
                raise StorageError(f"{self.place}{key}: the server packs it on the way", hint=_PACKED)
            found = answer.headers.get("ETag")
            if etag and found != etag:
                raise Unavailable(f"{self.place}{key} changed while it was being read")
            total = _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))
            size = int(total[1]) if answer.status == 206 and total else _length(answer)
            if size is None:
                raise StorageError(f"{self.place}{key}: the server does not say how long it is", hint=_PACKED)
        except BaseException:
            answer.close()
            raise
        is_part = answer.status == 206
        chunks = self._chunks(answer, key, skipped=0 if is_part else start)
        strong = found if found and not found.startswith("W/") else None
        in_parts = is_part or answer.headers.get("Accept-Ranges") == "bytes"
        return Body(size, strong, chunks, in_parts)

    async def put(self, key: str, content: bytes) -> str | None:
        """See `Client.put`."""
        async with await self._ask(self.method, key, data=content, allow_redirects=False) as answer:
            self._check_upload(answer, key)
            etag = answer.headers.get("ETag")
        await self._check_kept(key, len(content))
        return etag

    async def put_parts(self, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Client.put_parts`: one request, which the server drops when it ends too early."""
        relay = Relay(parts)
        if self.is_challenged:
            # The parts come only once, so the question has to be answered before.
            (await self._ask("HEAD", key)).close()
        try:
            headers = {"Content-Length": str(size)}
            async with await self._ask(
                self.method, key, data=relay.content(), headers=headers, allow_redirects=False
            ) as answer:
                self._check_upload(answer, key)
        except StorageError as error:
            raise relay.failure or error from None
        await self._check_kept(key, size)

    async def close(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    async def _ask(self, method: str, key: str, **options: Any) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self.connect()
        url = URL(self.base + quote(key) + self.query, encoded=True)
        try:
            return await self._session.request(method, url, **options)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._network(error) from None

    async def _chunks(
        self, answer: aiohttp.ClientResponse, key: str, *, skipped: int
    ) -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                if skipped:
                    left_out = min(skipped, len(chunk))
                    skipped, chunk = skipped - left_out, chunk[left_out:]
                if chunk:
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._network(error) from None
        finally:
            answer.close()

    def _check(self, answer: aiohttp.ClientResponse, key: str) -> None:
        if 200 <= answer.status < 300:
            return
        if answer.status in _ABSENT:
            raise MissingObject(f"{self.place} has no {key}")
        reason = f"{answer.status} {answer.reason or ''}".strip()
        if answer.status in _PASSING:
            after = asked_pause(answer.headers.get("Retry-After"))
            raise Unavailable(f"{self.place} does not answer: {reason}", hint=_SERVER, after=after)
        if answer.status in (401, 407):
            raise StorageError(f"{self.place} does not accept the credentials ({reason})", hint=_LOGIN)
        if answer.status == 403:
            raise StorageError(
                f"{self.place} does not permit this ({reason}): no right to it, or wrong credentials",
                hint=_LOGIN,
            )
        raise StorageError(f"{self.place} refuses this: {reason}", hint=_SERVER)

    async def _check_kept(self, key: str, size: int) -> None:
        """Raise `Unavailable` unless the server has as many bytes as it got: some say yes, and keep less or nothing."""
        async with await self._ask("HEAD", key, headers=_PLAIN) as answer:
            if answer.status in _NO_HEAD:
                return
            with suppress(MissingObject):
                self._check(answer, key)
                if _is_packed(answer) or _length(answer) in (None, size):
                    return
        raise Unavailable(f"{self.place} said yes to {key}, and does not have what was sent", hint=_SERVER)

    def _check_upload(self, answer: aiohttp.ClientResponse, key: str) -> None:
        if 300 <= answer.status < 400:
            raise StorageError(f"{self.place} sends uploads elsewhere ({answer.status})", hint=_SERVER)
        if answer.status in {*_NO_HEAD, *_ABSENT}:
            other = "PUT" if self.method == "POST" else "POST"
            raise StorageError(
                f"{self.place} takes no uploads by {self.method} ({answer.status})",
                hint=f"dv remote modify NAME method {other}",
            )
        if answer.status == 409:
            raise StorageError(
                f"{self.place} does not make the directory of {key} (409)",
                hint="let the server make directories, or use it by WebDAV: dv remote modify NAME url webdav://…",
            )
        self._check(answer, key)

    def _network(self, error: Exception) -> StorageError:
        address = http_options.host(self.base)
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            reason = getattr(error.certificate_error, "verify_message", "") or "not trusted"
            return StorageError(
                f"the certificate of {address} is not valid: {reason}",
                hint="dv remote modify NAME ssl_verify PATH   names the certificates to trust (false: trust any)",
            )
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return Unreachable(f"there is no host {address}", hint=_SERVER)
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
            error.os_error, ConnectionRefusedError
        ):
            return Unreachable(f"nobody answers at {address}: connection refused", hint=_SERVER)
        reason = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        return Unavailable(f"{self.place} does not answer: {reason}", hint=_SERVER)


def open_store(url: str, settings: Mapping[str, str]) -> PlainStore:
    """Open the files below a url; settings as in the `[remote]` section of a web server.

    Besides, `query` may say what follows the "?" of every address: that of data at one url, never of a remote.
    Raises `ConfigError`.
    """
    http_options.refuse_no_address(url, "url")
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(
            "the url of a web server has a host and a path, and nothing else: it looks like https://HOST/PATH",
            hint="dv remote modify NAME url URL",
        )
    options = _login(settings, url)
    timeout = aiohttp.ClientTimeout(
        total=None,
        sock_connect=http_options.seconds(settings, "connect_timeout", default=_SECONDS),
        sock_read=http_options.seconds(settings, "read_timeout", default=_SECONDS),
    )
    certificates = trust(settings)

    def connect() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=certificates),
            timeout=timeout,
            trust_env=True,
            **options,
        )

    client = HttpClient(
        base=str(URL(url if url.endswith("/") else f"{url}/")),
        place=f"{parts.scheme}://{http_options.host(url)}{parts.path.rstrip('/')}/",
        method=settings.get("method", "POST").upper(),
        connect=connect,
        is_challenged=settings.get("auth", "").lower() == "digest",
        query=f"?{settings['query']}" if settings.get("query") else "",
    )
    return PlainStore(client, closing=client.close)


def _login(settings: Mapping[str, str], url: str) -> dict[str, Any]:
    """Return what a session sends to log in."""
    kind = settings.get("auth", "").lower()
    if not kind:
        for name in ("user", "password", "custom_auth_header"):
            if settings.get(name):
                raise ConfigError(
                    f"the remote has {name}, but does not say how to log in",
                    hint="dv remote modify NAME auth basic   (or digest, or custom)",
                )
        return {}
    who = "custom_auth_header" if kind == "custom" else "user"
    password = http_options.password(settings, urlsplit(url).hostname or "")
    for name, value in ((who, settings.get(who)), ("password", password)):
        if not value:
            raise ConfigError(f"auth {kind} needs {name}", hint=f"dv remote modify --local NAME {name} VALUE")
    if kind == "custom":
        return {"middlewares": [only_there(url, settings[who], password or "")]}
    if kind == "digest":
        return {"middlewares": [aiohttp.DigestAuthMiddleware(settings[who], password or "")]}
    pair = base64.b64encode(f"{settings[who]}:{password}".encode()).decode()
    return {"headers": {"Authorization": f"Basic {pair}"}}


def only_there(url: str, header: str, value: str) -> aiohttp.ClientMiddlewareType:
    """Return what adds a header to requests to the host of `url`, and to no other that they are redirected to."""
    origin = URL(url).origin()

    async def send(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if request.url.origin() == origin:
            request.headers[header] = value
        return await handler(request)

    return send


def trust(settings: Mapping[str, str]) -> bool | ssl.SSLContext:
    """Return which certificates of servers are trusted, as aiohttp takes it."""
    verify = settings.get("ssl_verify", "true")
    if verify.lower() in ("true", "false"):
        return verify.lower() == "true"
    content = http_options.certificates(verify)
    try:
        return ssl.create_default_context(cadata=content.decode())
    except (ssl.SSLError, UnicodeDecodeError):
        raise ConfigError(
            f"{os.path.basename(verify)}, which ssl_verify names, holds no certificates",
            hint="dv remote modify NAME ssl_verify PATH",
        ) from None


def _is_packed(answer: aiohttp.ClientResponse) -> bool:
    """Whether the bytes that come are others than those of the file, though these were asked for."""
    return answer.headers.get("Content-Encoding", "identity").lower() != "identity"


def _length(answer: aiohttp.ClientResponse) -> int | None:
    text = answer.headers.get("Content-Length")
    return int(text) if text else None
