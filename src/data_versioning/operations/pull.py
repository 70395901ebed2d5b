"""Download data from its remote, then bring it into the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.operations import checkout, fetch, partial_imports, sharing, wildcards
from data_versioning.operations import loaded as loading
from data_versioning.operations.checkout import CheckoutOptions, CheckoutResult
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.sharing import TransferFailed, TransferOptions, TransferResult
from data_versioning.pipeline.project import Selection
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """What was fetched, and what changed in the workspace (None after a dry run)."""

    fetched: TransferResult
    checkout: CheckoutResult | None


def pull(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: TransferOptions = TransferOptions(),  # noqa: B008
    progress: Progress = SILENT,
) -> PullResult:
    """Fetch the outputs that `names` mean (all without names), then check out what is complete.

    Raises `TransferFailed` after that when something could not be fetched, `Conflict` when unsaved work is in
    the way, `ServedByDvc` before anything is done.
    """
    shares = sharing.shares(repo, names, options=options, pushing=False)
    imports = partial_imports.find(repo, names, options)
    if options.dry_run:
        plans = [fetch.plan(repo, share, options) for share in shares]
        planned = sharing.joined([*plans, partial_imports.plan(loading.load(repo), imports)])
        checked = sharing.checked(planned, verb="fetch", allow_missing=options.allow_missing)
        return PullResult(fetched=checked, checkout=None)
    with repo.transaction("pull") as transaction:
        _, selections = _select(repo, names, options)
        transaction.reserve(writes=[item.tracked.path for item in selections])
        # Whoever we waited for may have changed what is recorded.
        loaded, selections = _select(repo, names, options)
        shares = sharing.shares(repo, names, options=options, pushing=False)
        imports = partial_imports.find(repo, names, options)
        imported = partial_imports.fetch(loaded, imports, progress)
        fetched = sharing.joined([fetch.run(repo, shares, options, progress), imported.result])
        changed = checkout.run(
            loaded,
            transaction,
            partial_imports.filled(selections, imported.values),
            CheckoutOptions(force=options.force, allow_missing=options.allow_missing),
            progress,
            everything=not names,
        )
        try:
            sharing.checked(fetched, verb="fetch", allow_missing=options.allow_missing)
        except TransferFailed as failed:
            failed.checkout = changed
            raise
    return PullResult(fetched=fetched, checkout=changed)


def _select(repo: Repo, names: Sequence[str], options: TransferOptions) -> tuple[Loaded, list[Selection]]:
    loaded = loading.load(repo)
    chosen = wildcards.expand(names, glob=options.glob)
    return loaded, checkout.select(loaded, chosen, recursive=options.recursive, with_deps=options.with_deps)
