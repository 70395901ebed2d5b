"""A work tree of a commit for a while, beside the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from data_versioning.errors import GitError
from data_versioning.git import process
from data_versioning.git.repository import Git

# Hooks of the user are about the user's own work tree.
_WITHOUT_HOOKS = ("-c", "core.hooksPath=/dev/null")


@contextmanager
def temporary(git: Git, sha: str, path: str) -> Iterator[str]:
    """Check out a commit at `path`, which must not exist, and remove it at the end with all that was made there."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    process.run(git.root, *_WITHOUT_HOOKS, "worktree", "add", "--quiet", "--detach", path, sha, env={})
    try:
        yield path
    finally:
        with suppress(GitError):
            process.run(git.root, "worktree", "remove", "--force", "--force", path, env={})
