"""The projects of old commits. Reads Git."""

from __future__ import annotations

from collections.abc import Iterator

from data_versioning.errors import DataVersioningError, GitError
from data_versioning.git.repository import relative
from data_versioning.git.source import Revision
from data_versioning.paths import parents
from data_versioning.pipeline.load import load
from data_versioning.pipeline.project import Project
from data_versioning.pipeline.stage import is_pointer_file
from data_versioning.repo import Repo
from data_versioning.workspace.ignore import IgnoreRules

_POINTERS = (".dvc", "dvc.yaml", "dvc.lock", ".dvcignore")
# A directory with this file below it is a repository.
_CONFIG = "/.dvc/config"


def projects(
    repo: Repo, *, all_branches: bool = False, all_tags: bool = False, all_commits: bool = False
) -> Iterator[Project]:
    """Yield the projects of the chosen commits, those with equal pointer files once.

    A commit whose project cannot be understood is left out with a message.
    """
    git = repo.git
    if git is None:
        raise GitError("there are no commits: this repository is not in Git", hint="leave out -a, -T and -A")
    prefix = relative(git, repo.root)
    seen: set[frozenset[tuple[str, str]]] = set()
    for sha in git.revisions(all_branches=all_branches, all_tags=all_tags, all_commits=all_commits):
        files = frozenset(git.files(sha, _POINTERS).items())
        if files in seen:
            continue
        seen.add(files)
        try:
            yield project_at(Revision(git, sha, prefix))
        except DataVersioningError as error:
            repo.notify(f"left out the commit {sha[:7]}, which cannot be read: {error.message}")


def project_at(revision: Revision) -> Project:
    """Return the project of a commit, without what its .dvcignore files hide and other repositories below it."""
    names = list(revision.walk())
    nested = {name.removesuffix(_CONFIG) for name in names if name.endswith(_CONFIG)}
    pointers = [name for name in names if is_pointer_file(name) and nested.isdisjoint(parents(name))]
    rules = IgnoreRules.read(revision, [name for name in names if name.rpartition("/")[2] == ".dvcignore"])
    return load(revision, [pointers[at] for at in rules.filter(pointers)])
