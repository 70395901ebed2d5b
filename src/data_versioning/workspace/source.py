"""The workspace as a `Source`: files as they are on the disk right now."""

from __future__ import annotations

import os
from collections.abc import Iterator

from data_versioning.localfs import walk
from data_versioning.paths import RepoPath


class Workspace:
    """Reads below `root`, and remembers which files were asked for, so that a compiled result can be checked.

    `skip` are directories that hold no project files (ignored by Git).
    """

    def __init__(self, root: str, *, skip: frozenset[bytes] = frozenset()) -> None:
        self.root = root
        self.skip = skip
        self.asked: set[str] = set()

    def read(self, path: RepoPath) -> bytes:
        """Return the content; `FileNotFoundError` when there is none."""
        self.asked.add(path)
        with open(f"{self.root}/{path}", "rb") as file:
            return file.read()

    def exists(self, path: RepoPath) -> bool:
        """Whether `path` is a file or a directory here."""
        self.asked.add(path)
        return os.path.exists(f"{self.root}/{path}")

    def walk(self) -> Iterator[RepoPath]:
        """All project files (pointer files, dvc.yaml, dvc.lock, ignore files), sorted."""
        return map(RepoPath, walk.walk_project(self.root, skip=self.skip)[1])
