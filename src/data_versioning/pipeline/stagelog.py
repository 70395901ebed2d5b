"""The log of a stage's command: complete while it is small, else its beginning and its end."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from types import TracebackType
from typing import Self

HEAD = 8 << 20
"""Bytes of the beginning that are kept."""
TAIL = 1 << 20
"""Bytes of the end that are kept, at least."""


class StageLog:
    """A file that takes any amount of output in bounded space; the beginning is there as soon as it is written."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._in_tail = 0
        self._left_out = 0

    def __enter__(self) -> Self:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self._file = open(self.path, "wb", buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError), self._file:
            if self._left_out:
                self._file.write(f"\n… {self._left_out:,} bytes left out …\n".encode())
            self._file.writelines(self._tail)

    def write(self, data: bytes) -> None:
        """Take more output; where the disk has no room for it, it goes on without."""
        room = HEAD - self._written
        if room > 0:
            with contextlib.suppress(OSError):
                self._file.write(data[:room])
            self._written += len(data[:room])
            data = data[room:]
        if data:
            self._tail.append(data)
            self._in_tail += len(data)
            while self._in_tail - len(self._tail[0]) >= TAIL:
                gone = len(self._tail.popleft())
                self._in_tail -= gone
                self._left_out += gone


def last_lines(path: str, count: int) -> list[str]:
    """Return the last lines of a log; none when there is no log."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - (1 << 14)))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return lines[-count:]
