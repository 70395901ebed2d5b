"""What a run of a pipeline leaves behind when it is killed, and how the next one puts that in order.

Each run has a directory with a lock that it and its commands hold as long as one of them lives. In it lie the
outputs that were moved out of a command's way, and a journal of the stages that finished. Once the lock is free and
the directory is still there, the run was killed: outputs of stages that did not finish are put back, and what
finished is told to the caller.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from data_versioning.errors import Conflict, DiskError
from data_versioning.localfs import atomic, locks

_RUNS = "repro"
_FAILED = "failed"
_LOCK = "lock"
_JOURNAL = "journal"
_MOVED = "moved"
_UNSAFE = re.compile(r"[^\w@.-]+")
_LONGEST = 190  # bytes of a name
_ENDING = 2.0  # seconds that a killed command gets to be gone


class Finished(NamedTuple):
    """A stage that finished: its lock file, its name, and its entry there as text."""

    file: str
    name: str
    entry: str


class Session:
    """The directory of one run; `lock` is the descriptor that its commands inherit."""

    def __init__(self, directory: str, failed: str, lock: int) -> None:
        self.lock = lock
        self._directory = directory
        self._failed = failed

    @classmethod
    def begin(cls, temp_dir: str) -> Self:
        """Make the directory of a new run below `temp_dir`."""
        while True:
            directory = f"{temp_dir}/{_RUNS}/{os.urandom(8).hex()}"
            atomic.make_directory(directory)
            # Until it is locked, another run may take it for one that was killed.
            if (lock := _try_lock(directory)) is not None:
                os.write(lock, b"%d\n" % os.getpid())
                return cls(directory, f"{temp_dir}/{_FAILED}", lock)

    def move_aside(self, stage: str, paths: Sequence[str]) -> None:
        """Take what is at absolute `paths` out of the way of the stage's command; `put_back` and `discard` end that.

        Raises `DiskError` with everything where it was.
        """
        place = self._place(stage)
        os.makedirs(place)
        pairs = [
            (path, _aside(place, number, path)) for number, path in enumerate(paths) if os.path.lexists(path)
        ]
        # Before anything moves it stands where it goes to; what is not there has no place to come back from.
        pairs += [(path, "") for path in paths if not os.path.lexists(path)]
        atomic.write(f"{place}/{_MOVED}", json.dumps([stage, pairs]).encode(), durable=False)
        try:
            for path, aside in pairs:
                if aside:
                    os.rename(path, aside)
        except OSError as error:
            _put_back(place, self._kept(stage))
            raise DiskError(f"cannot move '{path}' out of the way: {error.strerror}") from error

    def put_back(self, stage: str) -> str | None:
        """Bring back what was moved for a stage that failed.

        Returns the directory that what its command made was moved to, if it made anything.
        """
        return _put_back(self._place(stage), self._kept(stage))

    def discard(self, stage: str) -> None:
        """Remove what was moved for a stage that finished."""
        _discard(self._place(stage))

    def finished(self, stage: str, done: Finished) -> None:
        """Write to the journal that a stage finished: from now on its outputs stay."""
        with open(f"{self._directory}/{_JOURNAL}", "ab", buffering=0) as file:
            # A line of its own even after one that a full disk cut off.
            file.write(f"\n{json.dumps([stage, *done])}\n".encode())

    def end(self) -> None:
        """Remove the directory: what the journal tells stands in the lock files."""
        try:
            _settle(self._directory, self._failed)
        finally:
            os.close(self.lock)

    def leave(self) -> None:
        """Leave everything to the next run: what the journal tells could not be recorded."""
        os.close(self.lock)

    def _place(self, stage: str) -> str:
        return f"{self._directory}/{_token(stage)}"

    def _kept(self, stage: str) -> str:
        return f"{self._failed}/{safe_name(stage)}"


def recover(temp_dir: str) -> Iterator[tuple[list[Finished], int]]:
    """Put in order what killed runs left; yield for each what it finished, and when (the journal's time, in ns).

    What was yielded is forgotten when the next one is asked for: until then it has to be recorded. Raises `Conflict`
    while a command of such a run still works.
    """
    for directory in _directories(f"{temp_dir}/{_RUNS}"):
        if (lock := _lock_of_killed(directory)) is None:
            continue
        try:
            if done := [one for _, one in _read_journal(directory)]:
                yield done, os.stat(f"{directory}/{_JOURNAL}").st_mtime_ns
            _settle(directory, f"{temp_dir}/{_FAILED}")
        finally:
            os.close(lock)


def is_under_way(temp_dir: str) -> bool:
    """Whether a run works, by itself or through a command that outlived it."""
    for directory in _directories(f"{temp_dir}/{_RUNS}"):
        if (lock := _try_lock(directory)) is None:
            return True
        os.close(lock)
    return False


def safe_name(stage: str) -> str:
    """Return a file name for a stage, of its own for each.

    >>> safe_name("dvc.yaml:train@en"), safe_name("sub/dvc.yaml:train@en")
    ('dvc.yaml_train@en', 'sub_dvc.yaml_train@en-7eeac0')
    """
    name = _UNSAFE.sub("_", stage)
    short = name.encode()[:_LONGEST].decode(errors="ignore")
    if name == stage.replace(":", "_") == short:
        return name
    return f"{short}-{_token(stage)[:6]}"


def _settle(directory: str, failed: str) -> None:
    done = {_token(stage) for stage, _ in _read_journal(directory)}
    for token in os.listdir(directory):
        place = f"{directory}/{token}"
        if token in done:
            _discard(place)
        elif os.path.isdir(place):
            stage, _ = _moved(place)
            _put_back(place, f"{failed}/{safe_name(stage)}")
    shutil.rmtree(directory, ignore_errors=True)


def _directories(parent: str) -> list[str]:
    try:
        return sorted(f"{parent}/{name}" for name in os.listdir(parent))
    except FileNotFoundError:
        return []


def _open_lock(directory: str) -> int:
    lock = os.open(f"{directory}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _is_there(lock: int, directory: str) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), os.stat(f"{directory}/{_LOCK}"))
    except FileNotFoundError:
        return False


def _try_lock(directory: str) -> int | None:
    """Return the lock of a run, if nobody holds it and the run is there still."""
    try:
        lock = _open_lock(directory)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT, errno.ENOTDIR):
            return None
        raise
    if _is_there(lock, directory):
        return lock
    os.close(lock)
    return None


def _lock_of_killed(directory: str) -> int | None:
    """Return the lock of a run that was killed; None for one that works, or that is put in order already.

    A command that is just ending is waited for, and so is another process that puts the run in order. Raises
    `Conflict` while a command of the run still works.
    """
    patience = locks.Patience(_ENDING, None)
    while (lock := _try_lock(directory)) is None and _is_orphaned(directory):
        if not patience.pause(str):
            who = " and ".join(locks.current_holders(f"{directory}/{_LOCK}")) or "a command"
            raise Conflict(
                f"an earlier run of the pipeline was killed, but its command still works: {who}; nothing was changed",
                hint="wait until it ends, or end it; then run this command again",
            )
    return lock


def _is_orphaned(directory: str) -> bool:
    """Whether the process whose run this is has ended."""
    try:
        with open(f"{directory}/{_LOCK}", "rb") as file:
            owner = int(file.read(32) or b"0")
    except (OSError, ValueError):
        return False
    return bool(owner) and not locks.is_alive(owner)


def _read_journal(directory: str) -> Iterator[tuple[str, Finished]]:
    """Yield the complete lines: a torn one is of a stage whose end nobody was told."""
    try:
        with open(f"{directory}/{_JOURNAL}", encoding="utf-8") as file:
            lines = file.readlines()
    except FileNotFoundError:
        return
    for line in filter(str.strip, lines):
        with contextlib.suppress(ValueError, TypeError):
            stage, *rest = json.loads(line)
            yield stage, Finished(*rest)


def _aside(place: str, number: int, path: str) -> str:
    """Return where `path` goes: beside itself if it lies on another file system."""
    if os.lstat(path).st_dev == os.stat(place).st_dev:
        return f"{place}/{number}"
    # Not named as unfinished writes are, which are swept away after a day.
    return f"{os.path.dirname(path)}/.{os.urandom(11).hex()}.aside"


def _put_back(place: str, kept: str) -> str | None:
    """Bring back what was moved; what stands in its place goes to the directory `kept`, which is then returned."""
    told = None
    for path, aside in _moved(place)[1]:
        if aside and not os.path.lexists(aside):
            continue  # it is back already, or was never moved
        if (obstacle := _obstacle(path)) is not None:
            told = kept
            _keep(obstacle, kept)
        if aside:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.rename(aside, path)
    shutil.rmtree(place, ignore_errors=True)
    return told


def _obstacle(path: str) -> str | None:
    """Return what stands at `path`, or above it where a directory has to be."""
    if os.path.lexists(path):
        return path
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return None if os.path.isdir(path) else path


def _keep(path: str, kept: str) -> None:
    target = f"{kept}/{os.path.basename(path)}"
    _remove(target)
    os.makedirs(kept, exist_ok=True)
    shutil.move(path, target)


def _discard(place: str) -> None:
    for _, aside in _moved(place)[1]:
        if aside:
            _remove(aside)
    shutil.rmtree(place, ignore_errors=True)


def _moved(place: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the stage that something was moved for, where that was, and where it is now ("": nothing was there)."""
    try:
        with open(f"{place}/{_MOVED}", encoding="utf-8") as file:
            stage, pairs = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "", []
    return str(stage), [(str(path), str(aside)) for path, aside in pairs]


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        atomic.remove(path)


def _token(stage: str) -> str:
    return hashlib.sha256(stage.encode("utf-8", "surrogateescape")).hexdigest()
