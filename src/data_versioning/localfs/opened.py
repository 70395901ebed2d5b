"""One file at a time: a source that is open for reading, a temporary file that becomes a target.

Reads and writes the disk. Errors are plain `OSError`s with an errno, for a batch to collect.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat as modes
from collections.abc import Callable
from contextlib import suppress

from data_versioning.localfs import reflink
from data_versioning.localfs.walk import SYMLINK

_BLOCK = 1 << 20
# Never blocks on a fifo, never becomes the controlling terminal.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Changed(Exception):
    """The source changed while it was read."""


class Source:
    """A regular file that is open for reading; `stat` is from the opening, `flags` as in `walk`."""

    def __init__(self, root: int, name: bytes) -> None:
        self.root = root
        self.name = name
        self.flags = 0
        try:
            self.descriptor = _open(root, name, os.O_NOFOLLOW)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            self.descriptor = _open(root, name, 0)
            self.flags = SYMLINK
        self.stat = os.fstat(self.descriptor)
        if not modes.S_ISREG(self.stat.st_mode):
            os.close(self.descriptor)
            raise _error(errno.EISDIR if modes.S_ISDIR(self.stat.st_mode) else errno.EINVAL)

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *unused: object) -> None:
        os.close(self.descriptor)

    def read(self, sink: Callable[[bytes], object]) -> None:
        """Give all bytes to `sink`; raise `Changed` when they are not as many as the stat says."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        size = 0
        while block := os.read(self.descriptor, _BLOCK):
            sink(block)
            size += len(block)
        if size != self.stat.st_size:
            raise Changed

    def digest(self) -> bytes:
        """Return the MD5 of a file that nobody touched meanwhile; raise `Changed` otherwise."""
        md5 = hashlib.md5(usedforsecurity=False)
        self.read(md5.update)
        self.check()
        return md5.digest()

    def refresh(self) -> None:
        """Take the stat again after a link changed the ctime; raise `Changed` when the content did."""
        now = os.fstat(self.descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.stat.st_size, self.stat.st_mtime_ns):
            raise Changed
        self.stat = now

    def check(self) -> None:
        """Raise `Changed` when the file is not the one that was opened any more."""
        if _version(os.fstat(self.descriptor)) != _version(self.stat):
            raise Changed


class Temporary:
    """A name `.TOKEN.tmp` below an open directory, gone at the end unless it was renamed."""

    def __init__(self, directory: int, prefix: bytes = b"") -> None:
        self.directory = directory
        self.linked = False
        self.name = prefix + b".%s.tmp" % os.urandom(11).hex().encode()

    def __enter__(self) -> Temporary:
        return self

    def __exit__(self, *unused: object) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.name, dir_fd=self.directory)

    def copy(self, source: Source, mode: int | None) -> bytes:
        """Write the bytes of `source` and return their MD5; `mode` None is 0666 minus the umask."""
        md5 = hashlib.md5(usedforsecurity=False)
        descriptor = self._create(mode)

        def write(block: bytes) -> None:
            md5.update(block)
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

        try:
            source.read(write)
        finally:
            os.close(descriptor)
        return md5.digest()

    def clone(self, source: Source, mode: int | None) -> None:
        """Share the blocks of `source`; `OSError` where the disk cannot."""
        descriptor = self._create(mode)
        try:
            reflink.clone(source.descriptor, descriptor)
        finally:
            os.close(descriptor)

    def digest(self) -> bytes:
        """Return the MD5 of what was written."""
        descriptor = os.open(self.name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.directory)
        with open(descriptor, "rb") as file:
            return hashlib.file_digest(file, "md5").digest()

    def link(self, source: Source) -> None:
        """Become another name of `source`; raises `Changed` when its path is a different file by now."""
        os.link(source.name, self.name, src_dir_fd=source.root, dst_dir_fd=self.directory)
        if not os.path.samestat(os.stat(self.name, dir_fd=self.directory), source.stat):
            raise Changed
        self.linked = True

    def rename(self, directory: int, name: bytes, *, replace: bool) -> None:
        """Take the final name; EEXIST when it is taken and `replace` is not set."""
        if replace:
            os.rename(self.name, name, src_dir_fd=self.directory, dst_dir_fd=directory)
        else:
            os.link(self.name, name, src_dir_fd=self.directory, dst_dir_fd=directory, follow_symlinks=False)

    def _create(self, mode: int | None) -> int:
        with suppress(FileNotFoundError):
            os.unlink(self.name, dir_fd=self.directory)
        descriptor = os.open(self.name, _CREATE, 0o666 if mode is None else mode, dir_fd=self.directory)
        if mode is not None:
            os.fchmod(descriptor, mode)
        return descriptor


def _open(root: int, name: bytes, flags: int) -> int:
    try:
        return os.open(name, _READ | flags, dir_fd=root)
    except OSError as error:
        # What opening a socket says on Linux and macOS.
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):
            raise _error(errno.EINVAL) from None
        raise


def _version(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
