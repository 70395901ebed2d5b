"""A line that fails: an HTTP proxy on loopback that disturbs requests by chance, and counts what passes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

_CHUNK = 64 << 10
_STALL = 0.4  # seconds


class Fault(StrEnum):
    """What happens to one request."""

    RESET = "reset"  # in the middle of the request
    SLOW_DOWN = "503"
    TOO_MANY = "429"
    BROKEN = "500"
    TRUNCATE = "truncate"  # of the answer
    STALL = "stall"
    CORRUPT = "corrupt"  # one byte of the content, there or back


_ANSWERS = {Fault.SLOW_DOWN: "SlowDown", Fault.TOO_MANY: "TooManyRequests", Fault.BROKEN: "InternalError"}


class _Cut(Exception):
    """The connection ends now."""


@dataclass(slots=True)
class FaultProxy:
    """What it does may be changed at any time: each request is disturbed with `chance`, by one of `faults`.

    `requests` counts by method, and "PART" for parts of uploads; `up` and `down` are bytes of content that passed. When
    `cut_after` bytes have gone up, every connection is reset until it is set to None.
    """

    target: tuple[str, int]
    port: int = 0
    chance: float = 0.0
    faults: tuple[Fault, ...] = tuple(Fault)
    seed: int = 1
    cut_after: int | None = None
    requests: Counter[str] = field(default_factory=Counter)
    disturbed: Counter[Fault] = field(default_factory=Counter)
    up: int = 0
    down: int = 0
    _chances: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chances = random.Random(self.seed)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def forget(self) -> None:
        """Count from nought."""
        self.requests.clear()
        self.disturbed.clear()
        self.up = self.down = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the requests of one connection."""
        try:
            there = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        try:
            while await self._request(reader, writer, *there):
                pass
        except (_Cut, OSError, asyncio.IncompleteReadError):
            _reset(writer)
        finally:
            writer.close()
            there[1].close()

    def _choice(self) -> Fault | None:
        if self._chances.random() >= self.chance:
            return None
        fault = self._chances.choice(self.faults)
        self.disturbed[fault] += 1
        return fault

    async def _request(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
    ) -> bool:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        method = head.split(b" ", 1)[0].decode()
        self.requests["PART" if b"partNumber=" in head.split(b"\r\n", 1)[0] else method] += 1
        fault = self._choice()
        if fault in _ANSWERS:
            await self._refuse(writer, fault)
            return False
        if fault is Fault.STALL:
            await asyncio.sleep(_STALL)
        if b"100-continue" in head.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = b"\r\n".join(
                line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:")
            )
        sink.write(head)
        is_upload = _length(head) > 0
        await self._body(head, reader, sink, fault if is_upload else None, going="up")
        if fault is Fault.RESET:
            raise _Cut
        answer = await upstream.readuntil(b"\r\n\r\n")
        writer.write(answer)
        has_content = method != "HEAD" and answer[9:12] not in (b"204", b"304")
        await self._body(
            answer if has_content else b"", upstream, writer, None if is_upload else fault, going="down"
        )
        return b"connection: close" not in answer.lower()

    async def _refuse(self, writer: asyncio.StreamWriter, fault: Fault) -> None:
        body = f"<Error><Code>{_ANSWERS[fault]}</Code><Message>later</Message></Error>".encode()
        lines = (
            f"HTTP/1.1 {fault} {_ANSWERS[fault]}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            "Retry-After: 1",
        )
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    async def _body(
        self,
        head: bytes,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        fault: Fault | None,
        *,
        going: str,
    ) -> None:
        if b"transfer-encoding: chunked" in head.lower():
            await self._chunked(source, sink)
            return
        length = _length(head)
        spoilt = self._chances.randrange(length) if fault and length else -1
        done = 0
        while done < length:
            chunk = await source.read(min(_CHUNK, length - done))
            if not chunk:
                raise _Cut
            if done <= spoilt < done + len(chunk):
                if fault in (Fault.RESET, Fault.TRUNCATE):
                    sink.write(chunk[: spoilt - done])
                    await sink.drain()
                    raise _Cut
                if fault is Fault.CORRUPT:
                    at = spoilt - done
                    chunk = chunk[:at] + bytes([chunk[at] ^ 1]) + chunk[at + 1 :]
            done += len(chunk)
            self._count(len(chunk), going)
            sink.write(chunk)
            await sink.drain()
        await sink.drain()

    def _count(self, size: int, going: str) -> None:
        if going == "down":
            self.down += size
            return
        self.up += size
        if self.cut_after is not None and self.up > self.cut_after:
            raise _Cut

    async def _chunked(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while True:
            line = await source.readuntil(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            sink.write(line + await source.readexactly(size + 2))
            await sink.drain()
            if size == 0:
                return


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees it broken, not finished."""
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is not None:
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextlib.contextmanager
def disturbing(url: str) -> Iterator[FaultProxy]:
    """A proxy to the server at `url`, without faults at first."""
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    proxy = FaultProxy((parts.hostname, parts.port))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=1 << 20, backlog=512)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
