"""What one `.dvc` file or one entry of dvc.yaml declares, together with what was recorded for it.

Values here are named tuples, not dataclasses: tens of thousands of them are read back from the compiled
project at every start of the program, and this module must import next to nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from data_versioning.errors import PathError
from data_versioning.paths import RepoPath, is_possible

PIPELINE_FILE = "dvc.yaml"
LOCK_FILE = "dvc.lock"
POINTER_SUFFIX = ".dvc"
_DOTS = frozenset({"", ".", ".."})


class OutputKind(StrEnum):
    """The section of dvc.yaml an output stands in; everything in a `.dvc` file is `OUT`."""

    OUT = "out"
    METRIC = "metric"
    PLOT = "plot"


class Output(NamedTuple):
    """One output; the hash fields are what `.dvc` or dvc.lock recorded, None where nothing is."""

    path: str  # as written, relative to the stage's working directory
    kind: OutputKind = OutputKind.OUT
    md5: str | None = None
    etag: str | None = None
    checksum: str | None = None
    version_id: str | None = None
    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False
    hash: str | None = None
    cloud: str | None = None  # the remote whose etag, checksum and version_id these are
    files: Sequence[Mapping[str, object]] | None = None
    fs_config: Mapping[str, object] | None = None
    cache: bool = True
    persist: bool = False
    push: bool = True
    remote: str | None = None
    desc: str | None = None
    type: str | None = None
    labels: Sequence[str] = ()
    meta: Mapping[str, object] | None = None
    plot: Mapping[str, object] | None = None  # x, y, template … of a plot
    external: bool = False  # a URL; only without cache, never touched

    @property
    def digest(self) -> str | None:
        """The recorded content id, of whichever kind."""
        return self.md5 or self.etag or self.checksum

    @property
    def is_dir(self) -> bool:
        """Whether a directory was recorded."""
        return (self.digest or "").endswith(".dir") or bool(self.files)

    @property
    def is_versioned(self) -> bool:
        """Whether it is kept on a remote with versions of its own, not as objects."""
        return bool(self.files or self.version_id or self.cloud or (self.digest and not self.md5))

    @property
    def is_legacy(self) -> bool:
        """Whether `md5` is the 2.x kind, whose object lies at the base of the cache."""
        return self.md5 is not None and self.hash is None


class Dependency(NamedTuple):
    """One dependency that is not a params file; hash fields as in `Output`."""

    path: str  # as written; "" for a database import
    md5: str | None = None
    etag: str | None = None
    checksum: str | None = None
    version_id: str | None = None
    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False
    hash: str | None = None
    files: Sequence[Mapping[str, object]] | None = None
    fs_config: Mapping[str, object] | None = None
    repo: Mapping[str, object] | None = None
    db: Mapping[str, object] | None = None
    dataset: Mapping[str, object] | None = None
    external: bool = False  # a URL, absolute, in another repository, or outside of this one

    @property
    def digest(self) -> str | None:
        """The recorded content id, of whichever kind."""
        return self.md5 or self.etag or self.checksum

    @property
    def is_dataset(self) -> bool:
        """Whether this names an entry of `datasets:`."""
        return self.path.startswith("ds://")


class Lock(NamedTuple):
    """What dvc.lock recorded of a stage besides the hashes, which stand in its outputs and dependencies."""

    cmd: str | tuple[str, ...]
    params: Mapping[str, Mapping[str, object]]  # file as written -> key -> value


class Stage(NamedTuple):
    """A stage of dvc.yaml, or a `.dvc` file (`name` is "" and `cmd` None)."""

    name: str
    file: RepoPath
    wdir: RepoPath  # "" is the root
    cmd: str | tuple[str, ...] | None = None
    deps: tuple[Dependency, ...] = ()
    outs: tuple[Output, ...] = ()
    params: Mapping[str, tuple[str, ...] | None] = {}  # file as written -> keys, None: all of it
    frozen: bool = False
    always_changed: bool = False
    desc: str | None = None
    meta: object = None
    group: str | None = None  # the foreach or matrix entry it was generated from
    lock: Lock | None = None  # None: never run, or a `.dvc` file
    checksum_changed: bool = False  # an import whose `.dvc` file was edited by hand

    @property
    def address(self) -> str:
        """What the command line calls it, seen from the root: "train", "sub/dvc.yaml:train", "data.dvc"."""
        return self.address_from("")

    def address_from(self, directory: str) -> str:
        """What the command line calls it in `directory` of the repository."""
        file = relative(self.file, directory)
        if not self.name:
            return file
        return self.name if file == PIPELINE_FILE else f"{file}:{self.name}"

    @property
    def place(self) -> str:
        """Where it is declared, for messages: always names the file."""
        return f"{self.file}:{self.name}" if self.name else self.file

    @property
    def is_import(self) -> bool:
        """Whether a `.dvc` file tells where its data came from."""
        return not self.cmd and len(self.deps) == 1 and len(self.outs) == 1

    @property
    def is_repo_import(self) -> bool:
        """Whether the data came from another DVC or Git repository."""
        return self.is_import and self.deps[0].repo is not None

    @property
    def is_partial_import(self) -> bool:
        """Whether it was imported without download: the output has no hash yet."""
        return self.is_import and self.outs[0].digest is None

    @property
    def is_only_declared(self) -> bool:
        """Whether an import from a URL names its origin, and nothing of what that holds (`--no-exec`)."""
        return self.is_partial_import and not self.is_repo_import and self.deps[0].digest is None

    @property
    def is_callback(self) -> bool:
        """Whether it has a command, but nothing that tells when to run it: it always runs."""
        return bool(self.cmd) and not self.deps and not self.outs and not self.params

    @property
    def cmd_changed(self) -> bool:
        """Whether the command differs from the one that ran."""
        return self.lock is not None and self.lock.cmd != self.cmd

    def placed_outs(self) -> list[tuple[RepoPath, Output]]:
        """Return the outputs in the repository, each with where it lies."""
        return [
            (path, out)
            for out in self.outs
            if not out.external and (path := self.located(out.path)) is not None
        ]

    def located(self, path: str) -> RepoPath | None:
        """Return where a path written in this stage lies; None when that is outside of the repository."""
        return join(self.wdir, path)


def join(directory: str, path: str) -> RepoPath | None:
    """Return `path`, written relative to `directory`, as a repository path; None when it is outside.

    >>> join("a/b", "../c"), join("", "."), join("a", "../../b"), join("a", "/b")
    ('a/c', '', None, None)
    """
    if not is_possible(path):
        raise PathError(f"{path!r} cannot be the name of a file", hint="use another path")
    if path.startswith("/"):
        return None
    if "/" not in path and path not in _DOTS:
        return RepoPath(f"{directory}/{path}" if directory else path)
    joined = posixpath.normpath(f"{directory}/{path}" if directory else path)
    if joined == "..":
        return None
    return None if joined.startswith("../") else RepoPath("" if joined == "." else joined)


def relative(path: str, directory: str) -> str:
    """Return a repository path as seen from a directory of the repository.

    >>> relative("a/b", ""), relative("a/b", "a"), relative("a", "b/c")
    ('a/b', 'b', '../../a')
    """
    if not directory:
        return path
    return posixpath.relpath("/" + path, "/" + directory)


def is_pointer_file(path: str) -> bool:
    """Whether a file of this name declares stages.

    >>> is_pointer_file("a/data.dvc"), is_pointer_file("a/dvc.yaml"), is_pointer_file("dvc.yml")
    (True, True, False)
    """
    return path.endswith(POINTER_SUFFIX) or path.rpartition("/")[2] == PIPELINE_FILE


def split_commands(command: str | Sequence[str]) -> tuple[str, ...]:
    """Return the commands of a stage: each line of a text by itself, as DVC runs them.

    >>> split_commands("mkdir out\\ntouch out/a"), split_commands(["a", "b"])
    (('mkdir out', 'touch out/a'), ('a', 'b'))
    """
    return tuple(command.splitlines() if isinstance(command, str) else command)


def plain(value: Any) -> Any:
    """Return `value` with dates as text, in plain containers: what a compiled project can hold; equal if `value` is."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(plain, value))
    return f"!!timestamp {value.isoformat()}" if hasattr(value, "isoformat") else value
