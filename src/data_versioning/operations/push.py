"""Upload data from the cache to its remote."""

from __future__ import annotations

from collections.abc import Sequence

from data_versioning.operations import loaded as loading
from data_versioning.operations import sharing
from data_versioning.operations.sharing import Share, TransferOptions, TransferResult
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import remote as remotes
from data_versioning.remotes import runs, transfer, wanted
from data_versioning.repo import Repo


def push(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: TransferOptions = TransferOptions(),  # noqa: B008
    progress: Progress = SILENT,
) -> TransferResult:
    """Copy to the remotes what they lack of the outputs that `names` mean (all without names).

    Raises `TransferFailed` when something could not be pushed; the rest is on the remote. Raises
    `ServedByDvc` before anything is done, `ConfigError` without a remote for a repository with data.
    """
    shares = sharing.shares(repo, names, options=options, pushing=True)
    if not shares and any(True for _ in loading.load(repo).project.outputs()):
        # As for DVC, there has to be one, though imports do not go there. A repository without data needs none:
        # the hook of Git would let nobody push.
        remotes.locate(repo.settings)
    if options.dry_run:
        result = sharing.joined([_plan(repo, share, options) for share in shares])
        return sharing.checked(result, verb="push")
    with repo.transaction("push"):
        result = sharing.each(shares, lambda share: _push(repo, share, options, progress))
        return sharing.checked(result, verb="push")


def _plan(repo: Repo, share: Share, options: TransferOptions) -> TransferResult:
    cache, store = repo.cache, share.remote.store
    plans = [transfer.plan_push(one, cache, store) for one in wanted.expand(share.requests, cache, store)]
    return sharing.dry(share.remote, plans, runs.plan_push(cache, store) if share.runs else [])


def _push(repo: Repo, share: Share, options: TransferOptions, progress: Progress) -> TransferResult:
    cache, store = repo.cache, share.remote.store
    pace = sharing.pace(options, share.remote, progress)
    reports = []
    if share.runs and (keys := runs.plan_push(cache, store)):
        reports.append(runs.push(keys, cache, store, pace=pace))
    for one in wanted.expand(share.requests, cache, store):
        plan = transfer.plan_push(one, cache, store)
        size = None if progress is SILENT else transfer.size(plan, cache)
        progress.start(f"Pushing to {share.remote.name}", files=len(plan), size=size)
        try:
            reports.append(transfer.push(plan, cache, store, pace=pace))
        finally:
            progress.finish()
    return sharing.done(share.remote, reports)
