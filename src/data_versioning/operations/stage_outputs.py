"""Outputs of a stage, brought from the cache or a remote in place of running its command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from data_versioning.formats import dvcfile
from data_versioning.formats.lockfile import LockedStage
from data_versioning.localfs.links import LinkType
from data_versioning.operations import checkout, fetch
from data_versioning.operations.checkout import CheckoutOptions
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.looking import Look
from data_versioning.pipeline import run_cache
from data_versioning.pipeline.project import Selection, Tracked
from data_versioning.pipeline.session import Session
from data_versioning.pipeline.stage import Output, Stage
from data_versioning.progress import SILENT
from data_versioning.transaction import Transaction
from data_versioning.workspace.scan import Snapshot


class Bench(NamedTuple):
    """What all stages of one run share."""

    loaded: Loaded
    look: Look
    transaction: Transaction
    session: Session
    kind: LinkType
    store: bool  # put outputs into the cache
    use_run_cache: bool
    pull: bool  # download what is missing


def known(bench: Bench, stage: Stage, inputs: LockedStage) -> Mapping[str, Output] | None:
    """Return what came of the same command and inputs, by path: from dvc.lock, else from the run cache."""
    if not run_cache.is_suitable(stage):
        return None
    if stage.lock is not None and _is_same(stage, inputs) and all(out.md5 for out in stage.outs):
        return {out.path: out for out in stage.outs}
    found = run_cache.find(bench.loaded.repo.cache, inputs) if bench.use_run_cache else None
    return {out.path: _output(out) for out in found.outs} if found else None


def bring(bench: Bench, stage: Stage, wanted: Mapping[str, Output]) -> bool:
    """Check out these outputs, by path as written; False when the cache lacks something of them."""
    tracked = [
        Tracked(path, wanted[out.path]._replace(cache=out.cache, remote=out.remote), stage)
        for out in stage.outs
        if out.path in wanted and (path := stage.located(out.path))
    ]
    if not _has(bench, tracked):
        return False
    for is_cached in (True, False):
        chosen = [Selection(item) for item in tracked if item.output.cache is is_cached]
        if chosen:
            # What Git keeps must be a file of its own.
            _check_out(bench, chosen, bench.kind if is_cached else LinkType.COPY)
    bench.look.forget([path for path, _ in stage.placed_outs()])
    return True


def pulled(bench: Bench, place: str) -> Snapshot | None:
    """Return what a place holds after its data was downloaded, if it can be."""
    tracked = bench.loaded.project.tracked(place) if bench.pull else None
    if tracked is None or not tracked.output.md5 or not _has(bench, [tracked]):
        return None
    _check_out(bench, [Selection(tracked)], bench.kind)
    bench.look.forget([tracked.path])
    return bench.look.snapshot(place)


def _has(bench: Bench, tracked: Sequence[Tracked]) -> bool:
    """Whether the cache has them, if allowed after a download."""
    lacking = [item for item in tracked if not bench.look.is_cached(item.path, item.output)]
    if lacking and bench.pull:
        fetch.fetch_tracked(bench.loaded.repo, lacking)
        bench.look.forget_objects()
        lacking = [item for item in lacking if not bench.look.is_cached(item.path, item.output)]
    return not lacking


def _check_out(bench: Bench, chosen: Sequence[Selection], kind: LinkType) -> None:
    checkout.run(
        bench.loaded,
        bench.transaction,
        chosen,
        CheckoutOptions(force=True),
        SILENT,
        everything=False,
        kind=kind,
    )


def _is_same(stage: Stage, inputs: LockedStage) -> bool:
    """Whether dvc.lock was written for the same command and `inputs`."""
    recorded = {dep.path: dep.md5 for dep in stage.deps}
    return (
        stage.lock is not None
        and not stage.cmd_changed
        and {dep.path: dep.md5 for dep in inputs.deps} == recorded
        and stage.lock.params == inputs.params
    )


def _output(recorded: dvcfile.Output) -> Output:
    return Output(
        recorded.path,
        md5=recorded.md5,
        hash=recorded.hash,
        size=recorded.size,
        nfiles=recorded.nfiles,
        isexec=recorded.isexec,
    )
