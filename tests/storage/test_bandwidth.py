"""The limit on bytes a second, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning.storage import bandwidth, moving
from data_versioning.storage.bandwidth import Bucket, Line
from data_versioning.storage.moving import Row, Traffic
from tests.storage.test_concurrent import CONTENT, FakeClient


@dataclass(slots=True)
class Clock:
    """Time passes only by sleeping."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def bucket(self, rate: float | None) -> Bucket:
        return Bucket(rate, clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def take(bucket: Bucket, *sizes: int) -> None:
    async def run() -> None:
        for size in sizes:
            await bucket.take(size)

    asyncio.run(run())


def test_each_piece_waits_for_those_before_it() -> None:
    clock = Clock()
    take(clock.bucket(100), 50, 200, 10)
    assert clock.slept == [0.5, 2.0]


def test_idle_time_is_not_made_up_for() -> None:
    clock = Clock()
    bucket = clock.bucket(100)
    take(bucket, 100)
    clock.now += 60
    take(bucket, 100, 100, 100)
    assert clock.slept == [1.0, 1.0]


def test_without_a_limit_nobody_waits() -> None:
    clock = Clock()
    take(clock.bucket(None), 1 << 40, 1 << 40)
    assert clock.slept == []


def test_pieces_at_once_take_their_turns() -> None:
    clock = Clock()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    bucket = Bucket(10, clock=lambda: clock.now, sleep=sleep)

    async def run() -> None:
        await asyncio.gather(*(bucket.take(10) for _ in range(4)))

    asyncio.run(run())
    assert waits == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("part_size", [64, 1 << 20])
def test_transfers_keep_to_it(tmp_path: Path, part_size: int) -> None:
    """All bytes of both directions are announced, each to its own bucket."""
    up, down = Clock(), Clock()
    traffic = Traffic(line=Line(up.bucket(100), down.bucket(50)))
    client = FakeClient(part_size=part_size)
    (tmp_path / "f").write_bytes(CONTENT)
    row = Row(0, "k", str(tmp_path / "f"), md5(CONTENT).digest())

    async def run() -> None:
        await moving.send(client, row, traffic)
        await traffic.line.up.take(1)
        await moving.receive(client, row._replace(path=str(tmp_path / "g")), traffic)
        await traffic.line.down.take(1)

    asyncio.run(run())
    assert up.now - 1000 == pytest.approx(len(CONTENT) / 100)
    assert down.now - 1000 == pytest.approx(len(CONTENT) / 50)


def test_a_line_of_a_store() -> None:
    assert bandwidth.line().up.rate is None
    assert [bucket.rate for bucket in bandwidth.line(1.0, 2.0)] == [1.0, 2.0]
