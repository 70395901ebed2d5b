"""Small files that are read whole; a pipe, which would be waited for, or a device, which is endless, is refused."""

from __future__ import annotations

import errno
import os
import stat as modes
from typing import Final

MAX_SIZE: Final = 1 << 30
"""Bytes; a file that is nothing but a hole can claim any size."""

# Never blocks on a pipe, never becomes the controlling terminal.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def read(path: str) -> bytes:
    """Return the content of a file, also behind a link. Raises `OSError` for anything that is no regular file."""
    with open(os.open(path, _READ), "rb") as file:
        found = os.fstat(file.fileno())
        if modes.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not modes.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if found.st_size > MAX_SIZE:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return file.read()


def read_text(path: str) -> str:
    """Return the content of a UTF-8 file with "\\n" at line ends. Raises `OSError` or `UnicodeDecodeError`."""
    text = read(path).decode()
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
