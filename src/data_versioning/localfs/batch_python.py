"""The batches of `batch.py` without the C extension; the same arguments and answers.

An `Answer` holds, packed and in the order of the names: digests (16 bytes), stats (`walk.RECORD`), errnos
(native int), marks (one byte of WRITTEN | CHANGED). `advance` is called with numbers of files and of bytes.
`threads` is for the C extension. Reads and writes the disk.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat as modes
from array import array
from collections.abc import Callable
from contextlib import suppress

from data_versioning.localfs.directories import Directories
from data_versioning.localfs.opened import Changed, Source, Temporary
from data_versioning.localfs.walk import BROKEN, RECORD, SYMLINK

Answer = tuple[bytes, bytes, bytes, bytes]
Advance = Callable[[int, int], None] | None

WRITTEN, CHANGED = 1, 2
COPY, HARDLINK, SYMBOLIC, REFLINK = range(4)


class Results:
    """What is known about each file, to be packed."""

    def __init__(self, names: bytes) -> None:
        if names and not names.endswith(b"\0"):
            raise ValueError("names are ended by NUL")
        self.names = names.split(b"\0")[:-1]
        count = len(self.names)
        self.digests = bytearray(16 * count)
        self.stats = bytearray(RECORD.size * count)
        self.errnos = array("i", [0]) * count
        self.marks = bytearray(count)

    def each(self, work: Callable[[int, bytes], None], advance: Advance = None) -> None:
        """Call `work` with every index and name; remember what failed."""
        for index, name in enumerate(self.names):
            try:
                work(index, name)
            except Changed:
                self.marks[index] = CHANGED
            except OSError as error:
                self.errnos[index] = error.errno or errno.EIO
            if advance is not None:
                advance(1, RECORD.unpack_from(self.stats, RECORD.size * index)[1])

    def set_digest(self, index: int, digest: bytes) -> None:
        """Remember an MD5."""
        self.digests[16 * index : 16 * index + 16] = digest

    def set_stat(self, index: int, stat: os.stat_result, flags: int = 0) -> None:
        """Remember a stat."""
        RECORD.pack_into(
            self.stats,
            RECORD.size * index,
            stat.st_ino,
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
            stat.st_mode,
            flags,
        )

    def answer(self) -> Answer:
        """Return everything packed."""
        return bytes(self.digests), bytes(self.stats), self.errnos.tobytes(), bytes(self.marks)


def hash_files(root: bytes, names: bytes, threads: int, advance: Advance) -> Answer:
    """Hash; see `batch.hash_files`."""
    return hash_with(Source.digest, root, names, advance)


def hash_with(digest: Callable[[Source], bytes], root: bytes, names: bytes, advance: Advance) -> Answer:
    """Hash with any function of an open file."""
    results = Results(names)

    def work(index: int, name: bytes) -> None:
        with Source(directories.root, name) as source:
            results.set_digest(index, digest(source))
            results.set_stat(index, source.stat, source.flags)

    with Directories(root) as directories:
        results.each(work, advance)
    return results.answer()


def store_files(
    root: bytes,
    names: bytes,
    objects: bytes,
    method: int,
    umask: int,
    directory_mode: int,
    threads: int,
    advance: Advance,
) -> Answer:
    """Hash and store; see `batch.store_files`. A `directory_mode` of -1 stands for None."""
    results = Results(names)
    file_mode = 0o664 if directory_mode >= 0 else 0o666 & ~umask | 0o200

    def work(index: int, name: bytes) -> None:
        with Source(sources.root, name) as source, Temporary(cache.root, b"00/") as temporary:
            linking = method == HARDLINK and source.stat.st_size > 0
            digest = source.digest() if linking else _receive(temporary, source, method, file_mode)
            parent, final = cache.parent(f"{digest.hex()[:2]}/{digest.hex()[2:]}".encode(), create=True)
            if not _is_stored(parent, final, source.stat.st_size):
                if linking:
                    _link_or_copy(temporary, source, digest, file_mode)
                temporary.rename(parent, final, replace=True)
                _check_linked(temporary, source, parent, final)
                results.marks[index] = WRITTEN
            results.set_digest(index, digest)
            results.set_stat(index, source.stat, source.flags)

    directory = None if directory_mode < 0 else directory_mode
    with Directories(root) as sources, Directories(objects, directory) as cache:
        # The digest is not known yet when a temporary file is made: they all begin in this directory.
        cache.parent(b"00/-", create=True)
        results.each(work, advance)
    return results.answer()


def _receive(temporary: Temporary, source: Source, method: int, mode: int) -> bytes:
    """Give `temporary` the bytes of `source` and return their MD5; copies where `method` does not work."""
    if method == REFLINK:
        with suppress(OSError):
            temporary.clone(source, mode)
            source.check()
            return temporary.digest()
    digest = temporary.copy(source, mode)
    source.check()
    return digest


def _is_stored(parent: int, name: bytes, size: int) -> bool:
    """Whether this object is there and to be trusted; it is younger then."""
    with suppress(FileNotFoundError):
        there = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if there.st_mode == modes.S_IFREG | 0o444 and there.st_size == size:
            with suppress(OSError):
                os.utime(name, dir_fd=parent)
            return True
    return False


def _link_or_copy(temporary: Temporary, source: Source, digest: bytes, mode: int) -> None:
    # A file of several names may be an object already, edited in place: its old name must not be sealed again.
    if source.stat.st_nlink == 1:
        with suppress(OSError):
            temporary.link(source)
    if not temporary.linked and temporary.copy(source, mode) != digest:
        raise Changed


def _check_linked(temporary: Temporary, source: Source, parent: int, name: bytes) -> None:
    """Take the object away again when its source changed while it was linked."""
    if temporary.linked:
        try:
            source.refresh()
        except Changed:
            os.unlink(name, dir_fd=parent)
            raise


def copy_files(  # noqa: PLR0913, PLR0917 - the arguments of the C function
    source_root: bytes,
    source_names: bytes,
    target_root: bytes,
    target_names: bytes,
    digests: bytes,
    mode: int,
    replace: bool,
    seen: bytes,
    threads: int,
    advance: Advance,
) -> Answer:
    """Copy; see `batch.copy_files`. Empty `digests` and a `mode` of -1 stand for None."""
    results = Results(target_names)
    names = source_names.split(b"\0")

    def work(index: int, name: bytes) -> None:
        parent, final = targets.parent(name, create=True)
        with Source(sources.root, names[index]) as source, Temporary(parent) as temporary:
            digest = temporary.copy(source, None if mode < 0 else mode)
            if digests and digest != digests[16 * index : 16 * index + 16]:
                raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
            _check_seen(seen, index, parent, final)
            temporary.rename(parent, final, replace=replace)
        if digests:
            results.set_digest(index, digest)
        _finish(results, index, parent, final)

    with Directories(source_root) as sources, Directories(target_root) as targets:
        results.each(work, advance)
    return results.answer()


def link_files(  # noqa: PLR0913, PLR0917 - the arguments of the C function
    source_root: bytes,
    source_names: bytes,
    target_root: bytes,
    target_names: bytes,
    kind: int,
    replace: bool,
    seen: bytes,
    threads: int,
    advance: Advance,
) -> Answer:
    """Link; see `batch.link_files`. `source_root` is absolute."""
    results = Results(target_names)
    names = source_names.split(b"\0")

    def work(index: int, name: bytes) -> None:
        parent, final = targets.parent(name, create=True)
        with Source(sources.root, names[index]) as source, Temporary(parent) as temporary:
            if kind == SYMBOLIC:
                os.symlink(os.path.join(source_root, names[index]), temporary.name, dir_fd=parent)
            elif source.stat.st_size == 0:
                temporary.copy(source, None)
            elif kind == HARDLINK:
                temporary.link(source)
            else:
                temporary.clone(source, None)
            _check_seen(seen, index, parent, final)
            temporary.rename(parent, final, replace=replace)
        _finish(results, index, parent, final)

    with Directories(source_root) as sources, Directories(target_root) as targets:
        results.each(work, advance)
    return results.answer()


def _finish(results: Results, index: int, parent: int, name: bytes) -> None:
    results.marks[index] = WRITTEN
    _stat(results, index, parent, name)


def _check_seen(seen: bytes, index: int, parent: int, name: bytes) -> None:
    """Raise ECANCELED when something else has the target's name than was seen there, so that it must stay."""
    if not seen:
        return
    try:
        now, flags = _followed(parent, name)
    except FileNotFoundError:
        return
    inode, size, mtime, _, _, old_flags = RECORD.unpack_from(seen, RECORD.size * index)
    if (now.st_ino, now.st_size, now.st_mtime_ns, flags) != (inode, size, mtime, old_flags):
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))


