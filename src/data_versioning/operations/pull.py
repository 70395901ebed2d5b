"""Download data from its remote, then bring it into the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_versioning.operations import checkout, fetch, partial_imports, sharing, wildcards
from data_versioning.operations import loaded as loading
from data_versioning.operations.checkout import CheckoutOptions, CheckoutResult
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.sharing import TransferFailed, TransferOptions, TransferResult
from data_versioning.pipeline.project import Selection
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo

if TYPE_CHECKING:
    from data_versioning.operations.imported import Content


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
    partial = partial_imports.find(repo, names, options)
    imports = sharing.lacking_imports(repo, names, options)
    if options.dry_run:
        known = partial_imports.plan(loading.load(repo), partial)
        declared = partial_imports.declared(repo, names, options)
        planned = sharing.joined([fetch.plan_all(repo, shares, imports, options), known, declared])
        checked = sharing.checked(planned, verb="pull", allow_missing=options.allow_missing)
        return PullResult(fetched=checked, checkout=None)
    with repo.transaction("pull") as transaction:
        _, selections = _select(repo, names, options)
        transaction.reserve(writes=[item.tracked.path for item in selections])
        # Whoever we waited for may have changed what is recorded.
        loaded, selections = _select(repo, names, options)
        fetched, selections = _fetch(loaded, names, selections, options, progress)
        changed = checkout.run(
            loaded,
            transaction,
            selections,
            CheckoutOptions(force=options.force, allow_missing=options.allow_missing),
            progress,
            everything=not names,
        )
        try:
            sharing.checked(fetched, verb="pull", allow_missing=options.allow_missing)
        except TransferFailed as failed:
            failed.checkout = changed
            raise
    return PullResult(fetched=fetched, checkout=changed)


def _select(repo: Repo, names: Sequence[str], options: TransferOptions) -> tuple[Loaded, list[Selection]]:
    loaded = loading.load(repo)
    chosen = wildcards.expand(names, glob=options.glob)
    return loaded, checkout.select(loaded, chosen, recursive=options.recursive, with_deps=options.with_deps)


def _fetch(
    loaded: Loaded,
    names: Sequence[str],
    selections: Sequence[Selection],
    options: TransferOptions,
    progress: Progress,
) -> tuple[TransferResult, list[Selection]]:
    """Fetch everything; return what was done, and the selections with what imports were found to hold."""
    repo = loaded.repo
    shares = sharing.shares(repo, names, options=options, pushing=False)
    copied = partial_imports.fetch(loaded, partial_imports.find(repo, names, options), options.jobs, progress)
    imports = sharing.lacking_imports(repo, names, options)
    foreign = sharing.fetch_imports(repo, imports, options, progress)
    declared = partial_imports.declared(repo, names, options)
    results = [fetch.run(repo, shares, options, progress), copied.result, foreign.result, declared]
    result = sharing.joined(results)
    filled = partial_imports.filled(selections, copied.values)
    return result, [_known(item, foreign.contents) for item in filled]


def _known(item: Selection, contents: Mapping[str, Content]) -> Selection:
    """Return what to check out; of an import that was never downloaded, what its origin has."""
    output, content = item.tracked.output, contents.get(item.tracked.path)
    if output.md5 or content is None:
        return item
    found = output._replace(md5=content.oid.value, hash="md5", size=content.size)
    return item._replace(tracked=item.tracked._replace(output=found))
