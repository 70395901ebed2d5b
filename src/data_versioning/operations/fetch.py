"""Download data from its remote into the cache."""

from __future__ import annotations

from collections.abc import Sequence

from data_versioning.objects.oid import ObjectId
from data_versioning.operations import loaded as loading
from data_versioning.operations import partial_imports, sharing
from data_versioning.operations.sharing import Share, TransferOptions, TransferResult
from data_versioning.pipeline.project import Tracked
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import runs, transfer, wanted
from data_versioning.remotes.wanted import Request
from data_versioning.repo import Repo


def fetch(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: TransferOptions = TransferOptions(),  # noqa: B008
    progress: Progress = SILENT,
) -> TransferResult:
    """Copy to the cache what it lacks of the outputs that `names` mean (all without names).

    Raises `TransferFailed` when something could not be fetched; the rest is in the cache. Raises
    `ServedByDvc` before anything is done.
    """
    shares = sharing.shares(repo, names, options=options, pushing=False)
    partial = partial_imports.find(repo, names, options)
    imports = sharing.lacking_imports(repo, names, options)
    if options.dry_run:
        known = partial_imports.plan(loading.load(repo), partial)
        result = sharing.joined([plan_all(repo, shares, imports, options), known])
        return sharing.checked(result, verb="fetch", allow_missing=options.allow_missing)
    with repo.transaction("fetch"):
        copied = partial_imports.fetch(loading.load(repo), partial, options.jobs, progress).result
        foreign = sharing.fetch_imports(repo, imports, options, progress).result
        result = sharing.joined([run(repo, shares, options, progress), copied, foreign])
        return sharing.checked(result, verb="fetch", allow_missing=options.allow_missing)


def plan_all(
    repo: Repo, shares: Sequence[Share], imports: Sequence[Tracked], options: TransferOptions
) -> TransferResult:
    """Return what a fetch would do."""
    planned = [plan(repo, share, options) for share in shares]
    return sharing.joined([*planned, sharing.dry_imports(imports)])


def plan(repo: Repo, share: Share, options: TransferOptions) -> TransferResult:
    """Return what a fetch from one remote would do."""
    cache, store = repo.cache, share.remote.store
    plans = [
        transfer.check(transfer.plan_fetch(one, cache), store)
        for one in wanted.expand(share.requests, cache, store)
    ]
    return sharing.dry(share.remote, plans, runs.plan_fetch(cache, store) if share.runs else [])


def run(repo: Repo, shares: Sequence[Share], options: TransferOptions, progress: Progress) -> TransferResult:
    """Fetch inside a transaction of the caller; what failed is in the result."""
    return sharing.each(shares, lambda share: _fetch(repo, share, options, progress))


def fetch_tracked(repo: Repo, items: Sequence[Tracked]) -> None:
    """Bring what can be had of these outputs into the cache; the caller looks what is missing."""
    by_remote: dict[str | None, list[Request]] = {}
    for item in items:
        oid = ObjectId(item.output.md5 or "", item.output.is_legacy)
        by_remote.setdefault(item.output.remote, []).append(Request(oid, item.path))
    shares = [Share(remote=sharing.open_remote(repo, name), requests=one) for name, one in by_remote.items()]
    for share in shares:
        _fetch(repo, share, TransferOptions(allow_missing=True), SILENT)


def fetch_runs(repo: Repo) -> None:
    """Bring the run cache of the default remote into the cache."""
    share = Share(remote=sharing.open_remote(repo, None), requests=[], runs=True)
    _fetch(repo, share, TransferOptions(), SILENT)


def _fetch(repo: Repo, share: Share, options: TransferOptions, progress: Progress) -> TransferResult:
    cache, store = repo.cache, share.remote.store
    pace = sharing.pace(options, share.remote, progress)
    reports = []
    if share.runs and (keys := runs.plan_fetch(cache, store)):
        reports.append(runs.fetch(keys, cache, store, pace=pace))
    for one in wanted.expand(share.requests, cache, store):
        todo = transfer.plan_fetch(one, cache)
        size = None if progress is SILENT else transfer.expected(todo, store)
        progress.start(f"Fetching from {share.remote.name}", files=len(todo), size=size)
        try:
            reports.append(transfer.fetch(todo, cache, store, pace=pace, allow_missing=options.allow_missing))
        finally:
            progress.finish()
    return sharing.done(share.remote, reports)
