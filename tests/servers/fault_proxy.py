"""A web server behind a line that fails: requests are disturbed by chance, and counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.servers.proxy import CHUNK, STALL, Cut, Fault, Proxy, spoilt_at, standing, targets

_ANSWERS = {Fault.SLOW_DOWN: "SlowDown", Fault.TOO_MANY: "TooManyRequests", Fault.BROKEN: "InternalError"}


@dataclass(slots=True)
class FaultProxy(Proxy):
    """For HTTP: each request is disturbed with `chance`, by one of `faults`.

    `requests` counts by method, and "PART" for parts of uploads. When `refuse_after` bytes have gone up or down,
    every request is answered with `refusal` until it is set to None.
    """

    requests: Counter[str] = field(default_factory=Counter)
    refuse_after: int | None = None
    refusal: tuple[int, str] = (403, "ExpiredToken")

    def forget(self) -> None:
        """See `Proxy.forget`."""
        Proxy.forget(self)
        self.requests.clear()

    def calm(self) -> None:
        """See `Proxy.calm`."""
        Proxy.calm(self)
        self.refuse_after = None

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
    ) -> None:
        while await self._request(reader, writer, upstream, sink):
            pass

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
        if self.refuse_after is not None and self.up + self.down > self.refuse_after:
            await _answer(writer, *self.refusal)
            return False
        fault = self._choice()
        if fault in _ANSWERS:
            await _answer(writer, int(fault), _ANSWERS[fault])
            return False
        if fault is Fault.STALL:
            await asyncio.sleep(STALL)
        if b"100-continue" in head.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = b"\r\n".join(
                line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:")
            )
        sink.write(head)
        is_upload = _length(head) > 0
        await self._body(head, reader, sink, fault if is_upload else None, going="up")
        if fault is Fault.RESET:
            raise Cut
        answer = self._told(await upstream.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        has_content = method != "HEAD" and answer[9:12] not in (b"204", b"304")
        await self._body(
            answer if has_content else b"", upstream, writer, None if is_upload else fault, going="down"
        )
        if has_content and not _is_measured(answer):
            await self._rest(upstream, writer)
            return False
        return b"connection: close" not in answer.lower()

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
            await self._chunked(source, sink, fault, going=going)
            return
        length = _length(head)
        corrupt = Fault.CORRUPT if going == "down" else Fault.CORRUPT_UP
        spoilt = self._chances.randrange(length) if fault and length else -1
        done = 0
        while done < length:
            chunk = await source.read(min(CHUNK, length - done))
            if not chunk:
                raise Cut
            if done <= spoilt < done + len(chunk):
                if fault in (Fault.RESET, Fault.TRUNCATE):
                    sink.write(chunk[: spoilt - done])
                    await sink.drain()
                    raise Cut
                if fault is corrupt:
                    chunk = spoilt_at(chunk, spoilt - done)
            done += len(chunk)
            self._count(len(chunk), going)
            sink.write(chunk)
            await sink.drain()
        await sink.drain()

    async def _chunked(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, fault: Fault | None, *, going: str
    ) -> None:
        while True:
            line = await source.readuntil(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            chunk = await source.readexactly(size + 2)
            if fault in (Fault.RESET, Fault.TRUNCATE):
                sink.write(line + chunk[: size // 2])
                await sink.drain()
                raise Cut
            self._count(size, going)
            sink.write(line + chunk)
            await sink.drain()
            if size == 0:
                return

    async def _rest(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Carry an answer that ends with its connection."""
        while chunk := await source.read(CHUNK):
            self._count(len(chunk), "down")
            sink.write(chunk)
            await sink.drain()


async def _answer(writer: asyncio.StreamWriter, status: int, code: str) -> None:
    """Refuse a request."""
    body = f"<Error><Code>{code}</Code><Message>later</Message></Error>".encode()
    lines = (
        f"HTTP/1.1 {status} {code}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(["Retry-After: 1"] if status >= 429 else []),
    )
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()


def _is_measured(head: bytes) -> bool:
    """Whether an answer says where it ends."""
    return b"\r\ncontent-length:" in head.lower() or b"\r\ntransfer-encoding: chunked" in head.lower()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@contextlib.contextmanager
def disturbing(*urls: str) -> Iterator[FaultProxy]:
    """A proxy to the web servers at `urls`, without faults at first."""
    with standing(FaultProxy(targets(urls))) as proxy:
        yield proxy
