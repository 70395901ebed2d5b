"""What changed in tracked data: from the last Git commit to the pointer files, and from those to the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.errors import GitError
from data_versioning.git import index as git_index
from data_versioning.git.repository import relative
from data_versioning.git.source import Revision
from data_versioning.operations import comparison, history, targets
from data_versioning.operations import loaded as loading
from data_versioning.operations.comparison import Entries
from data_versioning.pipeline.project import Project
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Paths relative to the root of the repository; directories end in "/". All sorted."""

    modified: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()  # old, new
    unknown: tuple[str, ...] = ()  # in a directory whose recorded listing is missing
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStatus:
    """`committed`: HEAD against pointer files; `uncommitted`: pointer files against the workspace."""

    not_in_cache: tuple[str, ...] = ()
    committed: Changes = Changes()
    uncommitted: Changes = Changes()
    untracked: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    in_git: bool = True
    has_commits: bool = True


def data_status(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    granular: bool = False,
    untracked: bool = False,
    progress: Progress = SILENT,
) -> DataStatus:
    """Compare commit, pointer files and workspace; `names` limit it to those paths."""
    loaded = loading.load(repo)
    only = [targets.inside(repo, name) for name in names]

    def limited(entries: Entries) -> Entries:
        return entries.within(only) if only else entries

    outputs = loaded.project.outputs()
    index = limited(comparison.recorded(outputs, loaded, granular=granular))
    workspace = limited(comparison.in_workspace(outputs, loaded, progress, granular=granular))
    head = _head(repo)
    uncommitted = _changes(index, workspace)
    committed = Changes()
    unchanged = set(uncommitted.unchanged)
    if head is not None:
        before = limited(comparison.recorded(head.outputs(), loaded, granular=granular))
        committed = _changes(before, index)
        unchanged &= set(committed.unchanged)
    git = repo.git
    return DataStatus(
        not_in_cache=tuple(sorted(map(index.shown, comparison.not_in_cache(index, repo.cache)))),
        committed=committed,
        uncommitted=uncommitted,
        untracked=tuple(git_index.untracked(repo.root)) if git and untracked else (),
        unchanged=tuple(sorted(unchanged)),
        in_git=git is not None,
        has_commits=git is not None and git.head() is not None,
    )


def _head(repo: Repo) -> Project | None:
    """Return the project of the last commit: an empty one before the first commit, None without Git."""
    git = repo.git
    if git is None:
        return None
    sha = git.head()
    if sha is None:
        return Project(())
    try:
        return history.project_at(Revision(git, sha, relative(git, repo.root)))
    except GitError:
        return Project(())


def _changes(old: Entries, new: Entries) -> Changes:
    found = comparison.compare(old, new)
    renamed = comparison.renames(old, new, found.deleted, found.added)
    moved_from, moved_to = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    # DVC shows a deleted file as what stands in its place.
    replaced = comparison.directories(found.added) if found.deleted else set()
    return Changes(
        modified=tuple(map(new.shown, found.modified)),
        added=tuple(new.shown(path) for path in found.added if path not in moved_to),
        deleted=tuple(
            f"{path}/" if path in replaced else old.shown(path)
            for path in found.deleted
            if path not in moved_from
        ),
        renamed=tuple((old.shown(one), new.shown(two)) for one, two in renamed),
        unknown=tuple(map(new.shown, found.unknown)),
        unchanged=tuple(map(new.shown, found.unchanged)),
    )
