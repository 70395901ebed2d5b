"""Download data from its remote into the cache."""

from __future__ import annotations

from collections.abc import Sequence

from data_versioning.operations import loaded as loading
from data_versioning.operations import partial_imports, sharing
from data_versioning.operations.sharing import Share, TransferOptions, TransferResult
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import runs, transfer, wanted
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
    imports = partial_imports.find(repo, names, options)
    if options.dry_run:
        plans = [plan(repo, share, options) for share in shares]
        result = sharing.joined([*plans, partial_imports.plan(loading.load(repo), imports)])
        return sharing.checked(result, verb="fetch", allow_missing=options.allow_missing)
    with repo.transaction("fetch"):
        fetched = partial_imports.fetch(loading.load(repo), imports, progress)
        result = sharing.joined([run(repo, shares, options, progress), fetched.result])
        return sharing.checked(result, verb="fetch", allow_missing=options.allow_missing)


def plan(repo: Repo, share: Share, options: TransferOptions) -> TransferResult:
    """Return what a fetch from one remote would do."""
    cache, store = repo.cache, share.remote.store
    plans = [
        transfer.check(transfer.plan_fetch(one, cache), store)
        for one in wanted.expand(share.requests, cache, store)
    ]
    return sharing.dry(share.remote, plans, runs.plan_fetch(cache, store) if options.run_cache else [])


def run(repo: Repo, shares: Sequence[Share], options: TransferOptions, progress: Progress) -> TransferResult:
    """Fetch inside a transaction of the caller; what failed is in the result."""
    return sharing.joined([_fetch(repo, share, options, progress) for share in shares])


def _fetch(repo: Repo, share: Share, options: TransferOptions, progress: Progress) -> TransferResult:
    cache, store = repo.cache, share.remote.store
    pace = sharing.pace(options, share.remote, progress)
    reports = []
    if options.run_cache and (keys := runs.plan_fetch(cache, store)):
        reports.append(runs.fetch(keys, cache, store, pace=pace))
    for one in wanted.expand(share.requests, cache, store):
        todo = transfer.plan_fetch(one, cache)
        progress.start(f"Fetching from {share.remote.name}", files=len(todo))
        try:
            reports.append(transfer.fetch(todo, cache, store, pace=pace, allow_missing=options.allow_missing))
        finally:
            progress.finish()
    return sharing.done(share.remote, reports)
