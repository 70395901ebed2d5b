"""Locks between processes: `flock` on a file that is never deleted.

This is the protocol of `.dvc/tmp/lock`: DVC (through zc.lockfile) takes the same lock exclusively, without
waiting, and leaves its process id in the file. The kernel drops a lock when its holder dies, so none is ever
stale. Not reentrant: a second lock on the same file in the same process waits like any other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from data_versioning.errors import ConfigError, DiskError, LockTimeout

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.1
_QUIET = 0.5  # seconds of waiting before anybody is told
_COMMAND_LENGTH = 120


@contextmanager
def exclusive(path: str, *, timeout: float, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock alone; our process id stands in the file afterwards, as DVC leaves it.

    Raises `LockTimeout` when others hold it for longer than `timeout` seconds (0: do not wait).
    """
    descriptor = _acquire(path, fcntl.LOCK_EX, timeout, waiting)
    try:
        with suppress(OSError):  # a full disk: the lock holds all the same
            # Not into a file that only has this name, behind a directory that is a link.
            if os.pread(descriptor, 64, 0).strip().isdigit() or not os.fstat(descriptor).st_size:
                os.ftruncate(descriptor, os.pwrite(descriptor, b" %d\n" % os.getpid(), 0))
        yield
    finally:
        os.close(descriptor)


@contextmanager
def shared(path: str, *, timeout: float, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock together with other sharers; the file's content is left alone.

    Raises `LockTimeout` when somebody holds it alone for longer than `timeout` seconds (0: do not wait).
    """
    descriptor = _acquire(path, fcntl.LOCK_SH, timeout, waiting)
    try:
        yield
    finally:
        os.close(descriptor)


def require_flock(*, hardlink_lock: bool) -> None:
    """Refuse a repository whose lock is another protocol (`core.hardlink_lock`).

    Its claim files know no shared mode, and mixed with `flock` neither side would see the other.
    """
    if hardlink_lock:
        raise ConfigError(
            "core.hardlink_lock is on: DVC then locks with claim files, which `dv` does not take part in",
            hint="dv config --local core.hardlink_lock false",
        )


def current_holders(path: str) -> list[str]:
    """Describe the processes that hold the lock now, without touching it; nobody where /proc does not tell."""
    return [describe(pid) for pid in _lock_owners(path)]


def holders(path: str) -> list[str]:
    """Describe the processes that hold the lock, as far as this system tells: "process 12 (dvc repro)".

    On Linux from /proc (sharers too; only processes we may look into); else from the file, which names the
    last process that held it alone.
    """
    return [describe(pid) for pid in _lock_owners(path) or _recorded_owner(path)]


def describe(pid: int) -> str:
    """Name a process for a human."""
    if pid == os.getpid():
        return f"this process ({pid})"
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = os.fsdecode(file.read()).replace("\0", " ").strip()
    except OSError:
        command = ""
    if len(command) > _COMMAND_LENGTH:
        command = command[: _COMMAND_LENGTH - 1] + "…"
    return f"process {pid} ({command})" if command else f"process {pid}"


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists on this machine."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # another user's
    return True


class Patience:
    """Pauses between attempts that grow to 0.1 s, one message after half a second, an end after `timeout`."""

    __slots__ = ("_deadline", "_pause", "_started", "_timeout", "_waiting")

    def __init__(self, timeout: float, waiting: Callable[[str], None] | None) -> None:
        self._started = time.monotonic()
        self._timeout = timeout
        self._deadline = self._started + timeout
        self._pause = _FIRST_PAUSE
        self._waiting = waiting

    def lasts(self, blocker: Callable[[], str]) -> bool:
        """Whether there shall be another attempt; `blocker` says what we wait for."""
        now = time.monotonic()
        if now >= self._deadline:
            return False
        if self._waiting and now - self._started >= _QUIET:
            limit = "" if self._timeout == float("inf") else f" for up to {self._timeout:g} s"
            self._waiting(f"waiting{limit}: {blocker()}")
            self._waiting = None
        return True

    def rest(self) -> None:
        """Sleep before the next attempt."""
        time.sleep(max(0.0, min(self._pause, self._deadline - time.monotonic())))
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)

    def pause(self, blocker: Callable[[], str]) -> bool:
        """Sleep before the next attempt; False when there shall be none."""
        if not self.lasts(blocker):
            return False
        self.rest()
        return True


def _acquire(path: str, kind: int, timeout: float, waiting: Callable[[str], None] | None) -> int:
    patience = Patience(timeout, waiting)
    while (descriptor := _attempt(path, kind)) is None:
        if not patience.pause(lambda: _blocked(path)):
            raise LockTimeout(
                f"{_blocked(path)}; gave up after {timeout:g} s, nothing was changed",
                hint="wait until that command ends, or end it; then run this command again",
            )
    return descriptor


def _attempt(path: str, kind: int) -> int | None:
    descriptor = _open(path)
    try:
        # A file deleted meanwhile may be locked by us alone and yet exclude nobody.
        if _try(descriptor, kind, path) and _is_still_there(descriptor, path):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW  # a link may lead to anything
    try:
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return os.open(path, flags, 0o666)
    except OSError as error:
        raise DiskError(
            f"cannot open the lock file {path}: {error.strerror}",
            hint=f"rm {path}   (it is a link)"
            if os.path.islink(path)
            else f"make {os.path.dirname(path)} writable for you",
        ) from error


def _try(descriptor: int, kind: int, path: str) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise DiskError(
            f"the file system does not lock {path}: {error.strerror}",
            hint="put the repository on a file system with flock (NFS: version 4, or local_lock=flock)",
        ) from error
    return True


def _is_still_there(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _blocked(path: str) -> str:
    found = holders(path)
    who = " and ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return f"{path} is held by {who or 'another process'}"


def _lock_owners(path: str) -> list[int]:
    try:
        wanted = os.stat(path)
        pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    except OSError:
        return []
    return [pid for pid in pids if _holds(pid, wanted)]


def _holds(pid: int, wanted: os.stat_result) -> bool:
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False  # ended meanwhile, or another user's
    return any(_is_lock(f"/proc/{pid}", number, wanted) for number in numbers)


def _is_lock(process: str, number: str, wanted: os.stat_result) -> bool:
    try:
        if not os.path.samestat(os.stat(f"{process}/fd/{number}"), wanted):
            return False
        with open(f"{process}/fdinfo/{number}") as file:
            return any(line.startswith("lock:") and "FLOCK" in line for line in file)
    except OSError:
        return False


def _recorded_owner(path: str) -> list[int]:
    try:
        with open(path, "rb") as file:
            pid = int(file.read(32))
    except (OSError, ValueError):
        return []
    return [pid] if is_alive(pid) else []
