"""Work trees of commits for a while, beside the user's own.

Each lies in a directory of its own, together with a lock that is held as long as it is in use.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from data_versioning.errors import DiskError, GitError, LockTimeout
from data_versioning.git import process
from data_versioning.git.repository import Git
from data_versioning.localfs import locks

# Hooks of the user are about the user's own work tree.
_WITHOUT_HOOKS = ("-c", "core.hooksPath=/dev/null")
_TREE = "tree"
_LOCK = "lock"
_CLAIMING = 10.0  # seconds; `sweep` may hold the lock of a directory that was just made


@contextmanager
def temporary(git: Git, sha: str, directory: str) -> Iterator[str]:
    """Check out a commit somewhere in `directory`, and remove it at the end with all that was made there."""
    place = f"{directory}/{os.urandom(8).hex()}"
    with locks.exclusive(f"{place}/{_LOCK}", timeout=_CLAIMING):
        path = f"{place}/{_TREE}"
        try:
            process.run(
                git.root, *_WITHOUT_HOOKS, "worktree", "add", "--quiet", "--detach", path, sha, env={}
            )
            yield path
        finally:
            _remove(git, place)


def sweep(git: Git, directory: str, *, is_used: Callable[[str], bool]) -> None:
    """Remove what processes that were killed left in `directory`; a tree that `is_used` all the same stays."""
    with suppress(FileNotFoundError):
        for name in os.listdir(directory):
            place = f"{directory}/{name}"
            with suppress(LockTimeout, DiskError), locks.exclusive(f"{place}/{_LOCK}", timeout=0):
                if not is_used(f"{place}/{_TREE}"):
                    _remove(git, place)


def _remove(git: Git, place: str) -> None:
    shutil.rmtree(f"{place}/{_TREE}", ignore_errors=True)
    # Git forgets this tree, and no other one that is only not there now, as `prune` would.
    with suppress(GitError):
        process.run(git.root, "worktree", "remove", "--force", "--force", f"{place}/{_TREE}", env={})
    shutil.rmtree(place, ignore_errors=True)
