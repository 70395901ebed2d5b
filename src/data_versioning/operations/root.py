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
