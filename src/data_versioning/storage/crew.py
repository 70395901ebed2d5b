"""Blocking requests on threads of their own, for a client library whose coroutines are not to be trusted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Call(NamedTuple):
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]


class Crew:
    """Up to `size` threads, begun when they are needed, for calls that take at most `seconds` each.

    They are daemons: a thread that never gets its answer is left behind, and holds up neither other calls nor the
    end of the program, as those of an executor would.
    """

    def __init__(self, *, size: int, seconds: float) -> None:
        self._size, self._seconds = size, seconds
        self._begun = 0
        self._idle = threading.Semaphore(0)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()

    async def call(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Return what the call returns, or raise what it raises; `TimeoutError` when that takes too long."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._calls.put(_Call(lambda: work(*args, **options), loop, answer))
        if not self._idle.acquire(blocking=False) and self._begun < self._size:
            self._begun += 1
            threading.Thread(target=self._work, name="data_versioning crew", daemon=True).start()
        return await asyncio.wait_for(answer, self._seconds)

    async def close(self) -> None:
        """Let the threads end, each after what it does now."""
        for _ in range(self._begun):
            self._calls.put(None)

    def _work(self) -> None:
        while call := self._calls.get():
            tell = None if call.answer.cancelled() else _answered(call)
            # Whoever gets the answer finds this thread idle.
            self._idle.release()
            if tell:
                with suppress(RuntimeError):  # nobody waits any more: the loop is closed
                    call.loop.call_soon_threadsafe(tell)
            del call, tell


def _answered(call: _Call) -> Callable[[], None]:
    """Make the call; return what gives the answer to who waits, to be called on its loop."""
    result, problem = None, None
    try:
        result = call.work()
    except BaseException as error:  # also the panics of a library in Rust
        problem = error

    def tell() -> None:
        if call.answer.done():
            return
        if problem is not None:
            call.answer.set_exception(problem)
        else:
            call.answer.set_result(result)

    return tell
