"""`walk` without the C extension; the same arguments and results. Reads the disk."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterator

from data_versioning.localfs.walk import BROKEN, SYMLINK, LeftOut, pack

Entry = tuple[bytes, bytes]  # relative path and RECORD


def walk(root: bytes, left_out: int, threads: int) -> tuple[bytes, bytes]:
    """Return the sorted names and the stats below `root`; see `data_versioning.localfs.walk.walk`."""
    found: list[Entry] = []
    pending = [b""]
    while pending:
        relative = pending.pop()
        content = _read_directory(root, relative, left_out)
        if content is not None:
            pending += content[0]
            found += content[1]
    found.sort()
    names = b"".join(name + b"\0" for name, _ in found)
    return names, b"".join(record for _, record in found)


def _read_directory(root: bytes, relative: bytes, left_out: int) -> tuple[list[bytes], list[Entry]] | None:
    """Return directories to enter and files; None when there is nothing to see, or another repository."""
    directories: list[bytes] = []
    files: list[Entry] = []
    prefix = relative + b"/" if relative else b""
    try:
        with os.scandir(os.path.join(root, relative) if relative else root) as entries:
            for entry in entries:
                name = entry.name
                if name == b".dvc" and left_out == LeftOut.NESTED and relative and entry.is_dir():
                    return None
                if name == b".git" and left_out != LeftOut.NOTHING:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if left_out == LeftOut.NOTHING or name not in (b".hg", b".dvc"):
                        directories.append(prefix + name)
                else:
                    files += [(prefix + name, record) for record in _record(entry)]
    except (FileNotFoundError, NotADirectoryError):
        if not relative:
            raise
        return None
    return directories, files


def _record(entry: os.DirEntry[bytes]) -> Iterator[bytes]:
    """Yield the RECORD of one file; nothing for a link to a directory or a file that disappeared."""
    try:
        own = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if not entry.is_symlink():
        yield pack(own, 0)
        return
    try:
        target = os.stat(entry.path)
    except OSError:
        yield pack(own, BROKEN)
        return
    if not modes.S_ISDIR(target.st_mode):
        yield pack(target, SYMLINK)
