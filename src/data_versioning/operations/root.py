"""Where the repository starts."""

from __future__ import annotations

import os

from data_versioning import repo
from data_versioning.git import index
from data_versioning.git.repository import Git


def root(start: str = ".") -> str:
    """Return the top of the repository around `start`, relative to the current directory.

    Raises `NotInRepository`.
    """
    return os.path.relpath(repo.find_root(start), os.path.realpath("."))


def below(directory: str = ".") -> list[str]:
    """Return the repositories that Git tracks below `directory`: several may live in one Git repository."""
    if Git.find(directory) is None:
        return []
    return [file.removesuffix("/.dvc/config") for file in index.matching(directory, "*/.dvc/config")]


def of_work_tree() -> list[str]:
    """Return the repositories of the Git work tree around the current directory: at its top, and below it."""
    git = Git.find(".")
    if git is None:
        return []
    top = [git.root] if os.path.isdir(f"{git.root}/.dvc") else []
    return top + [
        f"{git.root}/{path}" for path in below(git.root) if os.path.isdir(f"{git.root}/{path}/.dvc")
    ]


def is_rebasing() -> bool:
    """Whether Git is in the middle of a rebase of the work tree around the current directory."""
    git = Git.find(".")
    return git is not None and any(
        os.path.isdir(f"{git.git_dir}/{name}") for name in ("rebase-merge", "rebase-apply")
    )
