"""A server of any protocol behind a line that fails: connections are disturbed by chance, and their bytes counted."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

from tests.servers.proxy import CHUNK, STALL, Cut, Ended, Fault, Proxy, spoilt_at, standing, targets

_LENGTH = 1 << 19


@dataclass(slots=True)
class TcpProxy(Proxy):
    """For any protocol: `chance` is that of every half MiB to be disturbed, in each direction of each connection.

    A status is no fault of such a line.
    """

    faults: tuple[Fault, ...] = (Fault.RESET, Fault.TRUNCATE, Fault.STALL)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
    ) -> None:
        both = [
            asyncio.create_task(self._pump(reader, sink, going="up")),
            asyncio.create_task(self._pump(upstream, writer, going="down")),
        ]
        try:
            await asyncio.gather(*both)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, going: str) -> None:
        left = self._distance()
        while chunk := await source.read(CHUNK):
            if going == "down":
                chunk = self._told(chunk)
            left -= len(chunk)
            if left < 0:
                chunk = await self._disturbed(chunk, sink)
                left = self._distance()
            self._count(len(chunk), going)
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()

    def _distance(self) -> float:
        """Return how many bytes pass before the next fault."""
        return self._chances.expovariate(self.chance / _LENGTH) if self.chance else math.inf

    async def _disturbed(self, chunk: bytes, sink: asyncio.StreamWriter) -> bytes:
        fault = self._chances.choice(self.faults)
        self.disturbed[fault] += 1
        match fault:
            case Fault.RESET:
                raise Cut
            case Fault.TRUNCATE:
                sink.write(chunk[: len(chunk) // 2])
                await sink.drain()
                raise Ended
            case Fault.STALL:
                await asyncio.sleep(STALL)
                return chunk
        return spoilt_at(chunk, self._chances.randrange(len(chunk)))


@contextlib.contextmanager
def disturbing(*urls: str) -> Iterator[TcpProxy]:
    """A proxy to any servers at `urls`, without faults at first."""
    with standing(TcpProxy(targets(urls))) as proxy:
        yield proxy
