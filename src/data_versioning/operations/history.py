"""The projects of old commits. Reads Git."""

from __future__ import annotations

import os
from collections.abc import Iterator

from data_versioning.errors import DataVersioningError, GitError
from data_versioning.git.source import Revision
from data_versioning.pipeline.load import load
from data_versioning.pipeline.project import Project
from data_versioning.repo import Repo

_POINTERS = (".dvc", "dvc.yaml", "dvc.lock")


def projects(
    repo: Repo, *, all_branches: bool = False, all_tags: bool = False, all_commits: bool = False
) -> Iterator[Project]:
    """Yield the projects of the chosen commits, those with equal pointer files once.

    A commit whose project cannot be understood is left out with a message.
    """
    git = repo.git
    if git is None:
        raise GitError("there are no commits: this repository is not in Git", hint="leave out -a, -T and -A")
    prefix = os.path.relpath(repo.root, git.root)
    seen: set[frozenset[tuple[str, str]]] = set()
    for sha in git.revisions(all_branches=all_branches, all_tags=all_tags, all_commits=all_commits):
        files = frozenset(git.files(sha, _POINTERS).items())
        if files in seen:
            continue
        seen.add(files)
        try:
            yield load(Revision(git, sha, "" if prefix == "." else prefix))
        except DataVersioningError as error:
            repo.notify(f"left out the commit {sha[:7]}, which cannot be read: {error.message}")
