"""Files that are replaced as a whole or not at all. Writes the disk."""

from __future__ import annotations

import os
import stat as modes
from contextlib import suppress


def write(path: str, data: bytes, *, durable: bool = True) -> None:
    """Make `data` the content of `path` in one step, also when the machine stops meanwhile.

    An existing file keeps its mode, a new one gets 0666 minus the umask. Where `path` is a symbolic link, the
    file it points to is replaced. `durable=False` leaves out the syncs: safe against `kill -9` only.
    """
    replace(os.path.realpath(path), data, durable=durable)


def replace(path: str, data: bytes, *, durable: bool = True) -> None:
    """As `write`, but a link is replaced itself: for names that nobody else has a reason to link."""
    directory, name = os.path.split(path)
    temporary = temporary_name(directory)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            _keep_mode(path, descriptor)
            _write_all(descriptor, data)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, os.path.join(directory, name))
    except BaseException:
        remove(temporary)
        raise
    if durable:
        _sync_directory(directory)


def temporary_name(directory: str) -> str:
    """Return a path in `directory` that nobody uses: `.TOKEN.tmp`, as DVC names unfinished files."""
    return os.path.join(directory, f".{os.urandom(11).hex()}.tmp")


def remove(path: str) -> None:
    """Remove a file or link; fine when there is none."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def make_directory(path: str, mode: int | None = None) -> None:
    """Make the directory and its missing parents; the new ones get `mode` exactly, else 0777 minus the umask.

    Raises `FileExistsError` when something else has that name.
    """
    try:
        _make_last(path, mode)
    except FileNotFoundError:
        parent = os.path.dirname(path.rstrip("/"))
        if not parent:
            raise
        make_directory(parent, mode)
        _make_last(path, mode)


def _make_last(path: str, mode: int | None) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    if mode is not None:
        os.chmod(path, mode)


def _keep_mode(path: str, descriptor: int) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if modes.S_ISREG(found.st_mode):
        os.fchmod(descriptor, modes.S_IMODE(found.st_mode))


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_directory(path: str) -> None:
    descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
