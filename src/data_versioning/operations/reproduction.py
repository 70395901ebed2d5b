"""The run of one pipeline: decide for each stage, have its commands run, record what finished."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

from data_versioning.errors import DataVersioningError, FormatError, PathError
from data_versioning.formats import lockfile
from data_versioning.formats.lockfile import LockedStage
from data_versioning.operations import fetch, places, pointers, recording, stage_run
from data_versioning.operations import loaded as loading
from data_versioning.operations.stage_outputs import Bench
from data_versioning.operations.stage_records import Records
from data_versioning.operations.stage_run import StageRun
from data_versioning.operations.verdict import Verdict
from data_versioning.paths import RepoPath
from data_versioning.pipeline import compiled, graph, session
from data_versioning.pipeline.outcome import Outcome, StageBegun, StageResult
from data_versioning.pipeline.runner import Ended, Task
from data_versioning.pipeline.scheduler import End, Handlers, Scheduler
from data_versioning.pipeline.session import Session
from data_versioning.pipeline.stage import Stage, split_commands
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
    new = [stage for stage in verdict.plan.values() if stage.name and stage.lock is None]
    places.refuse_new_stages(verdict.loaded, new)
    results = Results(verdict, watch)
    with (
        contextlib.suppress(_StageFailed),
        verdict.loaded.repo.transaction("repro", lock="none") as transaction,
    ):
        if options.pull and options.run_cache:
            _fetch_runs(verdict.loaded.repo)
        reproduction = Reproduction(verdict, transaction, results, options=options, confirm=confirm)
        if executor is not None:
            reproduction.run(executor, is_here=False)
        else:
            with ThreadPoolExecutor(options.jobs) as threads:
                reproduction.run(threads, is_here=True)
        results.raise_if_failed()
    return results.in_order()


def _fetch_runs(repo: Repo) -> None:
    """Bring the run cache of the default remote; without one what is here has to do, as for DVC."""
    if repo.settings.get("core", "remote"):
        fetch.fetch_runs(repo)
    else:
        repo.notify("there is no default remote, so no run cache was downloaded")


class _StageFailed(DataVersioningError):
    """Ends the record in the operation log of a run in which stages failed."""


class Results:
    """How the stages of a plan ended; `watch` is told of each as it begins and ends."""

    def __init__(self, verdict: Verdict, watch: Watch) -> None:
        self._verdict = verdict
        self._watch = watch
        self._found: dict[str, StageResult] = {}

    def in_order(self) -> tuple[StageResult, ...]:
        """Return how every stage ended, in the order of the plan."""
        return tuple(self._found[place] for place in self._verdict.plan if place in self._found)

    def raise_if_failed(self) -> None:
        """Raise an error that names the stages that failed."""
        failed = [one.stage for one in self.in_order() if one.outcome is Outcome.FAILED]
        if failed:
            raise _StageFailed(f"failed: {', '.join(failed)}")

    def began(self, run: StageRun, commands: tuple[str, ...]) -> None:
        """Note that the commands of a stage start."""
        self._watch(StageBegun(stage=self._verdict.shown(run.stage), commands=commands, reasons=run.reasons))

    def note(
        self,
        stage: Stage,
        outcome: Outcome,
        *,
        run: StageRun | None = None,
        ended: Ended | None = None,
        message: str = "",
    ) -> None:
        """Note how a stage ended; without `run` it was not even tried, without `ended` no command of it ended."""
        seconds = time.monotonic() - run.started if run and outcome is not Outcome.FAILED else 0.0
        result = self._found[stage.place] = StageResult(
            stage=self._verdict.shown(stage),
            outcome=outcome,
            reasons=run.reasons if run else (),
            seconds=ended.seconds if ended else seconds,
            exit_code=ended.exit_code if ended else None,
            log=log_file(self._verdict.loaded.repo, stage) if ended else None,
            message=message,
        )
        self._watch(result)


class Reproduction:
    """Stages of a plan, run as `verdict` says: what the scheduler asks of each."""

    def __init__(
        self,
        verdict: Verdict,
        transaction: Transaction,
        results: Results,
        *,
        options: ReproOptions,
        confirm: Callable[[str], bool],
    ) -> None:
        self._verdict = verdict
        self._loaded = verdict.loaded
        self._plan = verdict.plan
        self._transaction = transaction
        self._results = results
        self._options = options
        self._confirm = confirm
        self._records = Records(verdict, transaction)
        self._runs: dict[str, StageRun] = {}
        self._attempts: dict[str, int] = {}

    def run(self, executor: Executor, *, is_here: bool) -> None:
        """Run what has to. `is_here`: commands are children of this process."""
        self._bench = Bench(
            loaded=self._loaded,
            look=self._verdict.look,
            transaction=self._transaction,
            session=Session.begin(self._loaded.repo.temp_dir),
            kind=loading.link_kind(self._loaded.repo),
            store=self._options.store,
            use_run_cache=self._options.run_cache,
            pull=self._options.pull,
        )
        self._inherited = (self._bench.session.lock,) if is_here else ()
        active = self._verdict.active
        self._scheduler = Scheduler(
            list(self._plan),
            active.needs,
            Handlers(
                begin=self._begin, end=self._end, skip=self._skip, idle=self._records.write_now_and_then
            ),
            executor,
            after=graph.apart(list(self._plan), self._verdict.whole, active),
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
            self._records.write()
        except BaseException:
            self._bench.session.leave()
            raise
        self._bench.session.end()

    def _begin(self, place: str) -> Task | End | None:
        stage = self._plan[place]
        try:
            if place not in self._runs:
                reasons = self._verdict.why(stage)
                if not reasons:
                    return self._ended(stage, Outcome.CACHED)
                if not self._confirm(self._verdict.shown(stage)):
                    return self._failed(stage, "it was not confirmed")
                self._runs[place] = StageRun(self._bench, stage, reasons)
            run = self._runs[place]
            if not run.reserve():
                return None
            with stage_run.shared(self._loaded):
                end = self._restored(run)
            return end or self._task(run)
        except (DataVersioningError, OSError) as error:
            return self._failed(stage, str(error), hint=getattr(error, "hint", None))

    def _restored(self, run: StageRun) -> End | None:
        """Do without the commands if that is possible; else prepare for them, and return None."""
        stage = run.stage
        if self._options.pull and not self._verdict.why(stage, allow_missing=True) and run.pull():
            return self._ended(stage, Outcome.RESTORED)
        if not stage.cmd or stage.frozen:
            self._records.take_as_it_is(self._bench, stage)
            return self._ended(stage, Outcome.RUN)
        run.prepare()
        if stage.place not in self._verdict.forced and (done := run.restore()):
            self._records.finished(stage, done)
            return self._ended(stage, Outcome.RESTORED)
        run.clear()
        return None

    def _task(self, run: StageRun) -> Task:
        repo, stage = self._loaded.repo, run.stage
        name = self._verdict.shown(stage)
        commands = split_commands(stage.cmd or "")
        self._results.began(run, commands)
        return Task(
            name=name,
            commands=commands,
            directory=f"{repo.root}/{stage.wdir}" if stage.wdir else repo.root,
            log=log_file(repo, stage),
            environment={"DVC_ROOT": os.environ.get("DVC_ROOT") or repo.root, "DVC_STAGE": name},
            timeout=self._options.timeout,
            echo=self._options.echo,
            inherited=self._inherited,
        )

    def _end(self, place: str, ended: Ended | BaseException) -> Task | End:
        stage, run = self._plan[place], self._runs[place]
        how = ended if isinstance(ended, Ended) else None
        try:
            if how and not how.reason:
                with stage_run.shared(self._loaded):
                    return self._collect(run, how)
            kept = run.undo()
            if how and self._may_try_again(place):
                run.reasons += (f"attempt {self._attempts[place]}: {how.reason}",)
                run.clear()
                return self._task(run)
        except (DataVersioningError, OSError) as error:
            return self._failed(stage, str(error), hint=getattr(error, "hint", None), ended=how)
        where = f"; what it made is in {os.path.relpath(kept)}" if kept else ""
        if self._scheduler.is_interrupted:
            return self._failed(stage, f"interrupted{where}", ended=how)
        if how:
            return self._failed(stage, f"`{how.command}`: {how.reason}{where}", ended=how)
        return self._failed(stage, f"its command could not be run: {ended}{where}")

    def _collect(self, run: StageRun, ended: Ended) -> End:
        stage = run.stage
        if changed := run.changed_inputs():
            run.discard()
            shown = ", ".join(changed)
            message = f"{shown} changed while the command ran, so the run is not recorded; run dv repro again"
            return self._ended(stage, Outcome.RUN, ended=ended, message=message)
        try:
            self._records.finished(stage, run.collect())
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
        self._results.note(self._plan[place], Outcome.SKIPPED)

    def _ended(self, stage: Stage, outcome: Outcome, *, ended: Ended | None = None, message: str = "") -> End:
        """Note how a stage ended that did not fail."""
        if outcome is not Outcome.CACHED:
            self._records.ended(stage)
            if self._options.force_downstream:
                self._verdict.forced.update(
                    place for place, needs in self._verdict.active.needs.items() if stage.place in needs
                )
        self._results.note(stage, outcome, run=self._closed(stage), ended=ended, message=message)
        return End.DONE

    def _failed(
        self, stage: Stage, message: str, *, hint: str | None = None, ended: Ended | None = None
    ) -> End:
        message = f"{message}; next: {hint}" if hint else message
        self._results.note(stage, Outcome.FAILED, run=self._closed(stage), ended=ended, message=message)
        return End.FAILED

    def _closed(self, stage: Stage) -> StageRun | None:
        """Give free what a stage reserved; return its run, if there was one."""
        run = self._runs.pop(stage.place, None)
        if run:
            run.close()
        return run


def log_file(repo: Repo, stage: Stage) -> str:
    """Return where the output of a stage's commands is kept."""
    return f"{repo.temp_dir}/logs/{session.safe_name(stage.address)}.log"
