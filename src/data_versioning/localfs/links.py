"""How a file in the workspace may share its bytes with the cache. Reads and writes the disk."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Sequence
from enum import StrEnum

from data_versioning.errors import DiskError
from data_versioning.localfs import atomic, reflink


class LinkType(StrEnum):
    """The values of `cache.type`."""

    REFLINK = "reflink"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    COPY = "copy"


def usable(kinds: Sequence[LinkType], *, cache: str, workspace: str) -> LinkType:
    """Return the first of `kinds` that works from the directory `cache` to the directory `workspace`.

    Makes and removes one small file on both sides. Raises `DiskError` when none works.
    """
    if kinds and kinds[0] is LinkType.COPY:
        return LinkType.COPY
    source = atomic.temporary_name(cache)
    target = atomic.temporary_name(workspace)
    try:
        atomic.write(source, b"link test", durable=False)
        for kind in kinds:
            if _works(kind, source, target):
                return kind
    except OSError as error:
        raise DiskError(
            f"cannot write to {cache}: {error.strerror}",
            hint=f"look at `df {cache}` and `ls -ld {cache}`, then run the command again",
        ) from error
    finally:
        atomic.remove(source)
    raise DiskError(
        f"none of the link types {', '.join(kinds)} works between {cache} and {workspace}",
        hint="dv config cache.type reflink,copy",
    )


def is_link_of(path: str, object_path: str, kind: LinkType) -> bool:
    """Whether `path` stands for the cache object as a link of this kind does.

    Reflinks and copies cannot be told apart: a file of its own is either. An empty file is never linked hard,
    so any empty file of its own is one.
    """
    try:
        own = os.lstat(path)
        if modes.S_ISLNK(own.st_mode):
            return kind is LinkType.SYMLINK and os.path.samefile(path, object_path)
        object_stat = os.stat(object_path)
    except OSError:
        return False
    if not modes.S_ISREG(own.st_mode) or kind is LinkType.SYMLINK:
        return False
    if kind is LinkType.HARDLINK and object_stat.st_size:
        return os.path.samestat(own, object_stat)
    return not os.path.samestat(own, object_stat)


def _works(kind: LinkType, source: str, target: str) -> bool:
    try:
        if kind is LinkType.HARDLINK:
            os.link(source, target)
        elif kind is LinkType.SYMLINK:
            os.symlink(os.path.abspath(source), target)
        elif kind is LinkType.REFLINK:
            _clone(source, target)
        else:
            atomic.write(target, b"link test", durable=False)
    except OSError:
        return False
    finally:
        atomic.remove(target)
    return True


def _clone(source: str, target: str) -> None:
    with open(source, "rb") as read, open(target, "xb") as written:
        reflink.clone(read.fileno(), written.fileno())
