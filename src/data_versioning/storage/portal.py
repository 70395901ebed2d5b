"""An event loop in a thread of its own: the caller's thread may run one already, as in a notebook."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
# Seconds between two looks at how far the work is: progress is drawn that often, and Ctrl-C heard.
_TICK = 0.1


class Portal:
    """Runs coroutines, one call at a time, on a loop that lives until the program ends.

    Connections of an adapter belong to this loop and stay open between calls.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="transfers", daemon=True)

    def call(self, work: Coroutine[Any, Any, T], *, tick: Callable[[], None] | None = None) -> T:
        """Return what `work` returns; `tick` is called now and then from the caller's thread.

        When the caller is interrupted, the work is cancelled, and has cleaned up when the exception goes on.
        """
        if not self._thread.is_alive():
            self._thread.start()
        ended = threading.Event()

        async def run() -> T:
            try:
                return await work
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(run(), self._loop)
        try:
            while not ended.wait(_TICK):
                if tick:
                    tick()
            return future.result()
        except BaseException:
            if not ended.is_set():
                future.cancel()
                ended.wait()
            raise
