"""Find out whether a remote works, how fast it is, and what it holds and costs: measured, not looked up."""

from __future__ import annotations

import os
import secrets as random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from data_versioning import storage
from data_versioning.errors import ConfigError, DataVersioningError
from data_versioning.eventlog import secrets
from data_versioning.operations import config
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import permissions, prices, probe, remote
from data_versioning.remotes.prices import Price
from data_versioning.remotes.probe import PREFIX, Check, Probe, State
from data_versioning.remotes.remote import Location
from data_versioning.storage.base import ReadableStore, Store
from data_versioning.storage.client import Unavailable

T = TypeVar("T")

_REQUESTS = 20
_PARALLEL = 4
_LARGEST_SAMPLE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTestOptions:
    """`size`: bytes of each of the files that throughput is measured with."""

    read_only: bool = False
    usage: bool = True
    size: int = 8 << 20
    price_per_gb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds that one small request takes, and bytes a second of `files` files at once; None: not measured."""

    median: float
    p95: float
    files: int = _PARALLEL
    size: int
    up: float | None = None
    down: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is stored: `monthly` in US dollars, an estimate by list price; None where there is no price."""

    objects: int
    size: int
    monthly: float | None
    price: Price | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTest:
    """What was found; `url` without secrets. `speed` and `usage` are None when they were not measured."""

    name: str
    url: str
    checks: tuple[Check, ...]
    speed: Speed | None
    usage: Usage | None

    @property
    def works(self) -> bool:
        """Whether push and pull work, as far as was tried."""
        return not any(
            check.is_needed and check.state in (State.REFUSED, State.WRONG) for check in self.checks
        )


@dataclass(slots=True, kw_only=True)
class _Run:
    """What is known so far, so that a store which stops answering loses nothing of it."""

    at: Location
    options: RemoteTestOptions
    checks: list[Check] = field(default_factory=list)
    speed: Speed | None = None
    usage: Usage | None = None
    sample: str | None = None

    def note(self, found: Check) -> bool:
        """Keep a check, with the right that is missing in its hint; returns whether it went well."""
        if found.state in (State.REFUSED, State.WRONG):
            right = permissions.right(self.at.url, found.name) if found.state is State.REFUSED else None
            parts = [*([found.hint] if found.hint else []), *([f"grant {right}"] if right else [])]
            found = replace(found, reason=secrets.mask_text(found.reason), hint="; or ".join(parts) or None)
        self.checks.append(found)
        return found.state is State.OK


def remote_test(
    name: str | None = None, options: RemoteTestOptions | None = None, progress: Progress = SILENT
) -> RemoteTest:
    """Test the remote `name`, or the default one; what it wrote there it deletes, also when interrupted.

    Raises `ConfigError` when there is no such remote, or this program does not serve it.
    """
    settings = config.settings()
    at = remote.locate(settings, name)
    if not at.is_ours:
        raise ConfigError(
            f"remote {at.name!r} is served by the program dvc, so it cannot be tested",
            hint="dvc push, dvc pull",
        )
    run = _Run(at=at, options=options or RemoteTestOptions())
    progress.start("Testing the remote")
    try:
        with probe.probing(storage.open_store(at.url, at.options)) as found:
            _examine(run, found)
    except Unavailable as error:
        run.note(
            Check(name="reach", state=State.REFUSED, is_needed=True, reason=error.message, hint=error.hint)
        )
    finally:
        progress.finish()
    return RemoteTest(
        name=at.name,
        url=secrets.mask_text(at.url),
        checks=tuple(run.checks),
        speed=run.speed,
        usage=run.usage,
    )


def _examine(run: _Run, found: Probe) -> None:
    if run.note(probe.can_list(found)) and run.options.usage and isinstance(found.store, Store):
        store = found.store
        run.usage = _guarded(run, "usage", lambda: _take_stock(run, store))
    if run.options.read_only:
        run.note(probe.can_answer(found, run.sample))
        run.checks += [probe.not_tried(name, reason="--read-only") for name in ("write", "delete")]
        key = f"{PREFIX}{found.token}-absent"
        run.speed = _guarded(run, "speed", lambda: _latency(run, found.store, key))
        return
    if not run.note(probe.can_write(found)):
        run.note(probe.can_answer(found, run.sample))
        run.checks.append(probe.not_tried("delete", reason="nothing could be written"))
        return
    run.note(probe.can_read(found))
    run.speed = _guarded(run, "speed", lambda: _latency(run, found.store, found.first))
    if run.note(probe.can_delete(found)):
        for check in (probe.refuses_to_replace, probe.lets_one_create, probe.lists_what_is_written):
            run.note(check(found))
        if speed := run.speed:
            run.speed = _guarded(run, "speed", lambda: _throughput(speed, found)) or speed


def _take_stock(run: _Run, store: Store) -> Usage:
    """Count what is stored, and choose a small object to read."""
    objects = size = 0
    smallest = _LARGEST_SAMPLE
    for page in store.list(""):
        for key, length in zip(page.keys, page.sizes, strict=True):
            if key.startswith(PREFIX):
                continue
            objects, size = objects + 1, size + length
            if length < smallest:
                smallest, run.sample = length, key
    told = run.options.price_per_gb
    price = prices.price_of(run.at.url, run.at.options) if told is None else prices.named(told)
    return Usage(objects=objects, size=size, monthly=price.monthly(size) if price else None, price=price)


def _guarded(run: _Run, name: str, measure: Callable[[], T]) -> T | None:
    """Return what is measured; a refusal is noted as a check of that name."""
    try:
        return measure()
    except Unavailable:
        raise
    except DataVersioningError as error:
        run.note(Check(name=name, state=State.REFUSED, reason=error.message, hint=error.hint))
        return None


def _latency(run: _Run, store: ReadableStore, key: str) -> Speed:
    """Ask for one key, one request after the other."""
    store.find([key])  # the connection is made
    times = []
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        store.find([key])
        times.append(time.perf_counter() - began)
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return Speed(median=statistics.median(times), p95=p95, size=run.options.size)


def _throughput(latency: Speed, found: Probe) -> Speed:
    """Upload and download a few files of random content at once."""
    size = latency.size
    names = [str(number) for number in range(_PARALLEL)]
    with tempfile.TemporaryDirectory(prefix="dv-test-") as directory:
        for name in names:
            with open(os.path.join(directory, name), "wb") as file:
                file.writelines(_noise(size))
        keys = [found.key(f"large{name}") for name in names]
        began = time.perf_counter()
        probe.upload(found, directory, names, keys)
        sent = time.perf_counter()
        probe.download(found, os.path.join(directory, "back"), names, keys)
        received = time.perf_counter()
    total = size * _PARALLEL
    return replace(latency, up=total / (sent - began), down=total / (received - sent))


def _noise(size: int) -> Iterator[bytes]:
    """Yield bytes that nothing on the way can compress."""
    for start in range(0, size, 1 << 20):
        yield random.token_bytes(min(1 << 20, size - start))
