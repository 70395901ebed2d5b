"""Run one command and measure it: wall-clock seconds and the peak memory of its whole process tree."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run."""

    seconds: float
    peak: int  # bytes, summed over the process tree (shared pages counted once a process)


def run(command: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> Sample:
    """Run a command that has to succeed; what it prints is thrown away.

    What earlier commands left to be written is written first: nobody pays for another one's bytes.
    """
    os.sync()
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
    return Sample(seconds=seconds, peak=watch.peak)


class _Watch(threading.Thread):
    """Samples the resident memory of a process and all its descendants, more often in the beginning."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopped.wait(pause):
            self.peak = max(self.peak, sum(_resident(pid) for pid in _tree(self._pid)))
            pause = min(pause * 1.2, _LONGEST_PAUSE)

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
