"""The workspace as a `Source`: files as they are on the disk right now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from data_versioning.errors import DiskError
from data_versioning.localfs import regular, walk
from data_versioning.paths import RepoPath


class Workspace:
    """Reads below `root`, and remembers which files were asked for, so that a compiled result can be checked.

    `skip` are directories that hold no project files (ignored by Git); `planned` is what files are to hold, for a
    look ahead.
    """

    def __init__(
        self, root: str, *, skip: frozenset[bytes] = frozenset(), planned: Mapping[RepoPath, bytes] = {}
    ) -> None:
        self.root = root
        self.skip = skip
        self.planned = planned
        self.asked: set[str] = set()

    def read(self, path: RepoPath) -> bytes:
        """Return the content; `FileNotFoundError` when there is none, `DiskError` when it cannot be read."""
        self.asked.add(path)
        if path in self.planned:
            return self.planned[path]
        try:
            return regular.read(f"{self.root}/{path}")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(path) from error
        except IsADirectoryError:
            raise
        except OSError as error:
            raise DiskError(f"cannot read '{path}': {error.strerror}", hint=f"ls -l {path}") from error

    def exists(self, path: RepoPath) -> bool:
        """Whether `path` is a file or a directory here."""
        self.asked.add(path)
        return path in self.planned or os.path.exists(f"{self.root}/{path}")

    def walk(self) -> Iterator[RepoPath]:
        """All project files (pointer files, dvc.yaml, dvc.lock, ignore files), sorted."""
        return map(RepoPath, walk.walk_project(self.root, skip=self.skip)[1])
