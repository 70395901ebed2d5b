"""Record what changed in data that is tracked already, and store it in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data_versioning.errors import Conflict
from data_versioning.operations import loaded as loading
from data_versioning.operations import recording, targets
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.recording import Found
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import Output, Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitOptions:
    """`force`: accept every change without asking."""

    force: bool = False
    with_deps: bool = False
    recursive: bool = False
    relink: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """Addresses of the stages that were looked at, and the pointer files that say something new."""

    stages: tuple[str, ...]
    edited: tuple[RepoPath, ...]


def _never(_question: str) -> bool:
    return False


def commit(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: CommitOptions = CommitOptions(),
    confirm: Callable[[str], bool] = _never,
    progress: Progress = SILENT,
) -> CommitResult:
    """Record the outputs (and, of stages, dependencies and params) that `names` mean as they are now.

    Changes are confirmed first, all of them before anything is stored. Raises `Conflict` when one is not confirmed,
    `PathError` when an output is gone.
    """
    with repo.transaction("commit") as transaction:
        _, stages = _select(repo, names, options)
        transaction.reserve(writes=[path for path, _ in _outputs(stages)])
        # Whoever we waited for may have changed what is recorded.
        loaded, stages = _select(repo, names, options)
        try:
            progress.start("Comparing")
            found = [recording.look(loaded, stage, progress) for stage in stages]
            for one in found:
                _confirm(repo, one, options, confirm)
            kind = loading.link_kind(repo)
            for one in found:
                outs = recording.store_outputs(loaded, one, kind, progress, relink=options.relink)
                recording.record(transaction, loaded, one, outs)
            edited = tuple(edit.path for edit in transaction.commit())
            loaded.stats.remember_outputs([path for path, out in _outputs(stages) if out.cache])
        finally:
            progress.finish()
            loaded.stats.save()
    return CommitResult(stages=tuple(stage.address for stage in stages), edited=edited)


def _select(repo: Repo, names: Sequence[str], options: CommitOptions) -> tuple[Loaded, list[Stage]]:
    loaded = loading.load(repo)
    chosen = loaded.project.select_stages(
        targets.named(repo, names),
        base=targets.base(repo),
        recursive=options.recursive,
        with_deps=options.with_deps,
    )
    return loaded, list({item.stage.place: item.stage for item in chosen}.values())


def _outputs(stages: Sequence[Stage]) -> list[tuple[RepoPath, Output]]:
    return [placed for stage in stages for placed in stage.placed_outs()]


def _confirm(repo: Repo, found: Found, options: CommitOptions, confirm: Callable[[str], bool]) -> None:
    if options.force or not (found.changed or found.stage.cmd_changed):
        return
    address = found.stage.address_from(targets.base(repo))
    what = ", ".join(f"'{repo.shown(path)}'" for path in found.changed) or "the command"
    if not confirm(f"{what} of {address} changed. Record it as it is?"):
        raise Conflict(
            f"{what} of {address} changed, and recording it was not confirmed; nothing was stored",
            hint=f"dv commit --force {address}",
        )
