"""Reproduce pipelines: run the stages whose inputs, command or outputs changed, several at once if wanted."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from data_versioning.errors import NotTracked, UsageError
from data_versioning.localfs.links import LinkType
from data_versioning.operations import loaded as loading
from data_versioning.operations import reproduction, status, targets
from data_versioning.operations.reproduction import Reproduction, Watch
from data_versioning.operations.sharing import ServedByDvc
from data_versioning.pipeline import graph
from data_versioning.pipeline.graph import Graph
from data_versioning.pipeline.outcome import Outcome, StageBegun, StageResult
from data_versioning.pipeline.project import Project, StageSelection
from data_versioning.pipeline.runner import Echo
from data_versioning.pipeline.scheduler import OnError
from data_versioning.pipeline.stage import PIPELINE_FILE, Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo

__all__ = [
    "Echo",
    "OnError",
    "Outcome",
    "ReproOptions",
    "ReproResult",
    "StageBegun",
    "StageResult",
    "check",
    "repro",
    "select",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproOptions:
    """DVC's flags, and ours: `jobs`, `retries`, `timeout` (seconds for one stage), `echo`."""

    force: bool = False
    force_downstream: bool = False
    single_item: bool = False
    downstream: bool = False
    pipeline: bool = False
    all_pipelines: bool = False
    recursive: bool = False
    glob: bool = False
    allow_missing: bool = False
    dry_run: bool = False
    store: bool = True
    run_cache: bool = True
    pull: bool = False
    on_error: OnError = OnError.STOP
    jobs: int = 1
    retries: int = 0
    timeout: float | None = None
    echo: Echo = Echo.NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproResult:
    """All stages that were looked at, in the order in which they could run one by one."""

    stages: tuple[StageResult, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The stages that failed."""
        return tuple(one.stage for one in self.stages if one.outcome is Outcome.FAILED)

    @property
    def is_unchanged(self) -> bool:
        """Whether there was nothing to do."""
        return all(one.outcome is Outcome.CACHED for one in self.stages)


def _always(_stage: str) -> bool:
    return True


def repro(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: ReproOptions = ReproOptions(),
    executor: Executor | None = None,
    confirm: Callable[[str], bool] = _always,
    watch: Watch = reproduction.ignore,
    progress: Progress = SILENT,
) -> ReproResult:
    """Reproduce the stages that `names` mean (all of dvc.yaml here without names), upstream first.

    `executor` runs the commands, in place of `options.jobs` threads; `confirm` is asked before each stage that would
    run; `watch` is told what happens. Stages that fail are in the result. Raises `NotTracked`, `ServedByDvc` before
    anything is done for what only `dvc` can run, and `Conflict` while a killed run's command still works.
    """
    reproduction.recover(repo)
    loaded = loading.load(repo)
    # Commands that take no time are not worth waiting for the clock.
    loaded = loaded._replace(hasty=loading.link_kind(repo) in {LinkType.COPY, LinkType.REFLINK})
    plan, active = select(loaded.project, targets.named(repo, names), targets.base(repo), options)
    _refuse_foreign(repo, plan)
    run = Reproduction(loaded, plan, active, options=options, watch=watch, confirm=confirm, progress=progress)
    try:
        if options.dry_run:
            return ReproResult(stages=run.preview())
        if run.is_unchanged():
            return ReproResult(stages=run.results())
        with repo.transaction("repro", lock="none") as transaction:
            if executor is not None:
                return ReproResult(stages=run.run(transaction, executor))
            with ThreadPoolExecutor(options.jobs) as threads:
                return ReproResult(stages=run.run(transaction, threads))
    finally:
        run.save()


def select(
    project: Project, names: Sequence[str], base: str, options: ReproOptions
) -> tuple[list[Stage], Graph]:
    """Return the stages to look at, each after what it needs, and the graph of all; frozen stages need nothing."""
    whole = graph.build(project.stages)
    active = Graph(
        whole.stages,
        {place: [] if whole.stages[place].frozen else needs for place, needs in whole.needs.items()},
    )
    if options.all_pipelines:
        return active.upstream(project.stages), active
    chosen = _chosen(project, names, base, options)
    if options.pipeline:
        return active.upstream(active.connected(chosen)), active
    if options.single_item:
        return chosen, active
    if options.downstream:
        return active.downstream(chosen), active
    return active.upstream(chosen), active


def _chosen(project: Project, names: Sequence[str], base: str, options: ReproOptions) -> list[Stage]:
    if options.glob:
        here = [stage for stage in project.stages if os.path.dirname(stage.file) == base]
        names = [name for pattern in names for name in _matching(pattern, here)]
    found = project.select_stages(names or [PIPELINE_FILE], base=base, recursive=options.recursive)
    return list({item.stage.place: item.stage for item in found}.values())


def _matching(pattern: str, stages: Sequence[Stage]) -> list[str]:
    names = [stage.name or os.path.basename(stage.file) for stage in stages]
    found = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise NotTracked(f"no stage here matches '{pattern}'", hint="dv stage list")
    return found


def _refuse_foreign(repo: Repo, plan: Sequence[Stage]) -> None:
    """Raise `ServedByDvc` for stages with dependencies that we cannot look at."""
    foreign = [
        stage.address
        for stage in plan
        if status.is_foreign(repo, StageSelection(stage))
        or any(dep.is_dataset or dep.db for dep in stage.deps)
        or (stage.is_import and not stage.frozen)
    ]
    if foreign:
        raise ServedByDvc(
            f"these depend on data that only the program dvc can look at: {', '.join(foreign)}",
            hint="dvc repro",
        )


def check(options: ReproOptions) -> None:
    """Raise `UsageError` for options that make no sense."""
    if options.jobs < 1:
        raise UsageError(f"at least one job is needed, not {options.jobs}", hint="dv repro --jobs 4")
    if options.timeout is not None and options.timeout <= 0:
        raise UsageError(
            f"a time limit must be positive, not {options.timeout:g}", hint="dv repro --timeout 1h"
        )
    if options.retries < 0:
        raise UsageError(f"a number of retries cannot be {options.retries}", hint="dv repro --retries 2")
