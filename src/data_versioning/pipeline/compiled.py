"""The project of the workspace and the values of its params files, kept compiled between commands.

The compiled form is used while nothing it was made from has changed: every directory that was searched (a new file
changes its directory's time stamp), every file that was read or asked for, and the ignore files. Checking that costs
one stat each; making it anew reads YAML and asks Git, and is left to `pipeline.discover`. The values of a params file
are used while its stat is the same.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Mapping

from data_versioning.errors import DiskError
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


class Params:
    """The values of params files below (or outside of) the workspace `root`; `save` keeps those that were read."""

    def __init__(self, root: str, temp_dir: str) -> None:
        self._root = root
        self._kept_in = f"{temp_dir}/params"
        self._known: dict[str, tuple[Signature, Mapping[str, object]]] | None = None
        self._is_changed = False

    def read(self, place: str) -> Mapping[str, object] | None:
        """Return the values of one file, empty when it holds no mapping; None when there is no file.

        `place` is relative to the root, or absolute. Raises `DiskError` or `FormatError`.
        """
        path = os.path.join(self._root, place)
        known = self._kept()
        signature = sign(path)
        if place in known and known[place][0] == signature:
            return known[place][1]
        started = time.time_ns()
        found = _parse(path, place)
        is_settled = signature is not None and max(signature[2:]) < started - _TICK_NS
        if found is not None and is_settled and disposable.can_keep(found):
            known[place] = (signature, found)
            self._is_changed = True
        return found

    def save(self) -> None:
        """Keep what was read for the next command."""
        if self._is_changed:
            # A repository that cannot be written to works without.
            with contextlib.suppress(OSError):
                disposable.keep(self._kept_in, (_VERSION, self._kept()))

    def _kept(self) -> dict[str, tuple[Signature, Mapping[str, object]]]:
        if self._known is None:
            kept = disposable.load(self._kept_in)
            self._known = kept[1] if kept and kept[0] == _VERSION else {}
        return self._known


def _parse(path: str, place: str) -> Mapping[str, object] | None:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DiskError(f"cannot read the params file '{place}': {error}") from error
    # Loaded by name: the parsers are only needed when something changed.
    values = importlib.import_module("data_versioning.formats.values")
    found = values.parse(text, suffix=os.path.splitext(place)[1], file=place)
    return found if isinstance(found, Mapping) else {}


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
