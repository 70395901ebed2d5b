"""Reproduce pipelines: run the stages whose inputs, command or outputs changed, several at once if wanted."""

from __future__ import annotations

import fnmatch
import importlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from data_versioning.errors import NotTracked, UsageError
from data_versioning.localfs.links import LinkType
from data_versioning.operations import loaded as loading
from data_versioning.operations import status, targets
from data_versioning.operations.verdict import Verdict
from data_versioning.pipeline import graph
from data_versioning.pipeline.graph import Graph, Plan
from data_versioning.pipeline.outcome import Echo, OnError, Outcome, StageBegun, StageResult
from data_versioning.pipeline.project import Project, StageSelection
from data_versioning.pipeline.stage import PIPELINE_FILE, Stage, join, split_commands
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = [
    "Echo",
    "OnError",
    "Outcome",
    "ReproOptions",
    "ReproResult",
    "StageBegun",
    "StageResult",
    "Watch",
    "repro",
    "select",
]


# Loaded by name: most of the time nothing has to run.
_REPRODUCTION = "data_versioning.operations.reproduction"
_SET_PARAMS = "data_versioning.operations.set_params"

Watch: TypeAlias = Callable[[StageBegun | StageResult], None]


class ReproOptions(NamedTuple):
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


class ReproResult(NamedTuple):
    """All stages that were looked at, in the order in which they could run one by one.

    `needs_dvc`: stages that depend on data that only the program `dvc` can look at; then nothing was done.
    """

    stages: tuple[StageResult, ...]
    needs_dvc: tuple[str, ...] = ()

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


def _nobody(_event: StageBegun | StageResult) -> None:
    """Watch nothing."""


def repro(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: ReproOptions = ReproOptions(),  # noqa: B008
    settings: Sequence[str] = (),
    executor: Executor | None = None,
    confirm: Callable[[str], bool] = _always,
    watch: Watch = _nobody,
    progress: Progress = SILENT,
) -> ReproResult:
    """Reproduce the stages that `names` mean (all of dvc.yaml here without names), upstream first.

    `settings` are parameters to set before, as `set_params` takes them. `executor` runs the commands, in place of
    `options.jobs` threads; `confirm` is asked before each stage that would run; `watch` is told what happens. Stages
    that fail are in the result. Raises `NotTracked` for a wrong name, and `Conflict` while the command of a run that
    was killed still works; then nothing was set.
    """
    _check(options, settings)
    if _was_killed(repo):
        _reproduction().recover(repo)
    chosen = partial(select, names=targets.named(repo, names), base=targets.base(repo), options=options)
    if settings:
        importlib.import_module(_SET_PARAMS).set_params(repo, settings, check=chosen)
    loaded = loading.load(repo)
    # Commands that take no time are not worth waiting for the clock.
    loaded = loaded._replace(hasty=loading.link_kind(repo) in {LinkType.COPY, LinkType.REFLINK})
    plan = chosen(loaded.project)
    if foreign := tuple(stage.address for stage in plan.stages if _is_foreign(repo, stage)):
        return ReproResult(stages=(), needs_dvc=foreign)
    verdict = Verdict(loaded, plan, allow_missing=options.allow_missing, progress=progress)
    if options.force:
        verdict.forced.update(verdict.plan)
    try:
        if options.dry_run:
            return ReproResult(stages=_preview(verdict, watch))
        if not options.pull and not any(verdict.why(stage) for stage in plan.stages):
            return ReproResult(stages=_unchanged(verdict, watch))
        return ReproResult(stages=_reproduction().run(verdict, options, watch, confirm, executor))
    finally:
        verdict.save()


def _reproduction() -> Any:
    return importlib.import_module(_REPRODUCTION)


def _was_killed(repo: Repo) -> bool:
    """Whether other runs are under way, or were killed."""
    try:
        return bool(os.listdir(f"{repo.temp_dir}/repro"))
    except FileNotFoundError:
        return False


