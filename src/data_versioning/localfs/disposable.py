"""Values kept between commands to save time; deleting them costs nothing else.

What lies in a repository may come from a stranger, and `marshal` must not read a stranger's bytes. So every file
begins with the identity (inode and change time) of an empty file `key` beside it, made by us: a change time cannot be
committed to Git, nor set by anybody, so only what this checkout wrote itself is ever unpacked. A checksum follows,
because a machine that stops may leave anything.

Where a stranger may have put a link, a pipe or a device instead of such a file, it is not followed, waited for or
written through.
"""

from __future__ import annotations

import contextlib
import errno
import marshal
import os
import stat as modes
import struct
import zlib
from typing import Any

_KEY = struct.Struct("<QQ")
_CHECKSUM = struct.Struct("<I")
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_FORMAT = 4  # of marshal: every Python that we run on reads it


def load(path: str) -> Any:
    """Return the kept value; None when there is none, or when it is damaged or not ours."""
    try:
        key = _key(os.path.dirname(path))
        with open(os.open(path, _READ), "rb") as file:
            if file.read(_KEY.size) != key:
                return None
            checksum = file.read(_CHECKSUM.size)
            packed = file.read()
    except OSError:
        return None
    if checksum != _CHECKSUM.pack(zlib.crc32(packed)):
        return None
    try:
        return marshal.loads(packed)  # noqa: S302 (ours: see above)
    except (ValueError, EOFError, TypeError, MemoryError):
        return None


def keep(path: str, value: Any, *, mode: int = 0o666) -> None:
    """Keep a value made of plain tuples, lists, mappings, text, bytes and numbers, replacing the old one whole.

    `mode`, less the umask, says who may read it. Raises `OSError`.
    """
    directory = os.path.dirname(path)
    try:
        key = _key(directory)
    except FileNotFoundError:
        os.makedirs(directory, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.close(os.open(f"{directory}/key", _CREATE, 0o666))
        key = _key(directory)
    packed = marshal.dumps(value, _FORMAT)
    temporary = f"{path}.{os.getpid()}.tmp"
    # Left by a process of the same number that was killed, or laid out as a trap: never written through.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        with open(os.open(temporary, _CREATE, mode), "wb") as file:
            file.write(key)
            file.write(_CHECKSUM.pack(zlib.crc32(packed)))
            file.write(packed)
        os.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def can_keep(value: Any) -> bool:
    """Whether `value` is made of what `keep` takes: dates, for example, are not."""
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def _key(directory: str) -> bytes:
    """Return what `key` is now; `OSError` without one, or with a link: a stranger may know what it leads to."""
    found = os.lstat(f"{directory}/key")
    if not modes.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", f"{directory}/key")
    return _KEY.pack(found.st_ino, found.st_ctime_ns)
