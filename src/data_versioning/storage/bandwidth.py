"""How many bytes a second go over the line, all files together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True)
class Bucket:
    """Lets `rate` bytes a second pass, in the order in which they were announced; None: all of them at once.

    What was not used in an idle time is not made up for: a line that others share sees no burst. A piece passes as
    soon as all before it are paid for, so only the average over several pieces is bounded.
    """

    rate: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    # When, by the clock, everything announced so far is paid for.
    _paid: float = field(default=0.0, init=False)

    async def take(self, size: int) -> None:
        """Return when `size` more bytes may pass."""
        if not self.rate:
            return
        now = self.clock()
        turn = max(self._paid, now)
        self._paid = turn + size / self.rate
        if turn > now:
            await self.sleep(turn - now)


class Line(NamedTuple):
    """The way to a store and back."""

    up: Bucket
    down: Bucket


def line(upload: float | None = None, download: float | None = None) -> Line:
    """Return a line that carries so many bytes a second; None: as many as it can."""
    return Line(Bucket(upload), Bucket(download))
