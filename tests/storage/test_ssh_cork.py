from __future__ import annotations

import asyncio

from data_versioning.storage.ssh_cork import _CorkedTransport


class Socket(asyncio.Transport):
    """Keeps what it is given to send at once."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True


def test_what_is_written_in_one_turn_is_sent_at_once() -> None:
    async def talk() -> list[bytes]:
        socket = Socket()
        corked = _CorkedTransport(socket)
        corked.write(b"a")
        corked.write(bytearray(b"b"))
        assert socket.sent == []
        await asyncio.sleep(0)
        corked.write(b"c")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return socket.sent

    assert asyncio.run(talk()) == [b"ab", b"c"]


def test_the_last_words_are_sent_before_the_end() -> None:
    async def leave() -> Socket:
        socket = Socket()
        corked = _CorkedTransport(socket)
        corked.write(b"bye")
        corked.close()
        await asyncio.sleep(0)
        return socket

    socket = asyncio.run(leave())
    assert socket.sent == [b"bye"] and socket.is_closed
