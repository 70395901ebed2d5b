"""What the stages of one run made, written to lock files and ignore files while others still run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from data_versioning import paths
from data_versioning.formats.lockfile import LockedStage
from data_versioning.operations import pointers, recording, stage_run
from data_versioning.operations.stage_outputs import Bench
from data_versioning.operations.verdict import Verdict
from data_versioning.paths import RepoPath
from data_versioning.pipeline.scheduler import PAUSE
from data_versioning.pipeline.stage import Stage
from data_versioning.pipeline.staleness import place_of
from data_versioning.transaction import Transaction


class Records:
    """The records of a run of `verdict.plan`.

    Stages that no lock file knew go to its end in the order of the plan, whichever finished first: for that all that
    finished is written each time.
    """

    def __init__(self, verdict: Verdict, transaction: Transaction) -> None:
        self._loaded = verdict.loaded
        self._look = verdict.look
        self._plan = verdict.plan
        self._transaction = transaction
        self._order = {place: number for number, place in enumerate(self._plan)}
        self._dependencies = {
            place_of(stage, dep.path) for stage in self._plan.values() for dep in stage.deps
        }
        self._finished: dict[str, LockedStage] = {}
        self._unwritten: list[str] = []
        self._written = time.monotonic()

    def finished(self, stage: Stage, done: LockedStage) -> None:
        """Take what is to stand in the lock file."""
        self._finished[stage.place] = done

    def take_as_it_is(self, bench: Bench, stage: Stage) -> None:
        """Take data that was added, or the outputs of a frozen stage: nothing of it is made by a command."""
        found = recording.look(self._loaded, stage, self._look.progress)
        outs = found.outs
        if bench.store:
            outs = recording.store_outputs(self._loaded, found, bench.kind, self._look.progress, relink=True)
        if stage.name:
            self.finished(stage, recording.locked(self._loaded, found, outs))
        else:
            recording.record(self._transaction, self._loaded, found, outs)
        self._look.forget([path for out in stage.outs if (path := stage.located(out.path))])

    def ended(self, stage: Stage) -> None:
        """Queue a stage that ended, whether it is to stand in a lock file or not: Git is to ignore its outputs."""
        self._unwritten.append(stage.place)
        # An ignore file that lies in a directory that a stage reads changes it.
        outputs = stage_run.cached_places(stage)
        if any(not self._dependencies.isdisjoint(paths.parents(path)) for path in outputs):
            self._ignore([stage.place])
            self._look.forget(outputs)

    def write_now_and_then(self) -> None:
        """Write what is queued, unless that was done just now."""
        if self._unwritten and time.monotonic() - self._written >= PAUSE:
            self.write()

    def write(self) -> None:
        """Write to the lock files, and to the ignore files, what is queued."""
        by_file: dict[RepoPath, dict[str, LockedStage]] = {}
        new: dict[RepoPath, set[str]] = {}
        for place, done in sorted(self._finished.items(), key=lambda item: self._order[item[0]]):
            stage = self._plan[place]
            file = recording.lock_file(stage)
            by_file.setdefault(file, {})[stage.name] = done
            if stage.lock is None:
                new.setdefault(file, set()).add(stage.name)
        for file, stages in by_file.items():
            last = frozenset(new.get(file, ()))
            self._transaction.edit(file, recording.lock_edit(file, stages, last=last))
        self._ignore(sorted(self._unwritten, key=self._order.__getitem__))
        self._loaded.stats.save()
        self._unwritten.clear()
        self._written = time.monotonic()

    def _ignore(self, places: Sequence[str]) -> None:
        """Write what is queued, and the outputs of these stages to the ignore files."""
        outputs = [path for place in places for path in stage_run.cached_places(self._plan[place])]
        pointers.ignore(self._transaction, outputs)
        self._transaction.commit()
        self._loaded.stats.remember_outputs(outputs)
