"""kill -9 at any moment of add, checkout, push, pull and gc: nothing wrong is trusted, nothing is lost, and the same
command run again succeeds.

Two campaigns: at random moments of real runs, and at chosen system calls (strace injects the signal), which hits
the gaps between write, sync, chmod and rename exactly.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.invariants import (
    assert_cache_trustworthy,
    assert_nothing_half_written,
    assert_nothing_lost,
    assert_remote_sound,
    contents,
    objects,
)
from tests.oracle import TIMEOUT, Sandbox, Tool, copy_repository

FILES = 1200
CHANGING = (
    "?open,?openat,?write,?pwrite64,?writev,?copy_file_range,?sendfile,?rename,?renameat,?renameat2,?link,?linkat,"
    "?symlink,?symlinkat,?unlink,?unlinkat,?chmod,?fchmod,?fchmodat,?fchmodat2,?fsync,?fdatasync,?syncfs,?utimensat,"
    "?ftruncate,?mkdir,?mkdirat"
)


@dataclass(slots=True)
class Campaign:
    """Repositories frozen right before each command, to be copied and killed."""

    dv: Tool
    dvc: Tool
    base: Path
    data: dict[str, bytes] = field(default_factory=dict)
    durations: dict[str, tuple[float, float]] = field(default_factory=dict)

    def prepare(self, template: Path) -> None:
        """One place per command, holding `repo` and `store`, in the state right before it."""
        start = self.base / "add"
        repo = copy_repository(template, start / "repo")
        (start / "store").mkdir()
        (repo / ".dvc/config").write_text(
            "[core]\n    remote = store\n[cache]\n    type = copy\n['remote \"store\"']\n    url = ../../store\n"
        )
        rng = random.Random(7)
        for number in range(FILES):
            size = rng.choice((0, 10, 1000, 5000)) if number % 40 else 300_000
            path = repo / f"data/{number % 9}/f{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rng.randbytes(size))
        (repo / "data/big").write_bytes(rng.randbytes(6_000_000))
        (repo / "mine.txt").write_text("a file of the user")
        self.data = contents(repo)
        self._derive("add", "push", lambda repo: self.dv(repo, "add", "data").ok())
        self._derive("push", "checkout", lambda repo: self._without(repo, "data"))
        self._derive("push", "pull", self._pushed_and_forgotten)
        self._derive("push", "gc", self._littered)

    def _derive(self, source: str, name: str, change: Callable[[Path], object]) -> None:
        shutil.copytree(self.base / source, self.base / name, symlinks=True)
        change(self.base / name / "repo")

    def _without(self, repo: Path, *paths: str) -> None:
        for path in paths:
            shutil.rmtree(repo / path)

    def _pushed_and_forgotten(self, repo: Path) -> None:
        self.dv(repo, "push").ok()
        self._without(repo, "data", ".dvc/cache")

    def _littered(self, repo: Path) -> None:
        """Half of the cache belongs to a version that no pointer names any more."""
        for number in range(0, FILES, 2):
            path = repo / f"data/{number % 9}/f{number}"
            path.write_bytes(b"second version %d" % number)
        self.dv(repo, "add", "data").ok()

    def measure(self) -> None:
        """How long start-up and each command take as real processes, the best of three."""
        startup = min(self._time("add", "root") for _ in range(3))
        for name, command in COMMANDS.items():
            self.durations[name] = startup * 0.8, min(self._time(name, *command) for _ in range(3))

    def _time(self, name: str, *command: str) -> float:
        with self.copy(name) as place:
            begin = time.monotonic()
            self.dv.real(place / "repo", *command).ok()
            return time.monotonic() - begin

    def copy(self, name: str) -> Place:
        return Place(self.base / name)

    def check(self, name: str, repo: Path, before: dict[str, bytes], used: set[str]) -> None:
        """The invariants, right after the kill."""
        cache, store = repo / ".dvc/cache", repo.parent / "store"
        assert_cache_trustworthy(cache)
        assert_remote_sound(store)
        assert_nothing_lost(before, repo)
        if name in ("checkout", "pull"):
            assert_nothing_half_written(self.data | before, repo)
        if name == "gc":
            assert used <= objects(cache).keys(), "gc deleted objects in use"

    def check_again(self, name: str, repo: Path) -> None:
        """The same command again succeeds, and both tools find everything in order."""
        self.dv(repo, *COMMANDS[name]).ok()
        assert_cache_trustworthy(repo / ".dvc/cache")
        assert_remote_sound(repo.parent / "store")
        assert self.dv(repo, "status", "--json").json == {}
        assert self.dvc(repo, "status", "--json").json == {}
        if name in ("checkout", "pull"):
            assert_nothing_lost(self.data, repo)
        if name == "push":
            assert self.dvc(repo, "status", "-c", "--json").json == {}
        if name == "gc":
            assert len(objects(repo / ".dvc/cache")) == len(used_objects(repo)), "gc left something"

    def kill(self, name: str, run: Callable[[Path], bool]) -> bool:
        """One kill; whether it hit the command before its end."""
        with self.copy(name) as place:
            repo = place / "repo"
            before, used = contents(repo), used_objects(repo)
            killed = run(repo)
            self.check(name, repo, before, used)
            self.check_again(name, repo)
            return killed

    def at_random(self, name: str, rng: random.Random) -> bool:
        """Kill after a random time; a command that ended sooner shortens the range of later ones."""
        shortest, longest = self.durations[name]
        delay = rng.uniform(shortest, longest)

        def run(repo: Path) -> bool:
            begin = time.monotonic()
            process = self.dv.start(repo, *COMMANDS[name])
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate(timeout=TIMEOUT)
                return True
            _, err = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0, err
            self.durations[name] = (shortest, max(shortest * 1.2, min(longest, time.monotonic() - begin)))
            return False

        return self.kill(name, run)

    def at_call(self, name: str, number: int) -> bool:
        """Kill at the `number`-th state-changing system call of any one thread."""

        def run(repo: Path) -> bool:
            inject = ["strace", "-f", "-o", os.devnull, "-e", f"inject={CHANGING}:signal=KILL:when={number}"]
            done = subprocess.run(
                [*inject, *self.dv.argv(*COMMANDS[name])],
                cwd=repo, env=self.dv.sandbox.environment(), capture_output=True, timeout=TIMEOUT, check=False,
            )  # fmt: skip
            assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done
            return done.returncode != 0

        return self.kill(name, run)

    def calls(self, name: str) -> int:
        """How many state-changing system calls the main thread of the command makes."""
        with self.copy(name) as place:
            log = place / "calls"
            subprocess.run(
                ["strace", "-o", str(log), "-e", f"trace={CHANGING}", *self.dv.argv(*COMMANDS[name])],
                cwd=place / "repo", env=self.dv.sandbox.environment(), capture_output=True, check=True,
            )  # fmt: skip
            return len(re.findall(r"^\w+\(", log.read_text(errors="replace"), re.MULTILINE))


COMMANDS = {
    "add": ("add", "data"),
    "push": ("push",),
    "checkout": ("checkout",),
    "pull": ("pull",),
    "gc": ("gc", "-w", "-f"),
}


@dataclass(slots=True)
class Place:
    """A throw-away copy of a prepared place."""

    source: Path
    copy: Path | None = None

    def __enter__(self) -> Path:
        self.copy = self.source.with_name(f"{self.source.name}.{os.getpid()}.{time.monotonic_ns()}")
        shutil.copytree(self.source, self.copy, symlinks=True)
        return self.copy

    def __exit__(self, *_: object) -> None:
        assert self.copy is not None
        shutil.rmtree(self.copy, ignore_errors=True)


def used_objects(repo: Path) -> set[str]:
    """The objects that `data.dvc` names, directory and files; none when there is no pointer or no directory object."""
    pointer = repo / "data.dvc"
    found = re.search(r"md5: (\w+\.dir)", pointer.read_text()) if pointer.exists() else None
    if not found:
        return set()
    tree = objects(repo / ".dvc/cache").get(found[1])
    return {found[1], *re.findall(r'"md5": "(\w+)"', tree.read_text())} if tree else set()


@pytest.fixture(scope="module")
def campaign(sandbox: Sandbox, dv: Tool, dvc: Tool, template: Path) -> Iterator[Campaign]:
    base = sandbox.base / "kill"
    campaign = Campaign(dv, dvc, base)
    campaign.prepare(template)
    campaign.measure()
    yield campaign
    shutil.rmtree(base, ignore_errors=True)


def kills(campaign: Campaign, name: str, rng: random.Random, wanted: int) -> int:
    """Kill until `wanted` kills hit a running command, or four times as many attempts were made."""
    hits = 0
    for _ in range(wanted * 4):
        hits += campaign.at_random(name, rng)
        if hits == wanted:
            break
    return hits


@pytest.mark.parametrize("name", COMMANDS)
def test_kill_at_random_moments(campaign: Campaign, name: str) -> None:
    rng = random.Random(f"{name} in make test")
    assert kills(campaign, name, rng, wanted=8) == 8, "too few kills came before the command ended"


@pytest.mark.parametrize("name", COMMANDS)
def test_kill_at_system_calls(campaign: Campaign, name: str) -> None:
    rng = random.Random(f"{name} at system calls")
    total = campaign.calls(name)
    # How many calls there are differs from run to run: the last ones may not come.
    numbers = [*rng.sample(range(total // 3, total - 40), 4), *rng.sample(range(total - 40, total + 1), 3)]
    hits = sum(campaign.at_call(name, number) for number in numbers)
    assert hits >= 3, f"only {hits} kills hit {total} calls"


@pytest.mark.soak
@pytest.mark.parametrize("name", COMMANDS)
def test_many_kills_at_random_moments(campaign: Campaign, name: str) -> None:
    assert kills(campaign, name, random.Random(), wanted=140) == 140


@pytest.mark.soak
@pytest.mark.parametrize("name", COMMANDS)
def test_many_kills_at_system_calls(campaign: Campaign, name: str) -> None:
    total = campaign.calls(name)
    step = max(1, total // 60)
    hits = sum(campaign.at_call(name, number) for number in range(total, max(1, total - 60 * step), -step))
    assert hits >= 30
