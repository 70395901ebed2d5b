"""Many files in one call: hash, store, copy, link, chmod, remove, stat. Reads and writes the disk.

Names travel as blobs: relative paths, each ended by NUL, as in `Listing.names`. A file that fails does not
stop the others: its index is in `errors`. Files that are being written have a temporary name `.TOKEN.tmp` and
appear under their own name only when complete. Ctrl-C ends a call between two blocks of data and leaves no
temporary file behind; the call can simply be made again.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from typing import Literal, NamedTuple

from data_versioning.localfs import engine
from data_versioning.localfs.atomic import make_directory
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import RECORD

Advance = Callable[[int, int], None]
"""Hears, now and then, how many more files are done and how many more bytes were read."""

TARGET_CHANGED = errno.ECANCELED
"""The error of a target that is not what the caller has seen there, so that it was left alone."""

# Bits of one byte a file in an engine's answer.
WRITTEN = 1
CHANGED = 2

_ONLY_WRITTEN = bytes(mark & WRITTEN for mark in range(256))
_ONLY_CHANGED = bytes(mark & CHANGED for mark in range(256))
_ERRNO = struct.Struct("=i")

# How the engines number them.
_METHODS = {"copy": 0, "hardlink": 1, "reflink": 3}
_LINKS = {LinkType.HARDLINK: 1, LinkType.SYMLINK: 2, LinkType.REFLINK: 3}


class Batch(NamedTuple):
    """What happened to each file, by its index in the names.

    `digests`: 16 bytes each, zero where there is none. `stats`: a `walk.RECORD` each, taken after the work,
    of the source (hash, store) or of the target (copy, link); zero where it failed. `errors`: index to errno.
    `changed`: the source changed while it was read, nothing was kept. `written`: a byte each, 1 where a new
    object or file appeared.
    """

    digests: bytes
    stats: bytes
    errors: dict[int, int]
    changed: list[int]
    written: bytes


def hash_files(
    root: str,
    names: bytes,
    *,
    threads: int | None = None,
    advance: Advance | None = None,
    text_mode: bool = False,
) -> Batch:
    """Return the MD5 of every file; with `text_mode` the `md5-dos2unix` of DVC 2.x."""
    if text_mode:
        return _batch(engine.python("text").hash_files(os.fsencode(root), names, advance))
    run = engine.choose("batch").hash_files
    return _batch(run(os.fsencode(root), names, engine.threads(threads), advance))


def store_files(
    root: str,
    names: bytes,
    objects: str,
    *,
    method: Literal["copy", "reflink", "hardlink"],
    directory_mode: int | None = None,
    threads: int | None = None,
    advance: Advance | None = None,
) -> Batch:
    """Hash every file, reading each byte once, and make `objects/ab/cdef…` exist with its content.

    An object of mode exactly 0444 and the right size is kept and its mtime freshened; anything else under its
    name is replaced. New objects are not 0444 yet: sync first, then `chmod_files`. `directory_mode` is for a
    shared cache: new directories get it exactly, new objects 0664. Where the method does not work, the bytes
    are copied; so are those of a file with several names when the method is hardlink.
    """
    make_directory(objects, directory_mode)
    run = engine.choose("batch").store_files
    return _batch(
        run(
            os.fsencode(root),
            names,
            os.fsencode(objects),
            _METHODS[method],
            umask(),
            -1 if directory_mode is None else directory_mode,
            engine.threads(threads),
            advance,
        )
    )


def copy_files(  # noqa: PLR0913 - two places, and what a copy must promise
    source_root: str,
    source_names: bytes,
    target_root: str,
    target_names: bytes,
    *,
    digests: bytes | None = None,
    mode: int | None = None,
    replace: bool,
    seen: bytes = b"",
    threads: int | None = None,
    advance: Advance | None = None,
) -> Batch:
    """Copy every file, making parent directories.

    The sources are objects: their times may change meanwhile, their content does not. With `digests` (16 bytes
    a file) the bytes that pass through are verified: EBADMSG, and nothing is left, where they differ. `mode`
    None is 0666 minus the umask. Without `replace` an existing target is EEXIST; with `seen` (a `walk.RECORD`
    a file) only a target of that inode, size and mtime is replaced, and another one is `TARGET_CHANGED`. No
    target is ever written outside `target_root`: a name with "..", an empty part or a leading "/" is EINVAL, a
    parent that is a symbolic link ELOOP.
    """
    _check_pairs(source_names, target_names)
    _check_seen(seen, target_names)
    if digests is not None and len(digests) != 16 * source_names.count(b"\0"):
        raise ValueError("one digest of 16 bytes a file")
    make_directory(target_root)
    run = engine.choose("batch").copy_files
    return _batch(
        run(
            os.fsencode(source_root),
            source_names,
            os.fsencode(target_root),
            target_names,
            digests or b"",
            -1 if mode is None else mode,
            replace,
            seen,
            engine.threads(threads),
            advance,
        )
    )


def link_files(  # noqa: PLR0913 - as for a copy
    source_root: str,
    source_names: bytes,
    target_root: str,
    target_names: bytes,
    *,
    kind: LinkType,
    replace: bool,
    seen: bytes = b"",
    threads: int | None = None,
    advance: Advance | None = None,
) -> Batch:
    """Link every file, making parent directories; the same promises about targets as `copy_files`.

    A symbolic link holds the absolute path of the source. An empty file is copied, never linked hard. A kind
    that does not work is an error of that file, not a copy.
    """
    if kind is LinkType.COPY:
        return copy_files(
            source_root,
            source_names,
            target_root,
            target_names,
            replace=replace,
            seen=seen,
            threads=threads,
            advance=advance,
        )
    _check_pairs(source_names, target_names)
    _check_seen(seen, target_names)
    make_directory(target_root)
    run = engine.choose("batch").link_files
    return _batch(
        run(
            os.path.abspath(os.fsencode(source_root)),
            source_names,
            os.fsencode(target_root),
            target_names,
            _LINKS[kind],
            replace,
            seen,
            engine.threads(threads),
            advance,
        )
    )


def chmod_files(root: str, names: bytes, mode: int, *, threads: int | None = None) -> dict[int, int]:
    """Set the mode of every file; never through a symbolic link below `root` (ELOOP)."""
    run = engine.choose("batch").chmod_files
    return _errors(run(os.fsencode(root), names, mode, engine.threads(threads)))


def remove_files(root: str, names: bytes, *, seen: bytes = b"", threads: int | None = None) -> dict[int, int]:
    """Remove every file or link, never through a symbolic link below `root`; a missing one is fine.

    `seen` as for `copy_files`.
    """
    _check_seen(seen, names)
    run = engine.choose("batch").remove_files
    try:
        return _errors(run(os.fsencode(root), names, seen, engine.threads(threads)))
    except FileNotFoundError:
        return {}


def stat_files(root: str, names: bytes) -> bytes:
    """Return a `walk.RECORD` a name, all zero where nothing is; links are followed as in `walk`."""
    run = engine.choose("batch").stat_files
    try:
        stats: bytes = run(os.fsencode(root), names, engine.threads(None))
    except (FileNotFoundError, NotADirectoryError):
        return bytes(RECORD.size * names.count(b"\0"))
    return stats


def sync(path: str) -> None:
    """Bring everything that was written to the file system of `path` to the disk."""
    engine.choose("batch").sync(os.fsencode(path))


def _batch(answer: tuple[bytes, bytes, bytes, bytes]) -> Batch:
    digests, stats, errnos, marks = answer
    changed = []
    if marks.translate(_ONLY_CHANGED).strip(b"\0"):
        changed = [index for index, mark in enumerate(marks) if mark & CHANGED]
    return Batch(digests, stats, _errors(errnos), changed, marks.translate(_ONLY_WRITTEN))


def _errors(errnos: bytes) -> dict[int, int]:
    if not errnos.strip(b"\0"):
        return {}
    return {index: number for index, (number,) in enumerate(_ERRNO.iter_unpack(errnos)) if number}


def _check_pairs(source_names: bytes, target_names: bytes) -> None:
    if source_names.count(b"\0") != target_names.count(b"\0"):
        raise ValueError("one target name a source name")


def _check_seen(seen: bytes, names: bytes) -> None:
    if seen and len(seen) != RECORD.size * names.count(b"\0"):
        raise ValueError("one record a target, or none at all")


def umask() -> int:
    """Return the umask of this process without changing it, where the system tells."""
    try:
        with open("/proc/self/status", "rb") as status:
            return int(status.read().split(b"\nUmask:", 1)[1].split(None, 1)[0], 8)
    except (OSError, IndexError, ValueError):
        mask = os.umask(0o022)
        os.umask(mask)
        return mask
