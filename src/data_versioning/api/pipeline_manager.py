"""`PipelineManager`: run pipelines from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import overload

from data_versioning import repo as repos
from data_versioning.errors import DataVersioningError, PathError
from data_versioning.operations import loaded as loading
from data_versioning.operations import repro, reproduce_revision, status
from data_versioning.operations.repro import ReproOptions, ReproResult
from data_versioning.operations.reproduce_revision import RevisionResult
from data_versioning.operations.status import StatusResult
from data_versioning.paths import RepoPath
from data_versioning.pipeline import graph
from data_versioning.pipeline.outcome import Outcome
from data_versioning.pipeline.stage import PIPELINE_FILE
from data_versioning.repo import Repo

__all__ = ["PipelineFailed", "PipelineManager"]


class PipelineFailed(DataVersioningError):
    """A stage failed; `result` tells how each stage ended. What finished is recorded."""

    def __init__(self, result: ReproResult) -> None:
        failed = [one for one in result.stages if one.outcome is Outcome.FAILED]
        super().__init__(
            "; ".join(f"stage '{one.stage}': {one.message}" for one in failed),
            hint=next((f"what it printed: {one.log}" for one in failed if one.log), "dv repro"),
        )
        self.result = result


class PipelineManager:
    """The stages of one dvc.yaml.

    What commands print goes to a log each, named in the results. All errors are `DataVersioningError`s with a `hint`.
    """

    def __init__(self, pipeline_file: str | os.PathLike[str] = PIPELINE_FILE) -> None:
        self._path = os.path.abspath(os.fspath(pipeline_file))
        if not os.path.isfile(self._path) or os.path.basename(self._path) != PIPELINE_FILE:
            raise PathError(
                f"'{os.fspath(pipeline_file)}' is not a pipeline file: a file named {PIPELINE_FILE} is expected",
                hint="PipelineManager('path/to/dvc.yaml')",
            )

    def run(self, *, jobs: int = 1, force: bool = False, executor: Executor | None = None) -> ReproResult:
        """Run what changed, upstream first, up to `jobs` stages at once.

        `executor` runs the commands in place of threads here. Raises `PipelineFailed`.
        """
        return self._repro(self._path, ReproOptions(jobs=jobs, force=force), executor)

    def run_stage(
        self,
        name: str,
        *,
        single: bool = False,
        jobs: int = 1,
        force: bool = False,
        executor: Executor | None = None,
    ) -> ReproResult:
        """Run one stage and, unless `single`, what it needs, as far as it changed. Raises `PipelineFailed`."""
        options = ReproOptions(jobs=jobs, force=force, single_item=single)
        return self._repro(f"{self._path}:{name}", options, executor)

    @overload
    def reproduce(self, rev: None = None, *, jobs: int = 1) -> ReproResult: ...
    @overload
    def reproduce(self, rev: str, *, jobs: int = 1) -> RevisionResult: ...
    def reproduce(self, rev: str | None = None, *, jobs: int = 1) -> ReproResult | RevisionResult:
        """Run what changed; with `rev`, run the pipeline of that Git revision again and compare what comes out.

        A revision is run apart from the workspace, which stays as it is. Raises `PipelineFailed`.
        """
        if rev is None:
            return self.run(jobs=jobs)
        repo = self._open("reproduce", rev)
        found = reproduce_revision.reproduce_revision(repo, self._file(repo), rev, jobs=jobs)
        _raise_if_failed(ReproResult(stages=found.stages))
        return found

    def dag(self) -> Mapping[str, tuple[str, ...]]:
        """Return for each stage, and each `.dvc` file that one needs, what it directly depends on."""
        repo = self._open("dag")
        whole = graph.build(loading.load(repo).project.stages)
        own = [stage for stage in whole.stages.values() if stage.file == self._file(repo)]
        base = os.path.dirname(self._file(repo))
        return {
            stage.address_from(base): tuple(
                whole.stages[need].address_from(base) for need in whole.needs[stage.place]
            )
            for stage in whole.upstream(own)
        }

    def status(self) -> StatusResult:
        """Compare the stages with what was recorded when they ran."""
        return status.status(self._open("status"), [self._path])

    def _repro(self, target: str, options: ReproOptions, executor: Executor | None) -> ReproResult:
        result = repro.repro(self._open("repro", target), [target], options=options, executor=executor)
        if result.needs_dvc:
            raise DataVersioningError(
                f"these depend on data that only the program dvc can look at: {', '.join(result.needs_dvc)}",
                hint="dvc repro",
            )
        _raise_if_failed(result)
        return result

    def _file(self, repo: Repo) -> RepoPath:
        return RepoPath(repo.relative(self._path))

    def _open(self, verb: str, *words: str) -> Repo:
        return repos.open(os.path.dirname(self._path), argv=("PipelineManager", verb, *words))


def _raise_if_failed(result: ReproResult) -> None:
    if result.failed:
        raise PipelineFailed(result)
