"""The project of the workspace and the values of its params files, kept compiled between commands.

The compiled form is used while nothing it was made from has changed: every directory that was searched (a new file
changes its directory's time stamp), every file that was read or asked for, the ignore files, and where Git is. Checking
that costs one stat each. Making it anew asks Git, and reads the `.dvc` files that changed and every dvc.yaml; that is
left to `pipeline.discover`. The values of a params file are used while its stat is
the same.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import NamedTuple, Self

from data_versioning import formats
from data_versioning.errors import DiskError
from data_versioning.localfs import batch, disposable, regular, walk
from data_versioning.pipeline.project import Discovered, Options, Packed, Project
from data_versioning.pipeline.stage import Stage

_VERSION = 2
# Time stamps this recent may hide a later change: such a compiled project is not kept.
_TICK_NS = 20_000_000
_NO_SIZE = bytes(8)

Signature = tuple[int, int, int, int] | None
"""inode, size, mtime_ns, ctime_ns; size is 0 for a directory, whose size means nothing. None: absent."""


class Signed(NamedTuple):
    """Paths with what tells a later change of each: packed as in `Listing`, without the size of directories.

    A directory's size means nothing; paths may lead out of the workspace by "..".
    """

    names: bytes
    stats: bytes

    @classmethod
    def now(cls, root: str, names: bytes, directories: int) -> Self:
        """Sign `names`; the first ones are `directories`."""
        stats = bytearray(batch.stat_files(root, names))
        size = walk.RECORD.size
        for at in range(8, directories * size, size):
            stats[at : at + 8] = _NO_SIZE
        return cls(names, bytes(stats))

    def unchanged(self, now: Self) -> list[str]:
        """Return the paths that are as they were."""
        if self.stats == now.stats:
            return os.fsdecode(self.names).split("\0")[:-1]
        size = walk.RECORD.size
        same = (
            self.stats[at : at + size] == now.stats[at : at + size] for at in range(0, len(now.stats), size)
        )
        return list(compress(os.fsdecode(self.names).split("\0")[:-1], same))

    def newest(self) -> int:
        """Return the latest time stamp, of content or of anything else."""
        words = memoryview(self.stats).cast("q")
        step = walk.RECORD.size // 8
        return max([*words[walk.MTIME_WORD :: step], *words[walk.CTIME_WORD :: step]], default=0)


class _Kept(NamedTuple):
    version: int
    options: tuple[object, ...]
    git: str | None
    project: Packed
    ignore_files: list[str]
    directories: int  # how many of the signed paths are some
    names: bytes
    stats: bytes


def load(root: str, temp_dir: str, options: Options) -> tuple[Project, list[str]]:
    """Return the project of the workspace `root` and its .dvcignore files that hold rules.

    Raises `FormatError`, `Overlap` or `PathError` for a project that is wrong.
    """
    compiled = f"{temp_dir}/project"
    found = disposable.load(compiled)
    kept = _Kept(*found) if found and found[0] == _VERSION else None
    known: Mapping[str, Stage] = {}
    if kept:
        signed = Signed(kept.names, kept.stats)
        now = Signed.now(root, kept.names, kept.directories)
        if kept.options == options and kept.git == _git_above(root) and signed == now:
            return Project.unpack(kept.project), kept.ignore_files
        known = _known(Project.unpack(kept.project), signed.unchanged(now))
    return _discover(root, compiled, options, known)


def _known(project: Project, unchanged: Sequence[str]) -> Mapping[str, Stage]:
    """Return the stages of `.dvc` files that did not change: they depend on nothing else."""
    files = set(unchanged)
    return {stage.file: stage for stage in project.stages if not stage.name and stage.file in files}


def _discover(
    root: str, compiled: str, options: Options, known: Mapping[str, Stage]
) -> tuple[Project, list[str]]:
    started = time.time_ns()
    # Loaded by name: YAML, Git and the resolver are only needed when something changed.
    found: Discovered = importlib.import_module("data_versioning.pipeline.discover").discover(
        root, options, known
    )
    directories = [path or "." for path in found.directories]
    names = b"".join([os.fsencode(path) + b"\0" for path in (*directories, *found.files)])
    signed = Signed.now(root, names, len(directories))
    # A place that is no repository must not become one.
    if signed.newest() < started - _TICK_NS and os.path.isdir(f"{root}/.dvc"):
        kept = _Kept(
            _VERSION,
            tuple(options),
            _git_above(root),
            found.project.pack(),
            found.ignore_files,
            len(directories),
            *signed,
        )
        # A repository that cannot be written to works without; so does a value that cannot be kept.
        with contextlib.suppress(OSError, ValueError):
            disposable.keep(compiled, tuple(kept))
    return found.project, found.ignore_files


def _git_above(root: str) -> str | None:
    """Return where the Git repository is whose rules count, as seen from `root`; None without one."""
    place, steps = os.path.realpath(root), "."
    while not os.path.lexists(f"{place}/.git"):
        if place == "/":
            return None
        place, steps = os.path.dirname(place), f"{steps}/.."
    return steps


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
        raw = regular.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(
            f"cannot read the params file '{place}': {error.strerror}", hint=f"ls -l {place}"
        ) from error
    # Loaded by name: the parsers are only needed when something changed.
    values = importlib.import_module("data_versioning.formats.values")
    text = formats.yamltext.decode(raw, file=place)
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
