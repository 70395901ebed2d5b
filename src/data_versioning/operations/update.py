"""Bring imported data up to date with where it came from; each kind of import has its own module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.errors import UsageError
from data_versioning.operations import loaded as loading
from data_versioning.operations import (
    sharing,
    targets,
    update_repo,
    update_url,
    url_origin,
)
from data_versioning.operations.import_url import Extent
from data_versioning.operations.sharing import ServedByDvc
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOptions:
    """DVC's flags: `extent` is HASHED for --no-download, REMOTE for --to-remote (to `remote`, else the default)."""

    rev: str | None = None
    recursive: bool = False
    extent: Extent = Extent.WORKSPACE
    remote: str | None = None
    jobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """Addresses of the imports that were updated, of those that were up to date, and the pointer files edited."""

    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    edited: tuple[RepoPath, ...]


def update(
    repo: Repo,
    names: Sequence[str],
    *,
    options: UpdateOptions = UpdateOptions(),
    progress: Progress = SILENT,
) -> UpdateResult:
    """Update the imports that `names` mean: first those from other repositories, all or none, then the others.

    Those go one after the other, and those before a failure are complete. Raises `ServedByDvc` before anything is
    recorded (`LeftToDvc` counts as a failure), `PathError`, `GitError`, `Conflict` or `FileChanged`.
    """
    sharing.check_jobs(options.jobs)
    remote = None
    if options.extent is Extent.REMOTE:
        remote = url_origin.destination_of(repo, options.remote, jobs=options.jobs)
    stages = _select(repo, names, options)
    foreign = [stage for stage in stages if stage.is_repo_import]
    download = options.extent is not Extent.HASHED
    news = update_repo.ask(repo, foreign, rev=options.rev, download=download)
    with repo.transaction("update") as transaction:
        transaction.reserve(writes=[update_url.output_path(stage) for stage in stages])
        # Whoever we waited for may have changed what is recorded.
        stages = _select(repo, names, options)
        loaded = loading.load(repo)
        try:
            edits = update_repo.update(
                loaded, transaction, news, rev=options.rev, jobs=options.jobs, progress=progress
            )
            changed = {stage.place: stage.file in edits for stage in foreign}
            for stage in (each for each in stages if not each.is_repo_import):
                changed[stage.place] = update_url.update(
                    loaded,
                    transaction,
                    stage,
                    extent=options.extent,
                    remote=remote,
                    jobs=options.jobs,
                    progress=progress,
                )
        finally:
            progress.finish()
            loaded.stats.save()
    return UpdateResult(
        updated=tuple(stage.address for stage in stages if changed.get(stage.place)),
        unchanged=tuple(stage.address for stage in stages if not changed.get(stage.place)),
        edited=tuple(dict.fromkeys(edit.path for edit in transaction.edits)),
    )


def _select(repo: Repo, names: Sequence[str], options: UpdateOptions) -> list[Stage]:
    """Return the stages that are meant; `ServedByDvc` when one of them is of a kind we do not update."""
    project = loading.load(repo).project
    chosen = project.select_stages(
        targets.named(repo, names), base=targets.base(repo), recursive=options.recursive
    )
    found = {item.stage.place: item.stage for item in chosen}
    if options.recursive:
        found = {place: stage for place, stage in found.items() if _has_origin(stage)}
    for stage in found.values():
        if not _has_origin(stage):
            raise UsageError(
                f"'{stage.address}' is no import, so there is nothing to bring up to date",
                hint=f"dv commit {stage.address}   records changed data",
            )
        if not stage.is_import and options.rev:
            raise UsageError(
                f"--rev cannot be used with '{stage.address}', which is no import", hint="dv update --help"
            )
        if stage.is_repo_import and options.extent is Extent.REMOTE:
            raise UsageError(
                f"'{stage.address}' was imported from another repository, whose data is never uploaded",
                hint=f"dv update {stage.address}",
            )
        if stage.is_repo_import:
            continue
        if not update_url.is_ours(repo.settings, stage):
            raise ServedByDvc(f"'{stage.address}' is updated by the program dvc for now", hint="dvc update")
        url_origin.refuse_unrecorded(repo.settings, stage.deps[0].path)
    return list(found.values())


def _has_origin(stage: Stage) -> bool:
    """Whether DVC has something to update: an import, or data on a remote with versions of its own.

    DVC takes away the recorded hash of any other directory.
    """
    return stage.is_import or any(out.remote or out.is_versioned for out in stage.outs)
