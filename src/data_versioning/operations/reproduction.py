"""The run of one pipeline: decide for each stage, have its commands run, record what finished."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, TypeAlias

from data_versioning.errors import DataVersioningError, FormatError, PathError
from data_versioning.formats import lockfile
from data_versioning.formats.lockfile import LockedStage
from data_versioning.operations import loaded as loading
from data_versioning.operations import pointers, recording, stage_run, targets
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.looking import Look
from data_versioning.operations.stage_run import Bench, StageRun
from data_versioning.paths import RepoPath
from data_versioning.pipeline import compiled, runner, session, staleness
from data_versioning.pipeline.graph import Graph
from data_versioning.pipeline.outcome import Outcome, StageBegun, StageResult
from data_versioning.pipeline.project import StageSelection
from data_versioning.pipeline.runner import Ended, Task
from data_versioning.pipeline.scheduler import PAUSE, End, Handlers, Scheduler
from data_versioning.pipeline.session import Session
from data_versioning.pipeline.stage import Stage, relative
from data_versioning.progress import Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Transaction

if TYPE_CHECKING:
    from data_versioning.operations.repro import ReproOptions

Watch: TypeAlias = Callable[[StageBegun | StageResult], None]


def ignore(_event: StageBegun | StageResult) -> None:
    """Watch nothing."""


def recover(repo: Repo) -> None:
    """Put in order what killed runs left: outputs come back, and stages that finished are recorded.

    Raises `Conflict` while a command of such a run still works.
    """
    found: dict[RepoPath, dict[str, LockedStage]] = {}
    for done, changed in session.recover(repo.temp_dir):
        file = RepoPath(done.file)
        # Who wrote the lock file since knows better.
        written = compiled.sign(f"{repo.root}/{file}")
        if written is None or written[2] <= changed:
            try:
                found.setdefault(file, {})[done.name] = lockfile.parse_stage(done.entry, file=file)
            except FormatError:
                continue
    if not found:
        return
    repo.notify("an earlier run of the pipeline was killed: what its stages finished is recorded now")
    with repo.transaction("repro") as transaction:
        for file, stages in found.items():
            transaction.edit(file, recording.lock_edit(file, stages))


class Reproduction:
    """Stages of a plan, looked at and run; results by place."""

    def __init__(
        self,
        loaded: Loaded,
        plan: Sequence[Stage],
        active: Graph,
        *,
        options: ReproOptions,
        watch: Watch,
        confirm: Callable[[str], bool],
        progress: Progress,
    ) -> None:
        self._loaded = loaded
        self._plan = {stage.place: stage for stage in plan}
        self._graph = active
        self._options = options
        self._watch = watch
        self._confirm = confirm
        self._base = targets.base(loaded.repo)
        self._look = Look(loaded=loaded, progress=progress)
        self._params = compiled.Params(loaded.repo.root, loaded.repo.temp_dir)
        self._results: dict[str, StageResult] = {}
        self._forced: set[str] = set(self._plan) if options.force else set()
        self._runs: dict[str, StageRun] = {}
        self._attempts: dict[str, int] = {}
        self._reasons: dict[str, tuple[str, ...]] = {}
        self._order = {place: number for number, place in enumerate(self._plan)}
        # Stages that no lock file knew go to its end in the order of the plan, whichever finished first: for that
        # all that finished is written each time.
        self._finished: dict[str, LockedStage] = {}
        self._unfolded: list[str] = []
        self._folded = time.monotonic()
        self._look.at_files([StageSelection(stage) for stage in plan])

    def results(self) -> tuple[StageResult, ...]:
        """Return what is known of all stages, in the order of the plan."""
        return tuple(self._results[place] for place in self._plan if place in self._results)

    def is_unchanged(self) -> bool:
        """Whether no stage needs to run; then each has its result."""
        for place, stage in self._plan.items():
            reasons = self._why(stage)
            if reasons:
                self._results.clear()
                return False
            self._results[place] = StageResult(stage=self._shown(stage), outcome=Outcome.CACHED)
        for result in self._results.values():
            self._watch(result)
        return True

    def preview(self) -> tuple[StageResult, ...]:
        """Return what would be done: stages whose upstream would run count as changed."""
        changed: set[str] = set()
        for place, stage in self._plan.items():
            made_anew = [
                self._shown(self._plan[need]) for need in self._graph.needs[place] if need in changed
            ]
            reasons = [*self._why(stage), *(f"{name} would run before" for name in made_anew)]
            if reasons:
                changed.add(place)
            result = StageResult(
                stage=self._shown(stage),
                outcome=Outcome.RUN if reasons else Outcome.CACHED,
                reasons=tuple(reasons),
            )
            self._results[place] = result
            if reasons and stage.cmd:
                self._watch(
                    StageBegun(stage=result.stage, commands=runner.split(stage.cmd), reasons=result.reasons)
                )
            else:
                self._watch(result)
        return self.results()

    def run(self, transaction: Transaction, executor: Executor) -> tuple[StageResult, ...]:
        """Run what has to; return the result of every stage."""
        self._bench = Bench(
            loaded=self._loaded,
            look=self._look,
            transaction=transaction,
            session=Session.begin(self._loaded.repo.temp_dir),
            kind=loading.link_kind(self._loaded.repo),
            store=self._options.store,
            use_run_cache=self._options.run_cache,
        )
        self._scheduler = Scheduler(
            list(self._plan),
            self._graph.needs,
            Handlers(begin=self._begin, end=self._end, skip=self._skip, idle=self._idle),
            executor,
            slots=self._options.jobs,
            on_error=self._options.on_error,
        )
        try:
            self._scheduler.run()
        finally:
            for run in self._runs.values():
                run.close()
            self._fold()
            self._bench.session.end()
        return self.results()

    def save(self) -> None:
        """Keep what was looked at for the next command."""
        self._loaded.stats.save()
        self._params.save()

    def _begin(self, place: str) -> Task | End:
        stage = self._plan[place]
        started = time.monotonic()
        try:
            reasons = self._why(stage)
            if not reasons:
                return self._ended(stage, Outcome.CACHED)
            if not self._confirm(self._shown(stage)):
                return self._failed(stage, "it was not confirmed")
            self._reasons[place] = reasons
            run = self._runs[place] = StageRun(self._bench, stage)
            run.reserve()
            with stage_run.shared(self._loaded):
                if not stage.cmd or stage.frozen:
                    self._record_as_it_is(stage)
                    return self._ended(stage, Outcome.RUN, seconds=time.monotonic() - started)
                run.prepare()
                if place not in self._forced and (done := run.restore()):
                    self._finished[place] = done
                    return self._ended(stage, Outcome.RESTORED, seconds=time.monotonic() - started)
                run.clear()
            return self._task(stage)
        except DataVersioningError as error:
            return self._failed(stage, str(error), hint=error.hint)

    def _task(self, stage: Stage) -> Task:
        repo = self._loaded.repo
        name = self._shown(stage)
        commands = runner.split(stage.cmd or "")
        self._watch(StageBegun(stage=name, commands=commands, reasons=self._reasons[stage.place]))
        return Task(
            name=name,
            commands=commands,
            directory=f"{repo.root}/{stage.wdir}" if stage.wdir else repo.root,
            log=self._log(stage),
            environment={"DVC_ROOT": os.environ.get("DVC_ROOT") or repo.root, "DVC_STAGE": name},
            timeout=self._options.timeout,
            echo=self._options.echo,
            inherited=(self._bench.session.lock,),
        )

    def _end(self, place: str, ended: Ended | BaseException) -> Task | End:
        stage, run = self._plan[place], self._runs[place]
        try:
            if isinstance(ended, Ended) and not ended.reason:
                with stage_run.shared(self._loaded):
                    return self._collect(run, ended)
            kept = run.undo()
            if isinstance(ended, Ended) and self._may_try_again(place):
                run.clear()
                return self._task(stage)
        except DataVersioningError as error:
            return self._failed(stage, str(error), hint=error.hint, ended=ended)
        where = f"; what it made is in {os.path.relpath(kept)}" if kept else ""
        if self._scheduler.is_interrupted:
            return self._failed(stage, f"interrupted{where}", ended=ended)
        if isinstance(ended, Ended):
            return self._failed(stage, f"`{ended.command}`: {ended.reason}{where}", ended=ended)
        return self._failed(stage, f"its command could not be run: {ended}{where}", ended=ended)

    def _collect(self, run: StageRun, ended: Ended) -> End:
        stage = run.stage
        if changed := run.changed_inputs():
            run.discard()
            shown = ", ".join(changed)
            message = f"{shown} changed while the command ran, so the run is not recorded; run dv repro again"
            return self._ended(stage, Outcome.RUN, ended=ended, message=message)
        try:
            self._finished[stage.place] = run.collect()
        except PathError as error:
            kept = run.undo()
            where = f"; the rest of what it made is in {os.path.relpath(kept)}" if kept else ""
            return self._failed(stage, f"the command ended well, but {error}{where}", ended=ended)
        except DataVersioningError as error:
            # What took hours to make stays.
            run.discard()
            hint = f"dv commit {self._shown(stage)}"
            return self._failed(stage, f"what it made could not be stored: {error}", hint=hint, ended=ended)
        return self._ended(stage, Outcome.RUN, ended=ended)

    def _may_try_again(self, place: str) -> bool:
        self._attempts[place] = self._attempts.get(place, 0) + 1
        return not self._scheduler.is_interrupted and self._attempts[place] <= self._options.retries

    def _skip(self, place: str) -> None:
        self._result(place, StageResult(stage=self._shown(self._plan[place]), outcome=Outcome.SKIPPED))

    def _idle(self) -> None:
        if self._unfolded and time.monotonic() - self._folded >= PAUSE:
            self._fold()

    def _record_as_it_is(self, stage: Stage) -> None:
        """Record data that was added, and the outputs of a frozen stage: nothing of it is made by a command."""
        bench = self._bench
        found = recording.look(self._loaded, stage, self._look.progress)
        outs = found.outs
        if self._options.store:
            outs = recording.store_outputs(self._loaded, found, bench.kind, self._look.progress, relink=True)
        recording.record(bench.transaction, self._loaded, found, outs)
        self._look.forget([path for out in stage.outs if (path := stage.located(out.path))])

    def _fold(self) -> None:
        """Write to the lock files, and to the ignore files, what finished."""
        by_file: dict[RepoPath, dict[str, LockedStage]] = {}
        new: dict[RepoPath, set[str]] = {}
        for place, done in sorted(self._finished.items(), key=lambda item: self._order[item[0]]):
            stage = self._plan[place]
            file = recording.lock_file(stage)
            by_file.setdefault(file, {})[stage.name] = done
            if stage.lock is None:
                new.setdefault(file, set()).add(stage.name)
        transaction = self._bench.transaction
        for file, stages in by_file.items():
            transaction.edit(file, recording.lock_edit(file, stages, last=frozenset(new.get(file, ()))))
        outputs = [
            path
            for place in self._unfolded
            for out in self._plan[place].outs
            if out.cache and not out.external and (path := self._plan[place].located(out.path))
        ]
        pointers.ignore(transaction, outputs)
        transaction.commit()
        self._loaded.stats.remember_outputs(outputs)
        self._loaded.stats.save()
        self._unfolded.clear()
        self._folded = time.monotonic()

    def _why(self, stage: Stage) -> tuple[str, ...]:
        """Return why a stage has to run; nothing when it is as recorded."""
        if stage.place in self._forced:
            return ("forced",)
        found = staleness.status(
            [StageSelection(stage)],
            current_hash=self._look.current_hash,
            is_cached=self._look.is_cached,
            read_params=self._params.read,
            base=self._base,
            root=self._loaded.repo.root,
        )
        entries = found.get(stage.address_from(self._base), [])
        if self._options.allow_missing:
            entries = [left for entry in entries if (left := self._without_missing(stage, entry))]
        if entries and stage.cmd and stage.lock is None:
            return ("it never ran",)
        return tuple(reason for entry in entries for reason in reasons(entry))

    def _without_missing(self, stage: Stage, entry: staleness.Entry) -> staleness.Entry | None:
        """Leave out what is only not here: a dependency counts when the stage that makes it made something else."""
        if isinstance(entry, str):
            return entry
        makers = [self._graph.stages[need] for need in self._graph.needs[stage.place]]
        made = {_place(maker, out.path, self._base): out.digest for maker in makers for out in maker.outs}
        wanted = {_place(stage, dep.path, self._base): dep.digest for dep in stage.deps}
        left = {}
        for kind, changes in entry.items():
            kept = {
                path: change
                for path, change in changes.items()
                if change not in ("deleted", "not in cache")
                or (kind == "changed deps" and path in made and made[path] != wanted.get(path))
            }
            if kept:
                left[kind] = kept
        return left or None

    def _ended(
        self,
        stage: Stage,
        outcome: Outcome,
        *,
        ended: Ended | None = None,
        seconds: float = 0.0,
        message: str = "",
    ) -> End:
        """Note how a stage ended that did not fail."""
        if outcome is not Outcome.CACHED:
            self._unfolded.append(stage.place)
            if self._options.force_downstream:
                self._forced.update(
                    place for place, needs in self._graph.needs.items() if stage.place in needs
                )
        self._result(
            stage.place,
            StageResult(
                stage=self._shown(stage),
                outcome=outcome,
                reasons=self._reasons.get(stage.place, ()),
                seconds=ended.seconds if ended else seconds,
                exit_code=ended.exit_code if ended else None,
                log=self._log(stage) if ended else None,
                message=message,
            ),
        )
        return End.DONE

    def _failed(self, stage: Stage, message: str, *, hint: str | None = None, ended: object = None) -> End:
        self._result(
            stage.place,
            StageResult(
                stage=self._shown(stage),
                outcome=Outcome.FAILED,
                reasons=self._reasons.get(stage.place, ()),
                seconds=ended.seconds if isinstance(ended, Ended) else 0.0,
                exit_code=ended.exit_code if isinstance(ended, Ended) else None,
                log=self._log(stage) if isinstance(ended, Ended) else None,
                message=f"{message}; next: {hint}" if hint else message,
            ),
        )
        return End.FAILED

    def _result(self, place: str, result: StageResult) -> None:
        if run := self._runs.pop(place, None):
            run.close()
        self._results[place] = result
        self._watch(result)

    def _shown(self, stage: Stage) -> str:
        return stage.address_from(self._base)

    def _log(self, stage: Stage) -> str:
        return f"{self._loaded.repo.temp_dir}/logs/{session.safe_name(stage.address)}.log"


def reasons(entry: staleness.Entry) -> Iterator[str]:
    """Say what `dvc status` tells of a stage as reasons to run it.

    >>> list(reasons({"changed deps": {"data": "modified", "params.yaml": {"lr": "new"}}}))
    ['data modified', 'lr of params.yaml new']
    """
    if isinstance(entry, str):
        yield {"always changed": "it always runs", "changed command": "its command changed"}.get(entry, entry)
        return
    for kind, changes in entry.items():
        prefix = "output " if kind == "changed outs" else ""
        for path, change in changes.items():
            if isinstance(change, str):
                yield f"{prefix}{path} {change}"
            else:
                yield from (f"{key} of {path} {what}" for key, what in change.items())


def _place(stage: Stage, path: str, base: str) -> str:
    """Return a path written in a stage as it is shown in the directory `base`."""
    return relative(staleness.place_of(stage, path), base)
