"""Files that share blocks until one of them changes. Writes the disk."""

from __future__ import annotations

import errno
import fcntl
import os
import sys

# _IOW(0x94, 9, int) of linux/fs.h
_FICLONE = 0x40049409


def clone(source: int, target: int) -> None:
    """Make the open file `target` share the blocks of the open file `source`.

    Raises `OSError` where the system or the file system cannot.
    """
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    fcntl.ioctl(target, _FICLONE, source)
