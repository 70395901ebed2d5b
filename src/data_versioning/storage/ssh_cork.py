"""An SSH connection that sends what is written in one turn of the event loop at once.

asyncssh hands over two packets for each request, and a system call for each of them would cost more than the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import asyncssh


class Corked:
    """Connects for `asyncssh.connect(tunnel=...)`, to the same address as that would connect to by itself."""

    def __init__(self, options: asyncssh.SSHClientConnectionOptions) -> None:
        self._options = options

    async def create_connection(
        self, protocol: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """Return the connection and the protocol that uses it; `OSError` when nobody answers."""
        used = protocol()
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: _Beginning(used),
            host,
            port,
            family=self._options.family,
            local_addr=self._options.local_addr,
        )
        return transport, used


class _Beginning(asyncio.Protocol):
    """Stands in for a protocol until there is a connection."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        socket = cast(asyncio.Transport, transport)
        socket.set_protocol(self._protocol)
        self._protocol.connection_made(_CorkedTransport(socket))


class _CorkedTransport(asyncio.Transport):
    def __init__(self, socket: asyncio.Transport) -> None:
        super().__init__()
        self._socket = socket
        self._waiting: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting.append(bytes(data))

    def _send(self) -> None:
        if self._waiting:
            self._socket.write(b"".join(self._waiting))
            self._waiting.clear()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._socket.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._socket.is_closing()

    def close(self) -> None:
        self._send()
        self._socket.close()

    def abort(self) -> None:
        self._socket.abort()
