"""What a command line can name here: the words that shells complete."""

from __future__ import annotations

from enum import StrEnum

from data_versioning.git import history
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.repo import Repo

_REFERENCES = ("refs/heads/", "refs/tags/", "refs/remotes/")


class Kind(StrEnum):
    """What a word names."""

    TARGETS = "targets"
    STAGES = "stages"
    REMOTES = "remotes"
    REVISIONS = "revisions"


def words(repo: Repo, kind: Kind) -> list[str]:
    """Return what there is of a kind, as it is typed in the current directory; nothing that needs two lines."""
    found = {
        Kind.TARGETS: _targets,
        Kind.STAGES: _stages,
        Kind.REMOTES: _remotes,
        Kind.REVISIONS: _revisions,
    }[kind](repo)
    return sorted({word for word in found if "\n" not in word})


def _targets(repo: Repo) -> list[str]:
    return [repo.shown(tracked.path) for tracked in loading.load(repo).project.outputs()]


def _stages(repo: Repo) -> list[str]:
    base = targets.base(repo)
    return [stage.address_from(base) for stage in loading.load(repo).project.stages]


def _remotes(repo: Repo) -> list[str]:
    return list(repo.settings.remotes())


def _revisions(repo: Repo) -> list[str]:
    git = repo.git
    return [name for prefix in _REFERENCES for name in history.references(git.root, prefix)] if git else []
