"""Run the pipeline of another revision again, apart from the workspace, and compare what comes out."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from data_versioning import repo as repos
from data_versioning.errors import GitError
from data_versioning.git import history, worktree
from data_versioning.operations import checkout, pull, repro
from data_versioning.operations import loaded as loading
from data_versioning.operations.checkout import CheckoutOptions
from data_versioning.operations.repro import ReproOptions
from data_versioning.operations.sharing import TransferOptions
from data_versioning.paths import RepoPath
from data_versioning.pipeline import session
from data_versioning.pipeline.outcome import StageResult
from data_versioning.pipeline.stage import Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproducedOutput:
    """An output of a stage: the content id that was recorded, and that of what the stage made now (None: nothing)."""

    path: RepoPath
    recorded: str | None
    made: str | None

    @property
    def is_same(self) -> bool:
        """Whether the same came out."""
        return self.recorded is not None and self.recorded == self.made


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionResult:
    """A pipeline that was run again at `commit`."""

    rev: str
    commit: str
    stages: tuple[StageResult, ...]
    outputs: tuple[ReproducedOutput, ...]

    @property
    def is_same(self) -> bool:
        """Whether every output came out as it was recorded."""
        return all(output.is_same for output in self.outputs)


def reproduce_revision(
    repo: Repo, file: RepoPath, rev: str, *, jobs: int = 1, progress: Progress = SILENT
) -> RevisionResult:
    """Run all stages of the pipeline file `file` as it was at `rev`, in a work tree of its own.

    The workspace, the cache and what is recorded stay as they are, and what such runs left that were killed is
    removed. Raises `GitError` for an unknown revision.
    """
    git = repo.git
    if git is None:
        raise GitError("there is no Git repository here, so there are no revisions", hint="git init")
    commit = history.require(git.root, rev)
    places = f"{repo.temp_dir}/worktrees"
    inside = os.path.relpath(repo.root, git.root)
    worktree.sweep(git, places, is_used=lambda top: session.is_under_way(f"{top}/{inside}/{repos.TEMP_DIR}"))
    with worktree.temporary(git, commit, places) as top:
        there = repos.open(os.path.normpath(f"{top}/{inside}"), argv=repo.argv, notify=repo.notify)
        recorded = _outputs(there, file)
        _bring_data(there, progress)
        result = repro.repro(
            there,
            [f"{there.root}/{file}"],
            options=ReproOptions(force=True, store=False, run_cache=False, jobs=jobs),
            progress=progress,
        )
        made = _outputs(there, file)
        stages = _with_logs(result.stages, f"{repo.temp_dir}/logs/{commit}")
    return RevisionResult(
        rev=rev,
        commit=commit,
        stages=stages,
        outputs=tuple(
            ReproducedOutput(path=path, recorded=digest, made=made.get(path))
            for path, digest in recorded.items()
        ),
    )


def _bring_data(repo: Repo, progress: Progress) -> None:
    """Check out what is tracked, from the cache as far as it is there, else from the remote."""
    if repo.settings.get("core", "remote"):
        pull.pull(repo, options=TransferOptions(allow_missing=True), progress=progress)
    else:
        checkout.checkout(repo, options=CheckoutOptions(allow_missing=True), progress=progress)


def _with_logs(stages: tuple[StageResult, ...], directory: str) -> tuple[StageResult, ...]:
    """Bring the logs to a directory that stays."""
    kept = []
    for stage in stages:
        if stage.log is not None:
            os.makedirs(directory, exist_ok=True)
            stage = stage._replace(log=shutil.move(stage.log, f"{directory}/{os.path.basename(stage.log)}"))
        kept.append(stage)
    return tuple(kept)


def _outputs(repo: Repo, file: RepoPath) -> dict[RepoPath, str | None]:
    stages: tuple[Stage, ...] = loading.load(repo).project.stages
    return {
        path: out.digest
        for stage in stages
        if stage.file == file and stage.cmd
        for out in stage.outs
        if (path := stage.located(out.path))
    }
