"""All files below a directory with their stats, packed: no object per file. Reads the disk."""

from __future__ import annotations

import os
import stat as modes
import struct
from collections.abc import Iterable
from enum import IntEnum
from itertools import compress
from typing import Final, NamedTuple

from data_versioning.errors import DiskError
from data_versioning.localfs import engine

# inode, size, mtime_ns, ctime_ns, st_mode, flags
RECORD: Final = struct.Struct("=QQqqII")
# Where fields stand in a record seen as 8-byte words (time stamps) or as 4-byte words (mode, flags).
SIZE_WORD: Final = 1
MTIME_WORD: Final = 2
CTIME_WORD: Final = 3
MODE_WORD: Final = 8
FLAGS_WORD: Final = 9
# The file is a symbolic link and the stat is its target's.
SYMLINK: Final = 1
# A dangling symbolic link, or one whose target cannot be read: the stat is the link's own.
BROKEN: Final = 2

_SIZE_ONLY = struct.Struct("=8xQ24x")
_POINTER_NAMES = frozenset({"dvc.yaml", "dvc.lock", ".dvcignore", ".gitignore"})
_NEVER_ENTERED = frozenset({".git", ".hg"})


class LeftOut(IntEnum):
    """What an engine's walk does not list; the C extension knows them by number."""

    PRIVATE = 0
    NESTED = 1
    NOTHING = 2


class FileStat(NamedTuple):
    """What `RECORD` packs."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    flags: int


class Listing:
    """Files and their stats as two blobs; equal when both blobs are.

    `names`: relative paths, "/" between parts, sorted by bytes, each ended by NUL. `stats`: a `RECORD` each.
    """

    __slots__ = ("names", "stats")
    names: bytes
    stats: bytes

    def __init__(self, names: bytes, stats: bytes) -> None:
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "stats", stats)

    @classmethod
    def of(cls, names: bytes, stats: bytes) -> Listing:
        """Return the listing of these blobs; they must agree about the number of files."""
        if names.count(b"\0") * RECORD.size != len(stats) or (names and not names.endswith(b"\0")):
            raise ValueError("names and stats disagree about the number of files")
        return cls(names, stats)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Listing is immutable: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Listing is immutable: {name}")

    def __len__(self) -> int:
        return len(self.stats) // RECORD.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Listing):
            return NotImplemented
        return self.names == other.names and self.stats == other.stats

    def __hash__(self) -> int:
        return hash((self.names, self.stats))

    def __repr__(self) -> str:
        return f"<Listing of {len(self)} files>"

    def raw_paths(self) -> list[bytes]:
        """Return the relative paths as the disk spells them."""
        return self.names.split(b"\0")[:-1]

    def paths(self) -> list[str]:
        """Return the relative paths as text."""
        return os.fsdecode(self.names).split("\0")[:-1]

    def stat(self, index: int) -> FileStat:
        """Return the stat of one file."""
        return FileStat(*RECORD.unpack_from(self.stats, index * RECORD.size))

    def record(self, index: int) -> bytes:
        """Return the packed stat of one file."""
        return self.stats[index * RECORD.size : (index + 1) * RECORD.size]

    def sizes(self) -> int:
        """Return the bytes of all files together."""
        return sum(size for (size,) in _SIZE_ONLY.iter_unpack(self.stats))

    def select(self, indices: Iterable[int]) -> Listing:
        """Return the files with these indices, which must ascend."""
        wanted = bytearray(len(self))
        for index in indices:
            wanted[index] = 1
        names = b"".join(name + b"\0" for name in compress(self.raw_paths(), wanted))
        stats = b"".join(
            self.stats[start : start + RECORD.size]
            for start in compress(range(0, len(self.stats), RECORD.size), wanted)
        )
        return Listing(names, stats)


def pack(stat: os.stat_result, flags: int) -> bytes:
    """Return the `RECORD` of an `os.stat` result."""
    return RECORD.pack(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_mode, flags)


def walk(root: str, *, prune_nested: bool = True) -> Listing:
    """List every file below `root`: regular files, links to files, broken links, special files.

    Symbolic links to directories are neither entered nor listed. Anything named `.git` and directories named
    `.hg` or `.dvc` are left out, and with `prune_nested` every other repository below `root`. A file that
    disappears meanwhile is left out. Raises `FileNotFoundError` when `root` is missing, `DiskError` when a
    directory cannot be read.
    """
    return _walk(root, LeftOut.NESTED if prune_nested else LeftOut.PRIVATE)


def walk_everything(root: str) -> Listing:
    """List every file below `root` as `walk` does, what is private to Git, Mercurial and DVC included."""
    return _walk(root, LeftOut.NOTHING)


def _walk(root: str, left_out: LeftOut) -> Listing:
    try:
        names, stats = engine.choose("walk").walk(os.fsencode(root), int(left_out), engine.threads(None))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        place = os.fsdecode(error.filename or root)
        raise DiskError(
            f"cannot read the directory {place}: {error.strerror}",
            hint=f"look at `ls -ld {place}`, then run the command again",
        ) from error
    return Listing(names, stats)


def stat_file(path: str) -> FileStat | None:
    """Return the stat of one path as `walk` records it; None when there is nothing."""
    try:
        own = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    flags = 0
    if modes.S_ISLNK(own.st_mode):
        try:
            own, flags = os.stat(path), SYMLINK
        except OSError:
            flags = BROKEN
    return FileStat(own.st_ino, own.st_size, own.st_mtime_ns, own.st_ctime_ns, own.st_mode, flags)


def walk_project(root: str, *, skip: frozenset[bytes]) -> tuple[list[tuple[str, int, int, int]], list[str]]:
    """Find the files that tell about the project: dvc.yaml, dvc.lock, `*.dvc` and ignore files.

    Returns every directory looked into as (relative path, mtime_ns, ctime_ns, inode), "" for `root`, and the
    relative paths of the files found, both sorted. Does not enter `.git`, `.hg`, `.dvc`, other repositories,
    nor the relative directories in `skip`; a directory that cannot be read counts as empty, as for DVC.
    """
    directories: list[tuple[str, int, int, int]] = []
    files: list[str] = []
    skipped = frozenset(os.fsdecode(path) for path in skip)
    pending = [""]
    while pending:
        relative = pending.pop()
        path = f"{root}/{relative}" if relative else root
        # The stat comes first: a file that appears while we look makes it differ next time.
        try:
            stat = os.stat(path)
        except OSError:
            if not relative:
                raise
            continue
        prefix = f"{relative}/" if relative else ""
        content = _look_into(path, prefix)
        if content is None:
            continue
        directories.append((relative, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
        pending += [child for child in content[0] if child not in skipped]
        files += content[1]
    return sorted(directories), sorted(files)


def _look_into(path: str, prefix: str) -> tuple[list[str], list[str]] | None:
    """Return directories to enter and project files, with `prefix`; None for another repository."""
    directories, files = [], []
    is_repository = False
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name == ".dvc":
                    is_repository |= entry.is_dir()
                elif entry.is_dir(follow_symlinks=False):
                    if name not in _NEVER_ENTERED:
                        directories.append(prefix + name)
                elif (name.endswith(".dvc") or name in _POINTER_NAMES) and entry.is_file():
                    files.append(prefix + name)
    except OSError:
        return [], []
    return None if is_repository and prefix else (directories, files)
