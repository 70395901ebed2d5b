"""The project of the workspace, kept compiled between commands.

The compiled form is used while nothing it was made from has changed: every directory that was searched (a new file
changes its directory's time stamp), every file that was read or asked for, and the ignore files. Checking that costs
one stat each; making it anew reads YAML and asks Git, and is left to `pipeline.discover`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time

from data_versioning.localfs import disposable
from data_versioning.pipeline.project import Discovered, Options, Project

_VERSION = 1
# Time stamps this recent may hide a later change: such a compiled project is not kept.
_TICK_NS = 20_000_000

Signature = tuple[int, int, int, int] | None
"""inode, size, mtime_ns, ctime_ns; size is 0 for a directory, whose size means nothing. None: absent."""


def load(root: str, temp_dir: str, options: Options) -> tuple[Project, list[str]]:
    """Return the project of the workspace `root` and its .dvcignore files that hold rules.

    Raises `FormatError`, `Overlap` or `PathError` for a project that is wrong.
    """
    compiled = f"{temp_dir}/project"
    kept = disposable.load(compiled)
    if kept and kept[:2] == (_VERSION, options) and _is_fresh(root, *kept[4:]):
        return Project.unpack(kept[2]), kept[3]
    started = time.time_ns()
    # Loaded by name: YAML, Git and the resolver are only needed when something changed.
    found: Discovered = importlib.import_module("data_versioning.pipeline.discover").discover(root, options)
    signed = [{path: sign(f"{root}/{path}") for path in paths} for paths in (found.directories, found.files)]
    if _newest(signed) < started - _TICK_NS:
        # A repository that cannot be written to works without.
        with contextlib.suppress(OSError):
            disposable.keep(
                compiled, (_VERSION, tuple(options), found.project.pack(), found.ignore_files, *signed)
            )
    return found.project, found.ignore_files


def sign(path: str) -> Signature:
    """Return what tells a later change of `path`."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    size = 0 if found.st_mode & 0o040000 else found.st_size
    return found.st_ino, size, found.st_mtime_ns, found.st_ctime_ns


def _is_fresh(root: str, directories: dict[str, Signature], files: dict[str, Signature]) -> bool:
    return all(sign(f"{root}/{path}") == signature for path, signature in directories.items()) and all(
        sign(f"{root}/{path}") == signature for path, signature in files.items()
    )


def _newest(signed: list[dict[str, Signature]]) -> int:
    return max((max(found[2:]) for group in signed for found in group.values() if found), default=0)
