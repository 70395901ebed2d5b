"""Every format against damaged input: the result is a value, or an error of ours that says what to do."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType
from zlib import crc32

import pytest

from data_versioning.errors import DataVersioningError
from tests.fuzz.mutate import mutated
from tests.fuzz.subjects import SUBJECTS

SHORT, LONG = 250, 8000
LIMIT = 10.0  # seconds of processor time that one input may take


@contextmanager
def limited() -> Iterator[None]:
    """Fail after `LIMIT` seconds of processor time, whatever else this machine does."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"longer than {LIMIT} s")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def feed(name: str, raw: bytes) -> None:
    try:
        with limited():
            SUBJECTS[name].feed(raw)
    except DataVersioningError as error:
        assert error.hint, (raw, error)
        assert len(error.message) < 5000 + 3 * len(raw)


def campaign(name: str, first: int, count: int) -> None:
    for number in range(first, first + count):
        raw = mutated(SUBJECTS[name].samples, Random(crc32(name.encode()) + number))
        try:
            feed(name, raw)
        except BaseException as error:
            error.add_note(f"{name} number {number}: {raw!r}")
            raise


@pytest.mark.parametrize("name", SUBJECTS)
def test_samples_are_good(name: str) -> None:
    for sample in SUBJECTS[name].samples:
        SUBJECTS[name].feed(sample)


@pytest.mark.parametrize("name", SUBJECTS)
def test_damaged(name: str) -> None:
    campaign(name, 0, SHORT)


@pytest.mark.soak
@pytest.mark.parametrize("name", SUBJECTS)
def test_damaged_at_length(name: str) -> None:
    campaign(name, SHORT, LONG)
