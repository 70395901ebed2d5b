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
    """Up to `size` threads that answer, begun when they are needed, for calls that take at most `seconds` each.

    They are daemons: a thread that never gets its answer is left behind, and holds up neither other calls nor the
    end of the program, as those of an executor would.
    """

    def __init__(self, *, size: int, seconds: float) -> None:
        self._size, self._seconds = size, seconds
        # Calls that wait for an answer, and threads that are there for them; changed on the loop only.
        self._waiting, self._threads = 0, 0
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()

    async def call(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Return what the call returns, or raise what it raises; `TimeoutError` when that takes too long."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._calls.put(_Call(lambda: work(*args, **options), loop, answer))
        self._waiting += 1
        if self._threads < min(self._waiting, self._size):
            self._threads += 1
            threading.Thread(target=self._work, name="data_versioning crew", daemon=True).start()
        try:
            return await asyncio.wait_for(answer, self._seconds)
        except (TimeoutError, asyncio.CancelledError):
            self._threads -= 1  # one may never come back: another takes its place
            raise
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Let the threads end, each after what it does now."""
        self._calls.put(None)

    def _work(self) -> None:
        while call := self._calls.get():
            if not call.answer.cancelled():
                tell = _answered(call)
                with suppress(RuntimeError):  # nobody waits any more: the loop is closed
                    call.loop.call_soon_threadsafe(tell)
                del tell
            del call
        self._calls.put(None)  # for the next one


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
