"""Work that is interrupted at the moment it is handed over."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import Any

import pytest

from data_versioning.storage.portal import Portal


@pytest.mark.parametrize("is_handed_over", [False, True])
def test_an_interrupt_at_the_hand_over(monkeypatch: pytest.MonkeyPatch, *, is_handed_over: bool) -> None:
    """However early it comes, nothing of the work goes on behind the exception."""
    portal, ended = Portal(), list[str]()
    portal.call(asyncio.sleep(0))
    loop = portal._life.loop
    hand_over = loop.call_soon_threadsafe

    def interrupted(callback: Callable[..., Any]) -> None:
        monkeypatch.undo()
        if is_handed_over:
            hand_over(callback)
        raise KeyboardInterrupt

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")

    monkeypatch.setattr(loop, "call_soon_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        portal.call(work())

    async def others() -> int:
        return len(asyncio.all_tasks()) - 1

    assert portal.call(others()) == 0
    assert len(ended) <= is_handed_over


def test_asyncio_complains_of_other_loops_only(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What libraries leave behind when a connection breaks is no news: the call fails for the same reason."""

    async def fail() -> None:
        raise ConnectionResetError

    async def leave() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        del task
        gc.collect()
        logging.getLogger("asyncio").warning("socket.send() raised exception.")

    # Libraries that other tests load configure logging, and turn off what was there before.
    monkeypatch.setattr(logging.getLogger("asyncio"), "disabled", False)
    monkeypatch.setattr(logging.getLogger("asyncio"), "propagate", True)
    caplog.set_level(logging.WARNING, logger="asyncio")
    Portal().call(leave())
    assert not caplog.records
    asyncio.run(leave())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
