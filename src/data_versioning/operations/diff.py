"""What changed in tracked data between two Git revisions, or between one and the workspace."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from data_versioning.errors import DataVersioningError, GitError, MissingObject, NotTracked, UsageError
from data_versioning.formats.dirfile import Listing
from data_versioning.git import history as commits
from data_versioning.git.repository import relative
from data_versioning.git.source import Revision
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import comparison, history, targets
from data_versioning.operations import loaded as loading
from data_versioning.operations.comparison import Entries
from data_versioning.operations.loaded import Loaded
from data_versioning.pipeline.project import Project, Selection, Tracked
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import remote as remotes
from data_versioning.remotes import wanted
from data_versioning.repo import Repo

WORKSPACE = "workspace"
"""What stands for the workspace in place of a revision, as in DVC."""
_NAMED = 5  # directories, in a message about any number of them


class Entry(NamedTuple):
    """A path and the hash of its content, None where none is recorded."""

    path: str
    hash: str | None


class Modified(NamedTuple):
    """A path whose content changed."""

    path: str
    old: str | None
    new: str | None


class Renamed(NamedTuple):
    """Content that is at another path now."""

    old: str
    new: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Paths relative to the root of the repository; directories end in "/". Each group is sorted by (old) path.

    `not_in_cache`: what the old revision needs, changed or not; only when it is compared with the workspace.
    `growth`: by how many bytes the compared data grew; None when not all sizes are recorded, or parts are compared.
    """

    added: tuple[Entry, ...] = ()
    deleted: tuple[Entry, ...] = ()
    modified: tuple[Modified, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    not_in_cache: tuple[Entry, ...] = ()
    growth: int | None = 0


def diff(
    repo: Repo,
    old: str = "HEAD",
    new: str | None = None,
    names: Sequence[str] = (),
    *,
    progress: Progress = SILENT,
) -> Diff:
    """Compare two revisions, or one with the workspace; targets `names` limit it, and may be gone on one side.

    Nothing differs before the first commit, nor when a revision does not hold this repository: as for DVC.
    Raises `GitError`, `NotTracked`, and `MissingObject` for a part of a directory whose listing is lost.
    """
    sources = _sources(repo, (old, new or WORKSPACE))
    if not sources:
        return Diff()
    loaded = loading.load(repo) if None in sources else Loaded(repo, Project(()), None, repo.stats)
    projects = [history.project_at(source) if source else loaded.project for source in sources]
    chosen = _choose(projects, targets.named(repo, names), targets.base(repo))
    if None in sources:
        before, after = (
            _recorded(selections, loaded) if source else _in_workspace(selections, loaded, progress)
            for source, selections in zip(sources, chosen, strict=True)
        )
    else:
        before, after = _recorded_apart(chosen[0], chosen[1], loaded)
    _drop_covered(before, after)
    return replace(
        _grouped(before, after),
        not_in_cache=() if new else _not_in_cache(before, chosen[0], loaded),
        growth=_growth(before, after)
        if all(item.inner is None for side in chosen for item in side)
        else None,
    )


def _sources(repo: Repo, names: Sequence[str]) -> list[Revision | None]:
    """Return what is compared, None for the workspace; nothing when there can be no difference."""
    git = repo.git
    if git is None:
        raise GitError(
            "there are no revisions to compare: this repository is not in Git",
            hint="dv status   compares the data with its pointer files",
        )
    if git.head() is None:
        return []
    shas = [None if name == WORKSPACE else commits.require(git.root, name) for name in names]
    if shas == [None, None]:
        raise UsageError("the workspace is compared with itself", hint="dv diff HEAD workspace")
    if shas[0] == shas[1]:
        return []
    prefix = relative(git, repo.root)
    sources = [Revision(git, sha, prefix) if sha else None for sha in shas]
    for name, source in zip(names, sources, strict=True):
        if source and prefix and next(source.walk(), None) is None:
            repo.notify(f"{name} does not hold this repository yet: there is nothing to compare")
            return []
    return sources


def _choose(projects: Sequence[Project], names: Sequence[str], base: str) -> list[list[Selection]]:
    """Return the cached outputs, or parts of them, that targets mean in each project; one has to know a target."""
    chosen: list[list[Selection]] = [[] for _ in projects]
    if not names:
        return [[Selection(item) for item in project.outputs() if item.output.cache] for project in projects]
    for name in names:
        errors = []
        for project, selections in zip(projects, chosen, strict=True):
            try:
                found = project.select([name], base=base)
            except NotTracked as error:
                errors.append(error)
            else:
                selections += [item for item in found if item.tracked.output.cache]
        if len(errors) == len(projects):
            raise errors[0]
    return chosen


def _recorded_apart(
    before: Sequence[Selection], after: Sequence[Selection], loaded: Loaded
) -> tuple[Entries, Entries]:
    """Return what is recorded, without what both sides record alike: outputs, and files inside a directory."""
    same = _ids(before) & _ids(after)
    left, right = (
        [item for item in side if (item.tracked.path, item.tracked.output.md5) not in same]
        for side in (before, after)
    )
    parts = comparison.changed_parts(_outputs(left), _outputs(right), loaded.repo.cache)
    return _recorded(left, loaded, parts[0]), _recorded(right, loaded, parts[1])


def _ids(selections: Iterable[Selection]) -> set[tuple[str, str | None]]:
    return {(path, output.md5) for (path, output, _), _ in selections if output.md5 and output.hash}


def _recorded(
    selections: Sequence[Selection],
    loaded: Loaded,
    listings: Mapping[str, Listing] = MappingProxyType({}),
) -> Entries:
    outputs = _outputs(selections)
    entries = comparison.recorded(outputs, loaded, granular=True, listings=listings)
    _read_from_remotes(entries, outputs, loaded.repo)
    for item in outputs:
        if not item.output.md5:
            oid = _announced(item)
            entries.values[item.path] = comparison.id_of(oid)
            entries.sizes[item.path] = None if oid.value else 0
            if oid.is_dir:
                entries.unknown.add(item.path)
    for item, inner in selections:
        if inner and item.path in entries.unknown:
            raise MissingObject(
                f"what '{item.path}' held is not known: the cache lacks its listing",
                hint="dv fetch --all-commits   brings it, if a remote has it",
            )
    return _limited(entries, selections)


def _read_from_remotes(entries: Entries, outputs: Iterable[Tracked], repo: Repo) -> None:
    """Add directories whose listing only a remote has, and tell which stay unknown: a fresh clone has no cache."""
    for path, output, _ in outputs:
        if path not in entries.unknown or not output.md5:
            continue
        oid = ObjectId(output.md5, output.is_legacy)
        with contextlib.suppress(DataVersioningError):
            found = wanted.read_tree(oid, remotes.open(repo.settings, output.remote).store)
            entries.unknown.remove(path)
            entries.put_inside(path, oid, *found)
    if lost := [f"{path}/" for path in sorted(entries.unknown)]:
        listed = ", ".join(lost[:_NAMED]) + (f" and {len(lost) - _NAMED} more" if lost[_NAMED:] else "")
        repo.notify(
            f"compared only as a whole, as the cache lacks the listing (dv fetch brings it): {listed}"
        )


def _announced(item: Tracked) -> ObjectId:
    """Return what an output without md5 is to become: the content of a URL that is not downloaded yet, or nothing."""
    stage = item.stage
    if stage.is_partial_import and not stage.is_repo_import:
        source = stage.deps[0]
        return ObjectId(source.digest or "", source.md5 is not None and source.hash is None)
    return ObjectId(item.output.digest or "")


def _in_workspace(selections: Sequence[Selection], loaded: Loaded, progress: Progress) -> Entries:
    entries = comparison.in_workspace(_outputs(selections), loaded, progress, granular=True)
    return _limited(entries, selections)


def _outputs(selections: Iterable[Selection]) -> list[Tracked]:
    return list({item.tracked.path: item.tracked for item in selections}.values())


def _limited(entries: Entries, selections: Sequence[Selection]) -> Entries:
    if all(item.inner is None for item in selections):
        return entries
    return entries.within([f"{path}/{inner}" if inner else path for (path, *_), inner in selections])


def _drop_covered(old: Entries, new: Entries) -> None:
    """Drop what is a directory of tracked files on the other side: DVC tells of these files only."""
    for side, paths in (
        (old, old.values.keys() & comparison.directories(new.values) - new.values.keys()),
        (new, new.values.keys() & comparison.directories(old.values) - old.values.keys()),
    ):
        for path in paths:
            del side.values[path]


def _grouped(old: Entries, new: Entries) -> Diff:
    found = comparison.compare(old, new)
    # Nothing is renamed from where nothing was recorded.
    gone = [path for path in found.deleted if old.values[path]]
    renamed = comparison.renames(old, new, gone, found.added)
    moved_from, moved_to = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return Diff(
        added=_entries(new, [path for path in found.added if path not in moved_to]),
        deleted=_entries(old, [path for path in found.deleted if path not in moved_from]),
        modified=tuple(
            sorted(Modified(old.shown(path), _hash(old, path), _hash(new, path)) for path in found.modified)
        ),
        renamed=tuple(
            sorted(
                Renamed(old.shown(one), new.shown(two), comparison.value_of(new.values[two]))
                for one, two in renamed
            )
        ),
    )


def _growth(old: Entries, new: Entries) -> int | None:
    sizes = [
        None if None in side.sizes.values() else sum(filter(None, side.sizes.values())) for side in (old, new)
    ]
    return None if sizes[0] is None or sizes[1] is None else sizes[1] - sizes[0]


def _entries(side: Entries, paths: Iterable[str]) -> tuple[Entry, ...]:
    return tuple(sorted(Entry(side.shown(path), _hash(side, path)) for path in paths))


def _hash(side: Entries, path: str) -> str | None:
    return comparison.value_of(side.values[path]) or None


def _not_in_cache(old: Entries, selections: Iterable[Selection], loaded: Loaded) -> tuple[Entry, ...]:
    """Return what the cache lacks of the objects that are recorded; what was never downloaded counts as lacking."""
    pending = {item.tracked.path for item in selections if not item.tracked.output.md5}
    stored = Entries({path: value for path, value in old.values.items() if path not in pending})
    missing = comparison.not_in_cache(stored, loaded.repo.cache)
    return _entries(old, [*missing, *(path for path in pending if old.values.get(path))])
