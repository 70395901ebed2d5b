"""A local file that is being received: it gets its name only complete and verified. Writes the disk."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from data_versioning.localfs import atomic


class Partial:
    """The first `size` bytes of a file, under a temporary name; gone at the end unless `finish` was called.

    The end may come while another thread still writes: what it has left goes nowhere, its `write` raises `OSError`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._temporary = atomic.temporary_name(os.path.dirname(path))
        self._descriptor = -1
        self._is_finished = False
        self._in_use = threading.Lock()  # the descriptor: once closed, its number may be another file's

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._temporary, flags, 0o666)
        except FileNotFoundError:
            atomic.make_directory(os.path.dirname(self.path))
            self._descriptor = os.open(self._temporary, flags, 0o666)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._in_use:
            os.close(self._descriptor)
            self._descriptor = -1
        if not self._is_finished:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary)

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Add bytes at the end."""
        for piece in pieces:
            rest = memoryview(piece)
            self._md5.update(rest)
            self.size += len(rest)
            while rest:
                with self._in_use:
                    rest = rest[os.write(self._descriptor, rest) :]

    def digest(self) -> bytes:
        """Return the MD5 of what was written."""
        return self._md5.digest()

    def finish(self) -> None:
        """Give the file its name, replacing what has it."""
        os.rename(self._temporary, self.path)
        self._is_finished = True
