"""All files of a commit, with their sizes and modes, directory by directory.

What Git lists is hostile: a tree object may hold any name. Symbolic links are files that hold their target,
submodules are left out, and so is everything named like a repository's own directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from data_versioning import paths
from data_versioning.errors import GitError
from data_versioning.git import history, process
from data_versioning.git.repository import Git
from data_versioning.paths import RepoPath, is_inside
from data_versioning.source import Item

_TREE = b"040000"
_LINK = b"120000"
_EXECUTABLE = b"100755"
_OWN = frozenset({".git", ".hg"})


class _Entry(NamedTuple):
    mode: bytes
    sha: str


class CommitTree:
    """What lies below `prefix` ("" for the top) of the commit `sha`; listed once, when first asked."""

    def __init__(self, git: Git, sha: str, prefix: str = "") -> None:
        self.git = git
        self.sha = sha
        self.prefix = prefix

    def read(self, path: RepoPath) -> bytes:
        """Return the content of a regular file; `FileNotFoundError` when there is none."""
        entry = self._entries.get(path)
        if entry is None or entry.mode in (_TREE, _LINK):
            raise FileNotFoundError(f"{path} at {self.sha}")
        return self.read_many([path])[0]

    def read_many(self, names: Sequence[str]) -> list[bytes]:
        """Return the contents of files, of links their target; all of them must be there."""
        contents = history.read_many(self.git.root, [self._entries[name].sha for name in names])
        for name, content in zip(names, contents, strict=True):
            if content is None:
                raise GitError(f"the Git repository lacks the content of '{name}'", hint="git fsck")
        return [content for content in contents if content is not None]

    def exists(self, path: RepoPath) -> bool:
        """Whether `path` is a file or a directory here."""
        return path in self._entries

    def walk(self) -> Iterator[RepoPath]:
        """All regular files, sorted."""
        kinds = (_TREE, _LINK)
        return iter(
            sorted(RepoPath(path) for path, entry in self._entries.items() if entry.mode not in kinds)
        )

    def item(self, path: str) -> Item | None:
        """See `Tree.item`."""
        entry = self._entries.get(path)
        return self._item(entry) if entry else None

    def items(self, path: str) -> Mapping[str, Item]:
        """See `Tree.items`."""
        prefix = f"{path}/" if path else ""
        return {name: self._item(self._entries[prefix + name]) for name in self._names.get(path, ())}

    def _item(self, entry: _Entry) -> Item:
        return Item(
            is_dir=entry.mode == _TREE,
            size=self._sizes[entry.sha],
            is_executable=entry.mode == _EXECUTABLE,
        )

    @cached_property
    def _entries(self) -> dict[str, _Entry]:
        out = process.run(self.git.root, "ls-tree", "-r", "-t", "-z", "--full-tree", self.sha)
        found = {}
        for line in out.split(b"\0")[:-1]:
            facts, _, path = line.partition(b"\t")
            mode, kind, sha = facts.split(b" ")
            if kind != b"commit":
                found[os.fsdecode(path)] = _Entry(mode, sha.decode())
        if (bad := paths.first_bad(found)) is not None:
            raise GitError(
                f"the Git repository holds the path {bad!r}, which leads out of it", hint="git fsck"
            )
        cut = len(self.prefix) + 1 if self.prefix else 0
        top = process.run(self.git.root, "rev-parse", f"{self.sha}:{self.prefix}").decode().strip()
        return {"": _Entry(_TREE, top)} | {
            path[cut:]: entry
            for path, entry in found.items()
            if path != self.prefix
            and is_inside(path, self.prefix)
            and not any(part.lower() in _OWN for part in path.split("/"))
        }

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self._entries:
            if path:
                directory, _, name = path.rpartition("/")
                found.setdefault(directory, []).append(name)
        return found

    @cached_property
    def _sizes(self) -> dict[str, int]:
        shas = list({entry.sha for entry in self._entries.values()})
        given = "".join(f"{sha}\n" for sha in shas).encode()
        out = process.run(self.git.root, "cat-file", "--batch-check=%(objectsize)", given=given).splitlines()
        return {sha: int(size) if size.isdigit() else 0 for sha, size in zip(shas, out, strict=True)}
