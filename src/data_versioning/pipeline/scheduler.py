"""Run the stages of a plan, several at once: each as soon as what it needs is final.

The caller's `begin` and `end` are called in the caller's thread, one at a time, so that they may share state; only
the commands run in the executor.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from enum import StrEnum
from typing import NamedTuple

from data_versioning.pipeline import runner
from data_versioning.pipeline.outcome import OnError
from data_versioning.pipeline.runner import Ended, Task


class End(StrEnum):
    """A stage needs nothing more."""

    DONE = "done"
    FAILED = "failed"


class Handlers(NamedTuple):
    """What is asked of the caller for each stage.

    `begin` returns the commands to run, `end` those to try it again, or both that there are none. When something
    outside of this run is in the way, `begin` returns None and is asked again soon. `skip` is told of stages that are
    not run because others failed.
    """

    begin: Callable[[str], Task | End | None]
    end: Callable[[str, Ended | BaseException], Task | End]
    skip: Callable[[str], None]
    idle: Callable[[], None]  # called at least every `PAUSE` seconds


PAUSE = 1.0
"""Seconds."""
_SOON = 0.1  # seconds


class Scheduler:
    """`plan` is an order in which the stages could run one by one; `needs` names for each those it waits for.

    `after` names those that it does not need, but must not meet: it begins when they are over, however they ended.
    """

    def __init__(
        self,
        plan: Sequence[str],
        needs: Mapping[str, Collection[str]],
        handlers: Handlers,
        executor: Executor,
        *,
        after: Mapping[str, Collection[str]] = {},
        slots: int = 1,
        on_error: OnError = OnError.STOP,
    ) -> None:
        self._place = {stage: number for number, stage in enumerate(plan)}
        hard = {stage: {need for need in needs[stage] if need in self._place} for stage in plan}
        soft = {stage: set(after.get(stage, ())) - hard[stage] for stage in plan}
        self._waits = {stage: hard[stage] | soft[stage] for stage in plan}
        self._users = _turned(hard)
        self._later = _turned(soft)
        self._ready = [self._place[stage] for stage in plan if not self._waits[stage]]
        self._put_off: list[int] = []
        self._plan = plan
        self._handlers = handlers
        self._executor = executor
        self._slots = slots
        self._on_error = on_error
        self._running: dict[Future[Ended], str] = {}
        self._is_stopping = False
        self.is_interrupted = False
        self._left = set(plan)

    def run(self) -> None:
        """Run everything; what `begin` and `end` raise ends it, after the commands that run have ended."""
        heapq.heapify(self._ready)
        try:
            while self._running or ((self._ready or self._put_off) and not self._is_stopping):
                self._begin_all()
                for future in self._wait():
                    self._end(future)
                self._handlers.idle()
        except BaseException:
            self._interrupt()
            raise
        for stage in self._plan:
            if stage in self._left:
                self._handlers.skip(stage)

    def _begin_all(self) -> None:
        """Begin what is ready, as many as there are slots for; what was put off is ready for another attempt."""
        for place in self._put_off:
            heapq.heappush(self._ready, place)
        self._put_off.clear()
        while self._ready and len(self._running) < self._slots and not self._is_stopping:
            place = heapq.heappop(self._ready)
            answer = self._handlers.begin(self._plan[place])
            if answer is None:
                self._put_off.append(place)
            else:
                self._go_on(self._plan[place], answer)

    def _wait(self) -> Collection[Future[Ended]]:
        """Wait until a command ended, though not for long; return all that did."""
        if self._running:
            return wait(
                self._running, timeout=_SOON if self._put_off else PAUSE, return_when=FIRST_COMPLETED
            ).done
        if self._put_off:
            time.sleep(_SOON)
        return ()

    def _end(self, future: Future[Ended]) -> None:
        stage = self._running.pop(future)
        error = future.exception()
        self._go_on(stage, self._handlers.end(stage, error if error is not None else future.result()))

    def _go_on(self, stage: str, answer: Task | End) -> None:
        if isinstance(answer, Task):
            self._running[self._executor.submit(runner.run, answer)] = stage
            return
        self._left.discard(stage)
        has_failed = answer is End.FAILED
        if has_failed and self._on_error is OnError.STOP:
            self._is_stopping = True
        if not has_failed or self._on_error is OnError.IGNORE:
            self._release(self._users[stage], stage)
            self._release(self._later[stage], stage)
        else:
            self._give_up(stage)

    def _give_up(self, failed: str) -> None:
        """Let go on what only had to come after stages that are over: this one, and all that need it."""
        over = [failed]
        for stage in over:
            over += [user for user in self._users[stage] if user not in over]
            self._release(self._later[stage], stage)

    def _release(self, users: Iterable[str], stage: str) -> None:
        for user in users:
            self._waits[user].discard(stage)
            if not self._waits[user]:
                heapq.heappush(self._ready, self._place[user])

    def _interrupt(self) -> None:
        """End all commands, and let `end` put in order what they leave; stages that finished meanwhile count."""
        self.is_interrupted = True
        for future in self._running:
            future.cancel()
        remaining = {future for future in self._running if not future.cancelled()}
        try:
            runner.stop()
            remaining = wait(remaining, timeout=runner.GRACE).not_done
        finally:  # also when somebody is too impatient to wait
            while remaining:
                runner.stop(runner.KILL)
                remaining = wait(remaining, timeout=PAUSE).not_done
        for future in list(self._running):
            stage = self._running.pop(future)
            if future.cancelled():
                self._handlers.end(stage, KeyboardInterrupt())
                continue
            error = future.exception()
            self._handlers.end(stage, error if error is not None else future.result())


def _turned(waits: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Return for each stage those that wait for it."""
    found: dict[str, list[str]] = {stage: [] for stage in waits}
    for stage, wanted in waits.items():
        for need in wanted:
            found[need].append(stage)
    return found
