"""A Git revision as a read-only tree of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from data_versioning.git import history
from data_versioning.git.repository import Git
from data_versioning.paths import RepoPath, is_inside, parents


class Revision:
    """The project below `prefix` ("" for the top of the work tree) as it was at commit `sha`.

    The list of files is read once, and pointer and ignore files together when one is asked for: reading a
    project takes the same few processes however many there are.
    """

    def __init__(self, git: Git, sha: str, prefix: str = "") -> None:
        self.git = git
        self.sha = sha
        self.prefix = prefix

    def read(self, path: RepoPath) -> bytes:
        """Return the content; `FileNotFoundError` when there is none."""
        content = self._together.get(path) if _belongs_together(path) else self.read_many([path])[0]
        if content is None:
            raise FileNotFoundError(f"{path} at {self.sha}")
        return content

    def read_many(self, paths: Sequence[RepoPath]) -> list[bytes | None]:
        """Return the content of each file, None where there is none."""
        known = [self._blobs.get(path) for path in paths]
        contents = iter(self.git.read_many([blob for blob in known if blob]))
        return [next(contents) if blob else None for blob in known]

    def exists(self, path: RepoPath) -> bool:
        """Whether `path` is a file or a directory here."""
        return path in self._blobs or path in self._directories

    def walk(self) -> Iterator[RepoPath]:
        """All regular files, sorted; symlinks and submodules are left out."""
        return iter(sorted(self._blobs))

    @cached_property
    def _blobs(self) -> dict[RepoPath, str]:
        cut = len(self.prefix) + 1 if self.prefix else 0
        files = self.git.files(self.sha)
        return {RepoPath(path[cut:]): sha for path, sha in files.items() if is_inside(path, self.prefix)}

    @cached_property
    def _together(self) -> dict[RepoPath, bytes | None]:
        names = [path for path in self._blobs if _belongs_together(path)]
        return dict(zip(names, self.read_many(names), strict=True))

    @cached_property
    def _directories(self) -> set[str]:
        return {parent for path in self._blobs for parent in parents(path)}


def _belongs_together(path: str) -> bool:
    return history.is_pointer(path) or path.rpartition("/")[2] == ".dvcignore"
