"""What changed in tracked data: from the last Git commit to the pointer files, and from those to the workspace."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from data_versioning.errors import CorruptObject, FormatError, GitError, MissingObject
from data_versioning.git import index as git_index
from data_versioning.git.repository import relative
from data_versioning.git.source import Revision
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import is_inside, parents
from data_versioning.pipeline.load import load
from data_versioning.pipeline.project import Project, Tracked
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.workspace import scan

_TEXT = "~text"


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


@dataclass(slots=True)
class _Entries:
    """One side of a comparison: object id by path, for outputs and, when granular, for the files inside them.

    An id of DVC 2.x ends in `_TEXT`: it never equals one of today, whatever the content.
    """

    values: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)  # directories whose listing cannot be read


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
    cache = repo.cache
    index = _recorded(loaded.project.outputs(), loaded, granular=granular)
    progress.start("Comparing with the workspace")
    try:
        workspace = _workspace(loaded, progress, granular=granular)
    finally:
        progress.finish()
        loaded.stats.save()
    head = _head(repo)
    uncommitted = _diff(index, workspace, only)
    committed = Changes()
    unchanged = set(uncommitted.unchanged)
    if head is not None:
        committed = _diff(_recorded(head.outputs(), loaded, granular=granular), index, only)
        unchanged &= set(committed.unchanged)
    git = repo.git
    return DataStatus(
        not_in_cache=_not_in_cache(index, cache, only),
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
        return load(Revision(git, sha, relative(git, repo.root)))
    except GitError:
        return Project(())


def _recorded(outputs: Iterable[Tracked], loaded: Loaded, *, granular: bool) -> _Entries:
    entries = _Entries()
    for item in outputs:
        output = item.output
        if not output.cache or not output.md5:
            continue
        oid = ObjectId(output.md5, output.is_legacy)
        entries.values[item.path] = _id(oid.value, oid)
        if granular and output.is_dir:
            found = _tree(loaded, item, oid)
            if found is None:
                entries.unknown.add(item.path)
            else:
                _put_inside(entries, item.path, oid, *found)
    return entries


def _tree(loaded: Loaded, item: Tracked, oid: ObjectId) -> tuple[list[str], list[str]] | None:
    """Return a listing from the cache, else from what was hashed last; None when nobody knows it."""
    try:
        return loaded.repo.cache.read_tree(oid)
    except (MissingObject, CorruptObject, FormatError):
        record = loaded.stats.tree(loaded.scanner(legacy=oid.legacy).key(item.path))
    if record is None or record.value != oid.value:
        return None
    return os.fsdecode(record.names).split("\0")[:-1], oids.hex_digests(record.digests)


def _workspace(loaded: Loaded, progress: Progress, *, granular: bool) -> _Entries:
    entries = _Entries()
    for item in loaded.project.outputs():
        if not item.output.cache:
            continue
        scanner = loaded.scanner(legacy=item.output.is_legacy, progress=progress)
        found = scan.look(scanner, item.path)
        if found is None:
            continue
        entries.values[item.path] = _id(found.oid.value, found.oid)
        if granular and found.is_dir:
            _put_inside(entries, item.path, found.oid, found.paths(), found.hex_digests())
    return entries


def _id(value: str, oid: ObjectId) -> str:
    return f"{value}{_TEXT}" if oid.legacy else value


def _put_inside(entries: _Entries, path: str, oid: ObjectId, names: list[str], values: list[str]) -> None:
    """Add the files of the directory `oid`."""
    entries.values.update(
        (f"{path}/{name}", _id(value, oid)) for name, value in zip(names, values, strict=True)
    )


def _diff(old: _Entries, new: _Entries, only: Sequence[str]) -> Changes:
    unknown = old.unknown | new.unknown
    found: dict[str, list[str]] = {"modified": [], "unknown": [], "unchanged": []}
    added: list[str] = []
    deleted: list[str] = []
    between: set[str] = set()
    for path in sorted(old.values.keys() | new.values.keys()):
        if only and not any(is_inside(path, target) for target in only):
            continue
        before, after = old.values.get(path), new.values.get(path)
        if unknown and _is_below(path, unknown):
            if after is not None:
                found["unknown"].append(path)
                between.update(f"{parent}/" for parent in parents(path) if _is_below(parent, unknown))
        elif before is None:
            added.append(path)
        elif after is None:
            deleted.append(path)
        else:
            found["unchanged" if before == after else "modified"].append(path)
    found["unknown"] = sorted([*found["unknown"], *between])
    renamed = _renamed(old, new, added, deleted)
    names = {kind: tuple(_shown(path, new, old) for path in paths) for kind, paths in found.items()}
    # DVC shows a deleted file as what stands in its place.
    replaced = {parent for path in added for parent in parents(path)} if deleted else set()
    moved_from, moved_to = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return Changes(
        added=tuple(_shown(path, new, old) for path in added if path not in moved_to),
        deleted=tuple(
            f"{path}/" if path in replaced else _shown(path, old, new)
            for path in deleted
            if path not in moved_from
        ),
        renamed=tuple((_shown(one, old, old), _shown(two, new, new)) for one, two in renamed),
        **names,
    )


def _is_below(path: str, places: set[str]) -> bool:
    return any(path.startswith(f"{place}/") for place in places)


def _renamed(old: _Entries, new: _Entries, added: list[str], deleted: list[str]) -> list[tuple[str, str]]:
    """Pair what disappeared with what appeared under the same id, in the order of the names."""
    gone: dict[str, deque[str]] = {}
    for path in sorted(deleted, key=_by_parts):
        gone.setdefault(old.values[path], deque()).append(path)
    pairs = []
    for path in sorted(added, key=_by_parts):
        queue = gone.get(new.values[path])
        if queue:
            pairs.append((queue.popleft(), path))
    return pairs


def _by_parts(path: str) -> list[str]:
    return path.split("/")


def _shown(path: str, first: _Entries, second: _Entries) -> str:
    value = first.values.get(path) or second.values.get(path) or ""
    return f"{path}/" if value.removesuffix(_TEXT).endswith(oids.DIRECTORY_SUFFIX) else path


def _not_in_cache(index: _Entries, cache: ObjectCache, only: Sequence[str]) -> tuple[str, ...]:
    chosen = [path for path in index.values if not only or any(is_inside(path, target) for target in only)]
    missing: list[str] = []
    for legacy in (False, True):
        paths = [path for path in chosen if index.values[path].endswith(_TEXT) is legacy]
        values = [index.values[path].removesuffix(_TEXT) for path in paths]
        missing += [_shown(paths[at], index, index) for at in cache.missing(values, legacy=legacy)]
    return tuple(sorted(missing))