def _stat(results: Results, index: int, parent: int, name: bytes) -> None:
    results.set_stat(index, *_followed(parent, name))


def _followed(parent: int, name: bytes) -> tuple[os.stat_result, int]:
    stat = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not modes.S_ISLNK(stat.st_mode):
        return stat, 0
    try:
        return os.stat(name, dir_fd=parent), SYMLINK
    except OSError:
        return stat, BROKEN


def chmod_files(root: bytes, names: bytes, mode: int, threads: int) -> bytes:
    """Change modes; see `batch.chmod_files`. Returns the errnos."""

    def work(index: int, name: bytes) -> None:
        parent, final = directories.parent(name, create=False)
        if modes.S_ISLNK(os.stat(final, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        os.chmod(final, mode, dir_fd=parent)

    results = Results(names)
    with Directories(root) as directories:
        results.each(work)
    return results.errnos.tobytes()


def remove_files(root: bytes, names: bytes, seen: bytes, threads: int) -> bytes:
    """Remove; see `batch.remove_files`. Returns the errnos."""

    def work(index: int, name: bytes) -> None:
        with suppress(FileNotFoundError):
            parent, final = directories.parent(name, create=False)
            _check_seen(seen, index, parent, final)
            os.unlink(final, dir_fd=parent)

    results = Results(names)
    with Directories(root) as directories:
        results.each(work)
    return results.errnos.tobytes()


def stat_files(root: bytes, names: bytes, threads: int) -> bytes:
    """Return the stats; see `batch.stat_files`."""
    results = Results(names)
    with Directories(root) as directories:
        results.each(lambda index, name: _stat(results, index, directories.root, name))
    return bytes(results.stats)


def sync(path: bytes) -> None:
    """Write the file system of `path` to the disk."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
