"""The Git repository around a project: where it is, what it tracks, its commits and tags.

Finding it and reading HEAD takes no process. Paths are relative to the top of the work tree or absolute;
those that come back are written as they were given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from data_versioning.errors import PathError
from data_versioning.git import history, index, process
from data_versioning.localfs import regular


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """A work tree: its top (symlinks resolved), its Git directory, and the one all its worktrees share."""

    root: str
    git_dir: str
    common_dir: str

    @classmethod
    def find(cls, path: str) -> Self | None:
        """Return the repository whose work tree holds `path`; None without one."""
        directory = os.path.realpath(path)
        while True:
            if git_dir := _git_directory(os.path.join(directory, ".git")):
                return cls(root=directory, git_dir=git_dir, common_dir=_common_directory(git_dir))
            parent = os.path.dirname(directory)
            if parent == directory:
                return None
            directory = parent

    def head(self) -> str | None:
        """Return the commit that is checked out; None before the first commit."""
        target = _read(os.path.join(self.git_dir, "HEAD"))
        if not target.startswith("ref: "):
            return target or None
        for directory in (self.common_dir, self.git_dir):
            if sha := _read(os.path.join(directory, target.removeprefix("ref: "))):
                return sha
        return history.resolve(self.root, "HEAD")

    def current_branch(self) -> str | None:
        """Return the name of the branch that is checked out, born or not; None on a detached HEAD."""
        target = _read(os.path.join(self.git_dir, "HEAD"))
        if target == "ref: refs/heads/.invalid":  # branches are kept in reftables
            name = process.run(self.root, "symbolic-ref", "-q", "--short", "HEAD", accepted=(0, 1))
            return os.fsdecode(name).strip() or None
        return target.removeprefix("ref: refs/heads/") if target.startswith("ref: refs/heads/") else None

    def is_ignored(self, paths: Iterable[str]) -> set[str]:
        """Return those paths that ignore rules hide, tracked or not; a final "/" means a directory."""
        return index.is_ignored(self.root, {path: _relative(self.root, path) for path in paths})

    def tracked(self, paths: Iterable[str]) -> set[str]:
        """Return those paths that are in the index or have something below them in the index."""
        return index.tracked(self.root, {path: _relative(self.root, path) for path in paths})

    def is_dirty(self, paths: Iterable[str] | None = None) -> bool:
        """Whether any of these paths differs from HEAD, is staged or new; without paths: any tracked file."""
        if paths is None:
            return bool(process.run(self.root, "status", "--porcelain", "-z", "--untracked-files=no"))
        states = index.changed(self.root, [_relative(self.root, path) for path in paths]).values()
        return any(state != "!!" for state in states)

    def stage(self, paths: Iterable[str]) -> None:
        """Put these files into the index as they are on disk; those that are gone leave it."""
        with index.changing(self.git_dir):
            index.stage(self.root, [_relative(self.root, path) for path in paths])

    def commit(self, paths: Iterable[str], message: str) -> str | None:
        """Commit exactly these files as they are on disk; return the commit, or None when nothing changed.

        What else is staged stays staged and uncommitted. Hooks run; if one refuses, the index is as before.
        """
        found = [_relative(self.root, path) for path in paths]
        with index.changing(self.git_dir):
            return self.head() if index.commit(self.root, self.git_dir, found, message) else None

    def tag(self, name: str, message: str, *, annotated: bool = True, revision: str = "HEAD") -> None:
        """Name a commit. Raises `GitError` when the tag exists."""
        kind = ("--annotate", f"--message={message}") if annotated else ("--no-sign",)
        process.run(self.root, "tag", *kind, "--", name, history.plain(revision), env={})

    def tags(self) -> dict[str, str]:
        """Return the commit behind each tag, by name."""
        return history.references(self.root, "refs/tags/")

    def revisions(
        self,
        *,
        all_branches: bool = False,
        all_tags: bool = False,
        all_commits: bool = False,
        rev: str | None = None,
        num: int = 1,
        date: str | None = None,
    ) -> list[str]:
        """Return the distinct commits that DVC's options select, in the order found.

        `num` commits of the first-parent line below `rev` and below each branch (negative: all); `date`
        (YYYY-MM-DD, local time): every commit of the repository made since.
        """
        selected: list[str] = []
        if rev is not None:
            selected += history.line(self.root, [history.require(self.root, rev)], num)
        if all_commits:
            selected += [sha for sha, _ in history.everything(self.root)]
        else:
            if all_branches:
                selected += history.line(
                    self.root, [*history.references(self.root, "refs/heads/").values()], num
                )
            if all_tags:
                selected += self.tags().values()
            if date is not None:
                since = history.midnight(date)
                selected += [sha for sha, time in history.everything(self.root) if time >= since]
        return list(dict.fromkeys(selected))

    def read_many(self, objects: Sequence[str]) -> list[bytes | None]:
        """Return the content of each object ("REVISION:PATH" or a blob's name), None where there is none."""
        return history.read_many(self.root, objects)

    def files(self, rev: str, suffixes: Sequence[str] = ("",)) -> Mapping[str, str]:
        """Return the blob of every regular file of a revision whose path ends with one of `suffixes`."""
        return history.files(self.root, rev, tuple(suffixes))

    def identity(self) -> str:
        """Return "Name <email>" of the committer; `GitError` when Git knows none, or no author."""
        process.run(self.root, "var", "GIT_AUTHOR_IDENT")
        said = process.run(self.root, "var", "GIT_COMMITTER_IDENT")
        return os.fsdecode(said).rpartition(">")[0] + ">"

    def switch(self, revision: str) -> None:
        """Check out a branch, or any other revision on a detached HEAD. Git refuses to overwrite changes."""
        how = () if revision in history.references(self.root, "refs/heads/") else ("--detach",)
        process.run(self.root, "switch", "--quiet", *how, history.plain(revision), env={})


def check_commit(git: Git, path: str) -> None:
    """Raise `GitError` when Git would not commit this file, there or not: no identity, a merge, an ignore rule."""
    git.identity()
    index.refuse_unfinished(git.git_dir)
    if git.is_ignored([path]) and not git.tracked([path]):
        index.refuse_ignored([_relative(git.root, path)])


def relative(git: Git, path: str) -> str:
    """Return a path relative to the top of the work tree, "" for the top itself; `PathError` outside."""
    found = _relative(git.root, path)
    return "" if found == "." else found


def main_worktree(git: Git) -> str | None:
    """Return the top of the main work tree, `git.root` unless linked; None beside a bare repository."""
    if git.git_dir == git.common_dir:
        return git.root
    directory, name = os.path.split(git.common_dir)
    return directory if name == ".git" else None


def worktrees(git: Git) -> list[str]:
    """Return the tops of all work trees that exist, the main one first."""
    listed = process.run(git.root, "worktree", "list", "--porcelain").split(b"\n")
    found = [os.fsdecode(line.removeprefix(b"worktree ")) for line in listed if line.startswith(b"worktree ")]
    return [path for path in found if Git.find(path) is not None and os.path.isdir(path)]


def _relative(root: str, path: str) -> str:
    top = root + "/"
    if not os.path.isabs(path):
        return path
    if path.startswith(top):
        return path.removeprefix(top) or "."
    if os.path.realpath(path) == root:
        return "."
    plain = path.rstrip("/")
    resolved = os.path.join(os.path.realpath(os.path.dirname(plain)), os.path.basename(plain))
    if not resolved.startswith(top):
        raise PathError(f"{path} lies outside the Git repository {root}", hint=f"cd {root}")
    return resolved.removeprefix(top) + path[len(plain) :]


def _git_directory(marker: str) -> str | None:
    """Return the Git directory that `.git` is, or that it names as a file."""
    if text := _read(marker):
        named = text.removeprefix("gitdir: ")
        marker = os.path.realpath(os.path.join(os.path.dirname(marker), named)) if named != text else ""
    return marker if os.path.lexists(os.path.join(marker, "HEAD")) and marker else None


def _common_directory(git_dir: str) -> str:
    named = _read(os.path.join(git_dir, "commondir"))
    return os.path.realpath(os.path.join(git_dir, named)) if named else git_dir


def _read(path: str) -> str:
    try:
        return os.fsdecode(regular.read(path)).rstrip("\n")
    except (OSError, ValueError):  # ValueError: NUL in a path that another file named
        return ""
