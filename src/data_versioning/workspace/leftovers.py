"""Removes temporary files that killed commands left beside outputs. Inside tracked directories, `scan` does it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from data_versioning.workspace import scan

AGE = 24 * 3600
"""Seconds in which nothing may have happened to a file before it is taken for a leftover; as in the cache."""


def sweep(root: str, outputs: Iterable[str], *, now: float) -> list[str]:
    """Remove the leftovers in the directories that hold `outputs` of the workspace `root`; return their paths.

    Here, unlike inside an output, other processes may write. So only files go that have our kind of temporary name
    and a change time, which nobody can set, older than `AGE`. Directories behind symbolic links are left alone.
    """
    removed = []
    for parent in sorted({os.path.dirname(path) for path in outputs}):
        directory = f"{root}/{parent}" if parent else root
        with contextlib.suppress(OSError):
            names = [name for name in os.listdir(os.fsencode(directory)) if scan.LEFTOVER.search(name)]
            if names and os.path.realpath(directory) == directory:
                removed += _remove_old(directory, map(os.fsdecode, names), oldest=now - AGE)
    return [os.path.relpath(path, root) for path in removed]


def _remove_old(directory: str, names: Iterable[str], *, oldest: float) -> list[str]:
    removed = []
    for name in names:
        path = f"{directory}/{name}"
        with contextlib.suppress(OSError):
            found = os.lstat(path)
            if (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)) and found.st_ctime < oldest:
                os.unlink(path)
                removed.append(path)
    return removed
