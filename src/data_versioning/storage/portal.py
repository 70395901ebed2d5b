"""An event loop in a thread of its own: the caller's thread may run one already, as in a notebook."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
Closing = Callable[[], Awaitable[None]]
# Seconds between two looks at how far the work is: progress is drawn that often, and Ctrl-C heard.
_TICK = 0.1
# Seconds: that soon after an answer, a client written in Rust lets go of the Python objects it used. A program that
# ends before may abort, because the client's threads then meet an interpreter that is gone.
_SETTLING = 0.05
# Seconds that closing the connections may take.
_PATIENCE = 2.0
_THREAD = "data_versioning transfers"


def _leave(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of tasks that a library leaves behind when a connection breaks: the call itself fails, too."""


def _is_of_others(record: logging.LogRecord) -> bool:
    """Whether asyncio complains of another loop. On ours, libraries go on writing for a moment to what is broken."""
    return record.threadName != _THREAD


logging.getLogger("asyncio").addFilter(_is_of_others)


@dataclass(slots=True, kw_only=True)
class _Life:
    """What a portal leaves to be ended; not the portal, whose end this is."""

    closing: Closing | None
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    pool: ThreadPoolExecutor = field(default_factory=ThreadPoolExecutor)
    thread: threading.Thread | None = None
    answered: float = 0.0

    def run(self) -> None:
        """Keep the loop running until it is stopped."""
        self.loop.set_default_executor(self.pool)
        self.loop.set_exception_handler(_leave)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def end(self) -> None:
        """Close the connections and stop the loop."""
        self.pool.shutdown(wait=False)
        if self.thread is None:
            self.loop.close()
            return
        time.sleep(max(0.0, self.answered + _SETTLING - time.monotonic()))
        asyncio.run_coroutine_threadsafe(self._close(), self.loop)
        if threading.current_thread() is not self.thread:
            self.thread.join(_PATIENCE)

    async def _close(self) -> None:
        try:
            if self.closing:
                await self.closing()
        finally:
            self.loop.stop()


class Portal:
    """Runs coroutines on a loop that lives as long as the portal, at most until the program ends.

    Connections of an adapter belong to this loop and stay open between calls; `closing` closes them.
    """

    def __init__(self, closing: Closing | None = None) -> None:
        self._life = _Life(closing=closing)
        self._starting = threading.Lock()
        weakref.finalize(self, self._life.end)

    def call(self, work: Coroutine[Any, Any, T], *, tick: Callable[[], None] | None = None) -> T:
        """Return what `work` returns; `tick` is called now and then from the caller's thread.

        When the caller is interrupted, the work is cancelled, and has cleaned up when the exception goes on.
        """
        self._start()
        loop, ended = self._life.loop, threading.Event()
        tasks: list[asyncio.Task[T]] = []

        def begin() -> None:
            tasks.append(loop.create_task(work))
            tasks[0].add_done_callback(end)

        def end(task: asyncio.Task[T]) -> None:
            if not task.cancelled():
                task.exception()  # nobody may ask for it any more, and asyncio would complain
            ended.set()

        def stop() -> None:
            if tasks:
                tasks[0].cancel()
            else:  # the interrupt came before the work was handed over
                work.close()
                ended.set()

        try:
            loop.call_soon_threadsafe(begin)
            while not ended.wait(_TICK):
                if tick:
                    tick()
            return tasks[0].result()
        except BaseException:
            if not ended.is_set():
                loop.call_soon_threadsafe(stop)  # after `begin`, however early we were interrupted
                ended.wait()
            raise
        finally:
            self._life.answered = time.monotonic()

    def _start(self) -> None:
        with self._starting:
            if self._life.thread is None:
                thread = threading.Thread(target=self._life.run, name=_THREAD, daemon=True)
                thread.start()
                self._life.thread = thread
