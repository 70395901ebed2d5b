"""Blocking calls on threads of their own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from data_versioning.storage.crew import Crew


def test_results_and_errors_come_back() -> None:
    async def work() -> None:
        crew = Crew(size=2, seconds=20)
        assert await asyncio.gather(*(crew.call(pow, 2, number) for number in range(20))) == [
            2**number for number in range(20)
        ]
        with pytest.raises(ZeroDivisionError):
            await crew.call(divmod, 1, 0)
        with pytest.raises(SystemExit):
            await crew.call(sys.exit, 3)
        assert await crew.call(int, "10", base=2) == 2
        await crew.close()

    asyncio.run(work())


def begun(before: set[threading.Thread]) -> list[threading.Thread]:
    """The threads of crews that were not there before; others come and go with other tests."""
    return [one for one in threading.enumerate() if one not in before and one.name == "data_versioning crew"]


def test_only_so_many_at_once_and_none_more_than_needed() -> None:
    async def work() -> None:
        crew, both, before = Crew(size=2, seconds=20), threading.Barrier(2), set(threading.enumerate())
        await crew.call(int)
        await crew.call(int)
        assert len(begun(before)) == 1
        await asyncio.gather(*(crew.call(both.wait, 20) for _ in range(4)))
        assert len(begun(before)) == 2
        await crew.close()

    asyncio.run(work())


PROGRAM = """
import asyncio, threading
from data_versioning.storage.crew import Crew

async def work():
    crew = Crew(size=2, seconds=0.05)
    stuck = [crew.call(threading.Event().wait) for _ in range(5)]
    lost = await asyncio.gather(*stuck, return_exceptions=True)
    assert all(isinstance(one, TimeoutError) for one in lost), lost
    print(await crew.call(str, "others go on"))

asyncio.run(work())
"""


def test_a_call_without_an_answer_holds_up_nobody() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("others go on\n", "", 0)
