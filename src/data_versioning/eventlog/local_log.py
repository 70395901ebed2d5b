"""A chain of events in one file of the local disk, for any number of processes that append.

`append` returns when the event is on disk. A crash can leave an incomplete line at the end: the next append
or read moves it to a file of its own and appends an event that says so. Damage anywhere else is reported by
`verify` and never repaired.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from data_versioning.errors import DataVersioningError, DiskError, FormatError
from data_versioning.eventlog import chain
from data_versioning.eventlog.chain import Event, Flaw
from data_versioning.localfs import locks

REPAIR = "repair"  # `verb` of the event that reports a torn line
FILE = "events.jsonl"
_LOCK = "lock"
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_TAIL = 8192  # bytes looked at first to find the last line
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log in `directory`, made with the first event. `repaired` hears of every torn line set aside."""

    directory: str
    repaired: Callable[[Event], None] | None = None

    def append(self, record: Mapping[str, object]) -> Event:
        """Add one event at the end: one write, synced. Raises `DiskError` and leaves the log as it was."""
        with self._open_for_writing() as file:
            return _append(file, record, self._mended(file))

    def last(self) -> Event | None:
        """Return the newest event, reading only the end of the file."""
        with self._open_whole() as file:
            return _last(file, os.fstat(file).st_size)[0] if file is not None else None

    def read(self) -> Iterator[Event]:
        """Return all events in order. Raises `FormatError` at a damaged line; hashes are not checked."""
        for number, line in enumerate(self._lines(), 1):
            try:
                yield chain.parse(line)
            except FormatError as error:
                raise FormatError(
                    "the line is damaged",
                    file=self._path(),
                    line=number,
                    hint=f"sed -n {number}p {self._path()}   (keep the file: the other events are intact)",
                ) from error

    def verify(self) -> list[Flaw]:
        """Return every place where the log was damaged or changed; empty when it is whole."""
        return list(chain.verify(self._lines()))

    def _path(self) -> str:
        return os.path.join(self.directory, FILE)

    def _lines(self) -> Iterator[bytes]:
        with self._open_whole() as descriptor:
            if descriptor is None:
                return
            with open(descriptor, "rb", closefd=False) as file:
                yield from (line for line in file if line.endswith(b"\n"))

    @contextmanager
    def _open_whole(self) -> Iterator[int | None]:
        """Open for reading after setting a torn end aside; None when there is no log yet.

        Where we may not write, the torn end stays and is not shown.
        """
        try:
            descriptor = os.open(self._path(), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            yield None
            return
        try:
            if not _ends_whole(descriptor):
                with suppress(DiskError), self._open_for_writing() as file:
                    self._mended(file)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _open_for_writing(self) -> Iterator[int]:
        with locks.exclusive(os.path.join(self.directory, _LOCK), timeout=_TIMEOUT):
            try:
                new = not os.path.exists(self._path())
                file = os.open(self._path(), _APPEND, 0o666)
                try:
                    if new:
                        _sync_directory(self.directory)
                        _sync_directory(os.path.dirname(self.directory))
                    yield file
                finally:
                    os.close(file)
            except OSError as error:
                raise DiskError(
                    f"cannot write the log {self._path()}: {error.strerror}",
                    hint=f"make room for, and be allowed to write to, {self.directory}",
                ) from error

    def _mended(self, file: int) -> Event | None:
        """Return the last event, after moving what a crash left behind it to a file and reporting that.

        Every step may be interrupted: until the report is written, the side file of its number asks for it.
        """
        size = os.fstat(file).st_size
        last, end = _last(file, size)
        side = os.path.join(self.directory, f"torn-{last.seq + 1 if last else 1:08d}")
        if end < size:
            _set_aside(side, os.pread(file, size - end, end))
            _sync_directory(self.directory)
            os.ftruncate(file, end)
        if not os.path.exists(side):
            return last
        with open(side, "rb") as saved:
            torn = saved.read()
        report = {
            "verb": REPAIR,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "file": os.path.basename(side),
            "bytes": len(torn),
            "sha256": hashlib.sha256(torn).hexdigest(),
        }
        event = _append(file, report, last)
        if self.repaired:
            self.repaired(event)
        return event


def _append(file: int, record: Mapping[str, object], last: Event | None) -> Event:
    event, line = chain.seal(record, after=last)
    size = os.fstat(file).st_size
    try:
        if os.write(file, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise
    return event


def _last(file: int, end: int) -> tuple[Event | None, int]:
    """Return the last readable event before `end` and where its line ends."""
    while end > 0:
        line, end = _last_line(file, end)
        if line.endswith(b"\n"):
            with suppress(DataVersioningError):
                return chain.parse(line), end + len(line)
    return None, 0


def _last_line(file: int, end: int) -> tuple[bytes, int]:
    """Return what follows the last but one newline before `end`, and where it starts."""
    window = _TAIL
    while True:
        start = max(0, end - window)
        text = os.pread(file, end - start, start)
        cut = text.rfind(b"\n", 0, len(text) - 1)
        if cut >= 0 or start == 0:
            return text[cut + 1 :], start + cut + 1
        window *= 4


def _ends_whole(file: int) -> bool:
    size = os.fstat(file).st_size
    return _last(file, size)[1] == size


def _set_aside(path: str, torn: bytes) -> None:
    with open(path, "ab+") as file:
        file.seek(0)
        if not file.read().endswith(torn):
            file.write(torn)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
