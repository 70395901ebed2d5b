"""The run of one pipeline: decide for each stage, have its commands run, record what finished."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

from data_versioning import paths
from data_versioning.errors import DataVersioningError, FormatError, PathError
from data_versioning.formats import lockfile
from data_versioning.formats.lockfile import LockedStage
from data_versioning.operations import fetch, pointers, recording, stage_run
from data_versioning.operations import loaded as loading
from data_versioning.operations.stage_run import Bench, StageRun
from data_versioning.operations.verdict import Verdict
from data_versioning.paths import RepoPath
from data_versioning.pipeline import compiled, graph, session
from data_versioning.pipeline.outcome import Outcome, StageBegun, StageResult
from data_versioning.pipeline.runner import Ended, Task
from data_versioning.pipeline.scheduler import PAUSE, End, Handlers, Scheduler
from data_versioning.pipeline.session import Session
from data_versioning.pipeline.stage import Stage, split_commands
from data_versioning.pipeline.staleness import place_of
from data_versioning.repo import Repo
from data_versioning.transaction import Transaction

if TYPE_CHECKING:
    from data_versioning.operations.repro import ReproOptions, Watch


def recover(repo: Repo) -> None:
    """Put in order what killed runs left: outputs come back, and stages that finished are recorded.

    Raises `Conflict` while a command of such a run still works.
    """
    for finished, changed in session.recover(repo.temp_dir):
        found: dict[RepoPath, dict[str, LockedStage]] = {}
        for done in finished:
            file = RepoPath(done.file)
            # Who wrote the lock file since knows better.
            written = compiled.sign(f"{repo.root}/{file}")
            if written is None or written[2] <= changed:
                with contextlib.suppress(FormatError):
                    found.setdefault(file, {})[done.name] = lockfile.parse_stage(done.entry, file=file)
        if found:
            _record_recovered(repo, found)


def _record_recovered(repo: Repo, found: Mapping[RepoPath, Mapping[str, LockedStage]]) -> None:
    repo.notify("an earlier run of the pipeline was killed: what its stages finished is recorded now")
    with repo.transaction("repro") as transaction:
        for file, stages in found.items():
            transaction.edit(file, recording.lock_edit(file, stages))
        project = loading.load(repo).project
        recorded = {(file, name) for file, stages in found.items() for name in stages}
        known = [stage for stage in project.stages if (recording.lock_file(stage), stage.name) in recorded]
        pointers.ignore(transaction, [path for stage in known for path in stage_run.cached_places(stage)])


def run(
    verdict: Verdict,
    options: ReproOptions,
    watch: Watch,
    confirm: Callable[[str], bool],
    executor: Executor | None,
) -> tuple[StageResult, ...]:
    """Run what has to, by `executor` or by threads; return the result of every stage."""
    reproduction = Reproduction(verdict, options=options, watch=watch, confirm=confirm)
    with (
        contextlib.suppress(_StageFailed),
        verdict.loaded.repo.transaction("repro", lock="none") as transaction,
    ):
        if options.pull and options.run_cache:
            fetch.fetch_runs(verdict.loaded.repo)
        if executor is not None:
            reproduction.run(transaction, executor, is_here=False)
        else:
            with ThreadPoolExecutor(options.jobs) as threads:
                reproduction.run(transaction, threads, is_here=True)
        reproduction.raise_if_failed()
    return reproduction.results()


class _StageFailed(DataVersioningError):
    """Ends the record in the operation log of a run in which stages failed."""


class Reproduction:
    """Stages of a plan, run as `verdict` says; results by place."""

    def __init__(
        self,
        verdict: Verdict,
        *,
        options: ReproOptions,
        watch: Watch,
        confirm: Callable[[str], bool],
    ) -> None:
        self._verdict = verdict
        self._loaded = verdict.loaded
        self._look = verdict.look
        self._plan = verdict.plan
        self._graph = verdict.active
        self._options = options
        self._watch = watch
        self._confirm = confirm
        self._results: dict[str, StageResult] = {}
        self._runs: dict[str, StageRun] = {}
        self._attempts: dict[str, int] = {}
        self._reasons: dict[str, tuple[str, ...]] = {}
        self._order = {place: number for number, place in enumerate(self._plan)}
        self._dependencies = {
            place_of(stage, dep.path) for stage in self._plan.values() for dep in stage.deps
        }
        # Stages that no lock file knew go to its end in the order of the plan, whichever finished first: for that
        # all that finished is written each time.
        self._finished: dict[str, LockedStage] = {}
        self._unfolded: list[str] = []
        self._folded = time.monotonic()

    def results(self) -> tuple[StageResult, ...]:
        """Return how every stage ended, in the order of the plan."""
        return tuple(self._results[place] for place in self._plan if place in self._results)

    def raise_if_failed(self) -> None:
        """Raise an error that names the stages that failed."""
        failed = [one.stage for one in self.results() if one.outcome is Outcome.FAILED]
        if failed:
            raise _StageFailed(f"failed: {', '.join(failed)}")

    def run(self, transaction: Transaction, executor: Executor, *, is_here: bool) -> None:
        """Run what has to. `is_here`: commands are children of this process."""
        self._bench = Bench(
            loaded=self._loaded,
            look=self._look,
            transaction=transaction,
            session=Session.begin(self._loaded.repo.temp_dir),
            kind=loading.link_kind(self._loaded.repo),
            store=self._options.store,
            use_run_cache=self._options.run_cache,
            pull=self._options.pull,
        )
        self._inherited = (self._bench.session.lock,) if is_here else ()
        self._scheduler = Scheduler(
            list(self._plan),
            self._graph.needs,
            Handlers(begin=self._begin, end=self._end, skip=self._skip, idle=self._idle),
            executor,
            after=graph.apart(list(self._plan), graph.build(self._loaded.project.stages), self._graph),
            slots=self._options.jobs,
            on_error=self._options.on_error,
        )
        try:
            self._scheduler.run()
        finally:
            for run in self._runs.values():
                run.close()
            self._finish()

    def _finish(self) -> None:
        """Record the rest, and put back what is open; without room for records that is left to the next run."""
        try:
            self._fold()
        except BaseException:
            self._bench.session.leave()
            raise
        self._bench.session.end()

    def _begin(self, place: str) -> Task | End:
        stage = self._plan[place]
        started = time.monotonic()
        try:
            reasons = self._verdict.why(stage)
            if not reasons:
                return self._ended(stage, Outcome.CACHED)
            if not self._confirm(self._verdict.shown(stage)):
                return self._failed(stage, "it was not confirmed")
            self._reasons[place] = reasons
            run = self._runs[place] = StageRun(self._bench, stage)
            run.reserve()
            with stage_run.shared(self._loaded):
                if self._options.pull and not self._verdict.why(stage, allow_missing=True) and run.pull():
                    return self._ended(stage, Outcome.RESTORED, seconds=time.monotonic() - started)
                if not stage.cmd or stage.frozen:
                    self._record_as_it_is(stage)
                    return self._ended(stage, Outcome.RUN, seconds=time.monotonic() - started)
                run.prepare()
                if place not in self._verdict.forced and (done := run.restore()):
                    self._finished[place] = done
                    return self._ended(stage, Outcome.RESTORED, seconds=time.monotonic() - started)
                run.clear()
            return self._task(stage)
        except (DataVersioningError, OSError) as error:
            return self._failed(stage, str(error), hint=getattr(error, "hint", None))

    def _task(self, stage: Stage) -> Task:
        repo = self._loaded.repo
        name = self._verdict.shown(stage)
        commands = split_commands(stage.cmd or "")
        self._watch(StageBegun(stage=name, commands=commands, reasons=self._reasons[stage.place]))
        return Task(
            name=name,
            commands=commands,
            directory=f"{repo.root}/{stage.wdir}" if stage.wdir else repo.root,
            log=self._log(stage),
            environment={"DVC_ROOT": os.environ.get("DVC_ROOT") or repo.root, "DVC_STAGE": name},
            timeout=self._options.timeout,
            echo=self._options.echo,
            inherited=self._inherited,
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
        except (DataVersioningError, OSError) as error:
            return self._failed(stage, str(error), hint=getattr(error, "hint", None), ended=ended)
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
        except (DataVersioningError, OSError) as error:
            # What took hours to make stays.
            run.discard()
            hint = f"dv commit {self._verdict.shown(stage)}"
            return self._failed(stage, f"what it made could not be stored: {error}", hint=hint, ended=ended)
        return self._ended(stage, Outcome.RUN, ended=ended)

    def _may_try_again(self, place: str) -> bool:
        self._attempts[place] = self._attempts.get(place, 0) + 1
        return not self._scheduler.is_interrupted and self._attempts[place] <= self._options.retries

    def _skip(self, place: str) -> None:
        self._result(
            place, StageResult(stage=self._verdict.shown(self._plan[place]), outcome=Outcome.SKIPPED)
        )

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
        if stage.name:
            self._finished[stage.place] = recording.locked(self._loaded, found, outs)
        else:
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
        self._ignore(sorted(self._unfolded, key=self._order.__getitem__))
        self._loaded.stats.save()
        self._unfolded.clear()
        self._folded = time.monotonic()

    def _ignore(self, places: Sequence[str]) -> None:
        """Write what is queued, and the outputs of these stages to the ignore files."""
        outputs = [path for place in places for path in stage_run.cached_places(self._plan[place])]
        pointers.ignore(self._bench.transaction, outputs)
        self._bench.transaction.commit()
        self._loaded.stats.remember_outputs(outputs)

    def _is_inside_dependency(self, stage: Stage) -> bool:
        """Whether the ignore file of an output lies in a directory that a stage reads, and so changes it."""
        return any(
            not self._dependencies.isdisjoint(paths.parents(path)) for path in stage_run.cached_places(stage)
        )

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
            if self._is_inside_dependency(stage):
                self._ignore([stage.place])
                self._look.forget(stage_run.cached_places(stage))
            if self._options.force_downstream:
                self._verdict.forced.update(
                    place for place, needs in self._graph.needs.items() if stage.place in needs
                )
        self._result(
            stage.place,
            StageResult(
                stage=self._verdict.shown(stage),
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
                stage=self._verdict.shown(stage),
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

    def _log(self, stage: Stage) -> str:
        return f"{self._loaded.repo.temp_dir}/logs/{session.safe_name(stage.address)}.log"
