"""Parent directories below a root, opened without following any symbolic link. Reads and writes the disk."""

from __future__ import annotations

import errno
import os
import stat as modes
from contextlib import suppress

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Directories:
    """Resolves the parents of relative names from an open root; remembers the last one.

    New directories get `mode` exactly, or 0777 minus the umask.
    """

    def __init__(self, root: bytes, mode: int | None = None) -> None:
        self.root = os.open(root or b".", _OPEN)
        self._mode = mode
        self._last: tuple[bytes, int] | None = None

    def __enter__(self) -> Directories:
        return self

    def __exit__(self, *unused: object) -> None:
        self._forget()
        os.close(self.root)

    def parent(self, name: bytes, *, create: bool) -> tuple[int, bytes]:
        """Return the open parent of `name` and the last part; missing parents are made when `create`.

        Raises `OSError`: EINVAL for "..", an empty part or a leading "/"; ELOOP for a symbolic link.
        """
        parts = name.split(b"/")
        if any(part in (b"", b".", b"..") for part in parts):
            raise OSError(errno.EINVAL, "not a plain relative path", name)
        path = b"/".join(parts[:-1])
        if not path:
            return self.root, name
        if self._last is None or self._last[0] != path:
            self._forget()
            self._last = path, self._open(parts[:-1], create)
        return self._last[1], parts[-1]

    def _open(self, parts: list[bytes], create: bool) -> int:
        current = os.dup(self.root)
        for part in parts:
            try:
                if create:
                    self._make(current, part)
                below = _open_one(current, part)
            finally:
                os.close(current)
            current = below
        return current

    def _make(self, parent: int, name: bytes) -> None:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
            if self._mode is not None:
                os.chmod(name, self._mode, dir_fd=parent)

    def _forget(self) -> None:
        if self._last is not None:
            os.close(self._last[1])
            self._last = None


def _open_one(parent: int, name: bytes) -> int:
    try:
        return os.open(name, _OPEN | os.O_NOFOLLOW, dir_fd=parent)
    except NotADirectoryError:
        if modes.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        raise
