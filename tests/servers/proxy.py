"""A line that fails: what proxies on loopback have in common that disturb by chance what passes, and count it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

P = TypeVar("P", bound="Proxy")

CHUNK = 64 << 10
STALL = 0.4  # seconds


class Fault(StrEnum):
    """What happens to one request, or to the bytes of a connection."""

    RESET = "reset"  # in the middle of the request
    SLOW_DOWN = "503"
    TOO_MANY = "429"
    BROKEN = "500"
    TRUNCATE = "truncate"  # of the answer
    STALL = "stall"
    CORRUPT = "corrupt"  # one byte of the content, on the way back
    CORRUPT_UP = "corrupt up"  # one byte of the content, on the way there


class Cut(Exception):
    """The connection breaks now."""


class Ended(Exception):
    """The connection ends now, in an orderly way."""


@dataclass(slots=True)
class Proxy:
    """What it does may be changed at any time; `up` and `down` are the bytes of content that passed.

    It stands before each of `targets`, at the port of the same place in `ports`. `renamed` is what stands for what in
    all that a server says about where things are: clients are to meet a proxy there, too. When `cut_after` bytes
    have gone up, every connection is reset until it is set to None.
    """

    targets: tuple[tuple[str, int], ...]
    ports: list[int] = field(default_factory=list)
    renamed: Mapping[bytes, bytes] = field(default_factory=dict)
    chance: float = 0.0
    faults: tuple[Fault, ...] = tuple(Fault)
    cut_after: int | None = None
    disturbed: Counter[Fault] = field(default_factory=Counter)
    up: int = 0
    down: int = 0
    _chances: random.Random = field(default_factory=lambda: random.Random(1))
    # The loop itself keeps no task alive.
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def disturb(self, chance: float, *, seed: int = 1) -> None:
        """Disturb so much from now on; equal seeds choose equally."""
        self.chance = chance
        self._chances.seed(seed)

    def calm(self) -> None:
        """Disturb nothing any more, and count from nought."""
        self.chance, self.cut_after = 0.0, None
        self.forget()

    def forget(self) -> None:
        """Count from nought."""
        self.disturbed.clear()
        self.up = self.down = 0

    async def serve(
        self, target: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            upstream, sink = await asyncio.open_connection(*target)
        except OSError:
            writer.close()
            return
        try:
            await self._carry(reader, writer, upstream, sink)
        except Ended:
            pass
        except (Cut, OSError, asyncio.IncompleteReadError):
            _reset(writer)
        finally:
            writer.close()
            sink.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
    ) -> None:
        """Carry what both sides say, until one has said all."""
        raise NotImplementedError

    def _told(self, text: bytes) -> bytes:
        """Return what a server says, with the addresses of proxies."""
        for theirs, ours in self.renamed.items():
            text = text.replace(theirs, ours)
        return text

    def _count(self, size: int, going: str) -> None:
        if going == "down":
            self.down += size
            return
        self.up += size
        if self.cut_after is not None and self.up > self.cut_after:
            raise Cut


def spoilt_at(chunk: bytes, at: int) -> bytes:
    return chunk[:at] + bytes([chunk[at] ^ 1]) + chunk[at + 1 :]


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees it broken, not finished."""
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is not None:
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _end(servers: list[asyncio.Server]) -> None:
    for server in servers:
        server.close()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=1)


def targets(urls: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((parts.hostname or "", parts.port or 0) for parts in map(urlsplit, urls))


@contextlib.contextmanager
def standing(proxy: P) -> Iterator[P]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start(target: tuple[str, int]) -> asyncio.Server:
        serve = partial(proxy.serve, target)
        return await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20, backlog=512)

    servers = [asyncio.run_coroutine_threadsafe(start(target), loop).result(10) for target in proxy.targets]
    proxy.ports += [server.sockets[0].getsockname()[1] for server in servers]
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(servers), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
