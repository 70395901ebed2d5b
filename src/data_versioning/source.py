"""A read-only tree of files: the workspace, or a Git revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from data_versioning.paths import RepoPath


class Source(Protocol):
    """Where pointer files, pipelines, params and metrics are read from."""

    def read(self, path: RepoPath) -> bytes:
        """Return the content; `FileNotFoundError` when there is none."""

    def exists(self, path: RepoPath) -> bool:
        """Whether `path` is a file or a directory here."""

    def walk(self) -> Iterator[RepoPath]:
        """All files that may matter to the project, sorted; ignored places are left out."""


class Item(NamedTuple):
    """A file or directory of a tree; `size` is what its file system or Git says, for directories too."""

    is_dir: bool
    size: int
    is_executable: bool = False


class Tree(Source, Protocol):
    """A source whose directories can be looked at one by one, and that knows all files, not only the project's."""

    def item(self, path: str) -> Item | None:
        """Return what `path` ("" is the top) is; None when there is nothing."""

    def items(self, path: str) -> Mapping[str, Item]:
        """Return what lies directly in the directory `path`, by name; nothing when it is none."""
