"""Where the repository starts."""

from __future__ import annotations

import os

from data_versioning import repo


def root(start: str = ".") -> str:
    """Return the top of the repository around `start`, relative to the current directory.

    Raises `NotInRepository`.
    """
    return os.path.relpath(repo.find_root(start), os.path.realpath("."))