def _unchanged(verdict: Verdict, watch: Watch) -> tuple[StageResult, ...]:
    results = tuple(StageResult(verdict.shown(stage), Outcome.CACHED) for stage in verdict.plan.values())
    for result in results:
        watch(result)
    return results


def _preview(verdict: Verdict, watch: Watch) -> tuple[StageResult, ...]:
    """Return what would be done; a stage whose upstream would run counts as changed."""
    changed: set[str] = set()
    results = []
    for place, stage in verdict.plan.items():
        upstream = [
            verdict.shown(verdict.plan[need]) for need in verdict.active.needs[place] if need in changed
        ]
        why = (*verdict.why(stage), *(f"{name} would run before" for name in upstream))
        result = StageResult(verdict.shown(stage), Outcome.RUN if why else Outcome.CACHED, why)
        results.append(result)
        if why:
            changed.add(place)
        watch(StageBegun(result.stage, split_commands(stage.cmd), why) if why and stage.cmd else result)
    return tuple(results)


def select(project: Project, names: Sequence[str], base: str, options: ReproOptions) -> Plan:
    """Return the stages to look at, each after what it needs."""
    whole = graph.build(project.stages)
    active = Graph(
        whole.stages,
        {place: [] if whole.stages[place].frozen else needs for place, needs in whole.needs.items()},
    )
    if options.all_pipelines:
        return Plan(active.upstream(project.stages), active, whole)
    chosen = _chosen(project, names, base, options)
    if options.pipeline:
        return Plan(active.upstream(active.connected(chosen)), active, whole)
    if options.single_item:
        # Nothing needs another one then, as for DVC.
        return Plan(chosen, Graph(whole.stages, {place: [] for place in whole.stages}), whole)
    if options.downstream:
        return Plan(active.downstream(chosen), active, whole)
    return Plan(active.upstream(chosen), active, whole)


def _chosen(project: Project, names: Sequence[str], base: str, options: ReproOptions) -> list[Stage]:
    if options.glob:
        here = [stage for stage in project.stages if os.path.dirname(stage.file) == base]
        names = [name for pattern in names for name in _matching(pattern, here)]
    own = join(base, PIPELINE_FILE)
    if not names and not any(section.file == own for section in project.sections):
        raise NotTracked(
            f"there is no {PIPELINE_FILE} here",
            hint="name a stage or a pointer file; dv repro -P runs all pipelines of the repository",
        )
    found = project.select_stages(names or [PIPELINE_FILE], base=base, recursive=options.recursive)
    return list({item.stage.place: item.stage for item in found}.values())


def _matching(pattern: str, stages: Sequence[Stage]) -> list[str]:
    names = [stage.name or os.path.basename(stage.file) for stage in stages]
    found = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise NotTracked(f"no stage here matches '{pattern}'", hint="dv stage list")
    return found


def _is_foreign(repo: Repo, stage: Stage) -> bool:
    """Whether a stage depends on something that we cannot look at."""
    return (
        status.is_foreign(repo, StageSelection(stage))
        or any(dep.is_dataset or dep.db for dep in stage.deps)
        or (stage.is_import and not stage.frozen)
    )


def _check(options: ReproOptions, settings: Sequence[str]) -> None:
    """Raise `UsageError` for options that make no sense."""
    if settings and options.dry_run:
        raise UsageError("--dry changes nothing, and so sets no parameters", hint="dv repro --dry")
    if options.jobs < 1:
        raise UsageError(f"at least one job is needed, not {options.jobs}", hint="dv repro --jobs 4")
    if options.timeout is not None and options.timeout <= 0:
        raise UsageError(
            f"a time limit must be positive, not {options.timeout:g}", hint="dv repro --timeout 1h"
        )
    if options.retries < 0:
        raise UsageError(f"a number of retries cannot be {options.retries}", hint="dv repro --retries 2")
