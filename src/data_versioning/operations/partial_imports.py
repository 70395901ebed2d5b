"""Imports that were recorded, but not downloaded yet: fetch and pull get them from their origin.

Their pointer files stay as they are. Content counts only when it is what was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data_versioning.errors import CorruptObject, FormatError, MissingObject
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import sharing, update_url, url_origin
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.sharing import ServedByDvc, TransferOptions, TransferResult
from data_versioning.paths import RepoPath
from data_versioning.pipeline.project import Selection, Tracked
from data_versioning.progress import Progress
from data_versioning.remotes.transfer import Problem
from data_versioning.repo import Repo
from data_versioning.storage.base import FailureKind
from data_versioning.workspace.scan import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a transfer tells, and by path of the output the object that is in the cache now."""

    result: TransferResult
    values: Mapping[RepoPath, str]


def is_ours(repo: Repo, item: Tracked) -> bool:
    """Whether an output without content comes from a place that we reach and whose record we know."""
    dependency = item.stage.deps[0]
    if not (item.stage.is_partial_import and dependency.digest):
        return False
    try:
        url_origin.refuse_unrecorded(repo.settings, dependency.path)
        return update_url.is_ours(repo.settings, item.stage)
    except ServedByDvc:
        return False


def find(repo: Repo, names: Sequence[str], options: TransferOptions) -> list[Tracked]:
    """Return those that `names` mean in the workspace, not in other revisions."""
    return [item for item in _meant(repo, names, options) if is_ours(repo, item)]


def declared(repo: Repo, names: Sequence[str], options: TransferOptions) -> TransferResult:
    """Return what keeps a pull of those that `names` mean and that were declared only (`--no-exec`)."""
    items = [item for item in _meant(repo, names, options) if item.stage.is_only_declared]
    reason = "was declared only (--no-exec): nothing is recorded of it"
    return TransferResult(
        remotes=(),
        copied=0,
        size=0,
        problems=tuple(Problem(item.path, "", FailureKind.MISSING, reason) for item in items),
        dry_run=options.dry_run,
        hint=f"dv update {' '.join(item.stage.file for item in items)}" if items else None,
    )


def _meant(repo: Repo, names: Sequence[str], options: TransferOptions) -> list[Tracked]:
    here = replace(options, all_branches=False, all_tags=False, all_commits=False)
    found = {
        item.path: item
        for item, _ in sharing.selections(repo, names, here)
        if item.stage.is_partial_import and sharing.is_meant(item, here, pushing=False)
    }
    return list(found.values())


def plan(loaded: Loaded, items: Sequence[Tracked]) -> TransferResult:
    """Return what `fetch` would try."""
    lacking = [item.path for item in items if not _is_cached(loaded, item)]
    return TransferResult(remotes=(), copied=len(lacking), size=0, planned=tuple(lacking), dry_run=True)


def fetch(loaded: Loaded, items: Sequence[Tracked], jobs: int | None, progress: Progress) -> Fetched:
    """Put into the cache what the origins hold; one that holds something else by now is a problem in the result."""
    values: dict[RepoPath, str] = {}
    problems: list[Problem] = []
    files = size = 0
    for item in items:
        recorded = item.stage.deps[0].digest or ""
        if _is_cached(loaded, item):
            values[item.path] = recorded
            continue
        found = _put(loaded, item, jobs, progress)
        if found is None:
            reason = (
                f"is no longer what was imported; dv update {item.stage.file} takes what the origin holds now"
            )
            problems.append(Problem(item.path, recorded, FailureKind.MISSING, reason))
        else:
            values[item.path] = found.oid.value
            files, size = files + len(found.listing), size + found.size
    progress.finish()
    loaded.stats.save()
    result = TransferResult(remotes=(), copied=files, size=size, problems=tuple(problems))
    return Fetched(result=result, values=values)


def filled(selections: Sequence[Selection], values: Mapping[RepoPath, str]) -> list[Selection]:
    """Return selections for a checkout, with the content that was fetched for them."""
    return [
        item._replace(
            tracked=item.tracked._replace(
                output=item.tracked.output._replace(md5=values[item.tracked.path], hash="md5")
            )
        )
        if item.tracked.path in values
        else item
        for item in selections
    ]


def _put(loaded: Loaded, item: Tracked, jobs: int | None, progress: Progress) -> Snapshot | None:
    """Store what the origin of an import holds; None when that is not what was recorded."""
    repo, dependency = loaded.repo, item.stage.deps[0]
    base, limits = f"{repo.root}/{item.stage.wdir}", sharing.limits(repo.preferences)
    origin = url_origin.find(repo.settings, dependency.path, base, limits=limits, jobs=jobs)
    if not url_origin.exists(origin):
        return None
    found = url_origin.put(loaded, origin, dependency.path, item.path, repo.cache, progress)
    return found.stored if update_url.same_id(found.dependency.digest, dependency.digest) else None


def _is_cached(loaded: Loaded, item: Tracked) -> bool:
    if not url_origin.is_here(loaded.repo.settings, item.stage.deps[0].path):
        return False  # what is recorded is an id of the store, or of a listing of such ids
    oid, cache = ObjectId(item.stage.deps[0].md5 or ""), loaded.repo.cache
    try:
        return not cache.missing(cache.read_tree(oid)[1] if oid.is_dir else [oid.value])
    except (MissingObject, CorruptObject, FormatError):
        return False
