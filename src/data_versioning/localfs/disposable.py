"""Values kept between commands to save time; deleting them costs nothing else.

What lies in a repository may come from a stranger, and `marshal` must not read a stranger's bytes. So every file
begins with the identity (inode and change time) of an empty file `key` beside it, made by us: a change time cannot be
committed to Git, nor set by anybody, so only what this checkout wrote itself is ever unpacked. A checksum follows,
because a machine that stops may leave anything.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import struct
import zlib
from typing import Any

_KEY = struct.Struct("<QQ")
_CHECKSUM = struct.Struct("<I")


def load(path: str) -> Any:
    """Return the kept value; None when there is none, or when it is damaged or not ours."""
    try:
        with open(path, "rb") as file:
            content = file.read()
        if content[: _KEY.size] != _key(os.path.dirname(path)):
            return None
    except OSError:
        return None
    packed = memoryview(content)[_KEY.size + _CHECKSUM.size :]
    if content[_KEY.size : _KEY.size + _CHECKSUM.size] != _CHECKSUM.pack(zlib.crc32(packed)):
        return None
    return marshal.loads(packed)  # noqa: S302 (ours: see above)


def keep(path: str, value: Any) -> None:
    """Keep a value made of plain tuples, lists, mappings, text, bytes and numbers, replacing the old one whole.

    Raises `OSError`.
    """
    directory = os.path.dirname(path)
    try:
        key = _key(directory)
    except FileNotFoundError:
        os.makedirs(directory, exist_ok=True)
        os.close(os.open(f"{directory}/key", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        key = _key(directory)
    packed = marshal.dumps(value)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
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
    found = os.stat(f"{directory}/key")
    return _KEY.pack(found.st_ino, found.st_ctime_ns)
