"""`.dvc/tmp/rwlock`: which paths the commands of running processes read and write, shared with `dvc repro`.

A JSON object {"write": {PATH: {"pid", "cmd"}}, "read": {PATH: [{"pid", "cmd"}, …]}}, edited under the lock
`rwlock.lock`. Paths that are equal or nested collide unless both sides only read. Entries of processes that
do not exist on this machine any more are dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypedDict

from data_versioning.errors import FormatError, LockTimeout
from data_versioning.localfs import atomic, locks, regular
from data_versioning.paths import is_inside

_FILE = "rwlock"
_GUARD = "rwlock.lock"
_GUARD_TIMEOUT = 10.0  # it is held for the time of one small write


class Owner(TypedDict):
    """Who holds a path."""

    pid: int
    cmd: str


@dataclass(slots=True)
class _Table:
    write: dict[str, Owner] = field(default_factory=dict)
    read: dict[str, list[Owner]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str) -> Self:
        try:
            values = json.loads(regular.read(path).decode("utf-8", "surrogateescape"))
            return cls(
                write={str(key): _owner(value) for key, value in values.get("write", {}).items()},
                read={
                    str(key): [_owner(one) for one in value] for key, value in values.get("read", {}).items()
                },
            )
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
            raise FormatError(
                "cannot be understood", file=path, hint=f"when no dvc or dv command runs: rm {path}"
            ) from error

    def save(self, path: str) -> None:
        temporary = atomic.temporary_name(os.path.dirname(path))
        with open(temporary, "x", encoding="utf-8", errors="surrogateescape") as file:
            json.dump({"write": self.write, "read": self.read}, file)
        os.replace(temporary, path)

    def drop_dead(self) -> None:
        alive: dict[int, bool] = {}

        def lives(owner: Owner) -> bool:
            return alive.setdefault(owner["pid"], locks.is_alive(owner["pid"]))

        self.write = {path: owner for path, owner in self.write.items() if lives(owner)}
        kept = {path: [owner for owner in owners if lives(owner)] for path, owners in self.read.items()}
        self.read = {path: owners for path, owners in kept.items() if owners}

    def blocker(self, me: Owner, read: Sequence[str], write: Sequence[str]) -> tuple[str, Owner] | None:
        """Return a path we want and who is in the way."""
        writers = [(path, owner) for path, owner in self.write.items() if owner != me]
        readers = [(path, owner) for path, owners in self.read.items() for owner in owners if owner != me]
        for wanted, others in ((read, writers), (write, writers + readers)):
            for mine in wanted:
                for path, owner in others:
                    if _overlap(mine, path):
                        return mine, owner
        return None

    def enter(self, me: Owner, read: Sequence[str], write: Sequence[str]) -> tuple[list[str], list[str]]:
        """Register; return what was not registered before."""
        new_reads = [path for path in dict.fromkeys(read) if me not in self.read.get(path, [])]
        new_writes = [path for path in dict.fromkeys(write) if path not in self.write]
        for path in new_reads:
            self.read.setdefault(path, []).append(me)
        self.write.update(dict.fromkeys(new_writes, me))
        return new_reads, new_writes

    def leave(self, me: Owner, read: Sequence[str], write: Sequence[str]) -> None:
        for path in write:
            if self.write.get(path) == me:
                del self.write[path]
        for path in read:
            remaining = [owner for owner in self.read.pop(path, []) if owner != me]
            if remaining:
                self.read[path] = remaining


class Claim:
    """Absolute paths that `command` is to read and write; `directory` is `.dvc/tmp`.

    For one who has other things to do while somebody is in the way; all others `hold`.
    """

    def __init__(
        self,
        directory: str,
        *,
        command: str,
        read: Sequence[str] = (),
        write: Sequence[str] = (),
        timeout: float,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self.patience = locks.Patience(timeout, waiting)
        self._directory = directory
        self._me = Owner(pid=os.getpid(), cmd=command)
        self._wanted = (read, write)
        self._timeout = timeout
        self._entered: tuple[list[str], list[str]] = ([], [])

    def attempt(self) -> bool:
        """Register the paths; False when another command is in the way.

        Raises `LockTimeout` when that is so for longer than `timeout` seconds after this object was made.
        """
        found = _enter(self._directory, self._me, *self._wanted)
        if not isinstance(found, str):
            self._entered = found
            return True
        if self.patience.lasts(partial(str, found)):
            return False
        raise LockTimeout(
            f"{found}; gave up after {self._timeout:g} s, nothing was changed",
            hint="wait until that command ends, or end it; then run this command again",
        )

    def release(self) -> None:
        """Give free what was registered."""
        if any(self._entered):
            with _editing(self._directory) as table:
                table.leave(self._me, *self._entered)
            self._entered = ([], [])


@contextmanager
def hold(
    directory: str,
    *,
    command: str,
    read: Sequence[str] = (),
    write: Sequence[str] = (),
    timeout: float,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Register paths as a `Claim` does, and wait for that; raises `LockTimeout`."""
    claim = Claim(directory, command=command, read=read, write=write, timeout=timeout, waiting=waiting)
    while not claim.attempt():
        claim.patience.rest()
    try:
        yield
    finally:
        claim.release()


def entries(directory: str) -> list[tuple[str, str, Owner]]:
    """Return the paths that are in use: path, "read" or "write", and by whom; those of dead processes left out.

    Raises `FormatError` when the file cannot be understood.
    """
    table = _Table.load(os.path.join(directory, _FILE))
    table.drop_dead()
    written = [(path, "write", owner) for path, owner in table.write.items()]
    return written + [(path, "read", owner) for path, owners in table.read.items() for owner in owners]


def _enter(
    directory: str, me: Owner, read: Sequence[str], write: Sequence[str]
) -> tuple[list[str], list[str]] | str:
    """Return what was registered, or who is in the way."""
    with _editing(directory) as table:
        blocked = table.blocker(me, read, write)
        if blocked is None:
            return table.enter(me, read, write)
    path, owner = blocked
    return f"{path} is used by `{owner['cmd']}` in {locks.describe(owner['pid'])}"


@contextmanager
def _editing(directory: str) -> Iterator[_Table]:
    path = os.path.join(directory, _FILE)
    with locks.exclusive(os.path.join(directory, _GUARD), timeout=_GUARD_TIMEOUT):
        table = _Table.load(path)
        table.drop_dead()
        yield table
        table.save(path)


def _owner(value: object) -> Owner:
    match value:
        case {"pid": int(pid), "cmd": str(cmd)}:
            return Owner(pid=pid, cmd=cmd)
    raise ValueError("no process id and command")


def _overlap(left: str, right: str) -> bool:
    left, right = left.rstrip("/"), right.rstrip("/")
    return is_inside(left, right) or is_inside(right, left)
