"""Run one command and measure it: wall-clock seconds and the peak memory of its whole process tree."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Sample:
    """One run."""

    seconds: float
    peak: int  # bytes, summed over the process tree (shared pages counted once a process)


@dataclass(slots=True)
class Series:
    """All runs of one command; what is reported is the median."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median of the seconds."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def peak(self) -> int:
        """Highest peak of all runs, in bytes."""
        return max(sample.peak for sample in self.samples)


def run(command: Sequence[str], *, cwd: str, env: Mapping[str, str] | None = None) -> Sample:
    """Run a command that has to succeed; what it prints is thrown away."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    watch = _Watch(process.pid)
    watch.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - started
    watch.stop()
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return Sample(seconds, watch.peak)


def ratio(ours: Series, theirs: Series) -> float:
    """Median of the ratios theirs / ours, run by run: how many times faster we are."""
    pairs = zip(ours.samples, theirs.samples, strict=False)
    return statistics.median(other.seconds / mine.seconds for mine, other in pairs)


class _Watch(threading.Thread):
    """Samples the resident memory of a process and all its descendants."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            self.peak = max(self.peak, sum(_resident(pid) for pid in _tree(self._pid)))
            self._stopped.wait(_PAUSE)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        except OSError:
            continue
    return found


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
