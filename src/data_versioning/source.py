"""A read-only tree of files: the workspace, or a Git revision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from data_versioning.paths import RepoPath


class Source(Protocol):
    """Where pointer files, pipelines, params and metrics are read from."""

    def read(self, path: RepoPath) -> bytes:
        """Return the content; `FileNotFoundError` when there is none."""

    def exists(self, path: RepoPath) -> bool:
        """Whether `path` is a file or a directory here."""

    def walk(self) -> Iterator[RepoPath]:
        """All files that may matter to the project, sorted; ignored places are left out."""
