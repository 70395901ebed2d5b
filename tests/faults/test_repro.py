"""Pipelines that are killed, or run several times at once: old outputs come back, nothing is half recorded."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.faults.invariants import assert_cache_trustworthy, assert_clean_failure, contents
from tests.faults.stages import (
    assert_as_recorded,
    kill_all,
    members,
    pipeline,
    wait_for,
    wait_for_end,
)
from tests.oracle import TIMEOUT, Tool

SLOWLY = "for n in 1 2 3 4; do cat {0} >> {1}; sleep 0.03; done"


def slow_pipeline(repo: Path) -> None:
    """A diamond whose stages write their outputs bit by bit."""
    (repo / "in").write_text("first\n")
    pipeline(
        repo,
        a={"cmd": SLOWLY.format("in", "a"), "deps": ["in"], "outs": ["a"]},
        b={"cmd": "mkdir -p b; " + SLOWLY.format("a", "b/x"), "deps": ["a"], "outs": ["b"]},
        c={"cmd": SLOWLY.format("a", "c"), "deps": ["a"], "outs": ["c"]},
        d={"cmd": SLOWLY.format("b/x c", "d"), "deps": ["b", "c"], "outs": ["d"]},
    )


class Campaign:
    """Runs of `slow_pipeline` that are killed."""

    def __init__(self, repo: Path, dv: Tool, dvc: Tool, jobs: int) -> None:
        self.repo, self.dv, self.dvc, self.jobs = repo, dv, dvc, jobs
        slow_pipeline(repo)
        dv(repo, "repro").ok()
        self.round = 0
        self.states = [self.outputs()]

    def outputs(self) -> dict[str, bytes]:
        return {name: text for name, text in contents(self.repo).items() if name in {"a", "b/x", "c", "d"}}

    def kill(self, delay: float, *, everything: bool) -> bool:
        """Change the input, run, kill after `delay`; whether that hit."""
        self.round += 1
        (self.repo / "in").write_text(f"round {self.round}\n")
        before = self.outputs()
        process = self.dv.start(self.repo, "repro", "-j", str(self.jobs))
        time.sleep(delay)
        hit = process.poll() is None
        if everything:
            kill_all(process.pid)
        else:
            process.kill()
        process.communicate(timeout=TIMEOUT)
        self.check(before, process.pid)
        return hit

    def check(self, before: dict[str, bytes], session: int) -> None:
        repo = self.repo
        assert_cache_trustworthy(repo / ".dvc/cache")
        if members(session):
            refused = self.dv(repo, "repro", "--dry")
            if members(session):  # a command lives on: nothing is touched below it
                assert_clean_failure(refused.code, refused.err)
                assert "killed" in refused.err
            for pid in members(session):
                wait_for_end(pid)
        self.dv(repo, "repro", "--dry").ok()
        now = self.outputs()
        new = self.expected()
        for name, content in now.items():
            assert content in (before[name], new[name]), f"{name} is half written: {content!r}"
        assert now.keys() == before.keys()
        assert_as_recorded(repo)
        self.dv(repo, "repro", "-j", str(self.jobs)).ok()
        assert self.outputs() == new
        assert self.dvc(repo, "status", "--json").json == {}
        assert os.listdir(repo / ".dvc/tmp/dv/repro") == []

    def expected(self) -> dict[str, bytes]:
        a = (self.repo / "in").read_bytes() * 4
        return {"a": a, "b/x": a * 4, "c": a * 4, "d": a * 32}


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("everything", [True, False])
def test_kill_at_random_moments(repository: Path, dv: Tool, dvc: Tool, jobs: int, everything: bool) -> None:
    campaign = Campaign(repository, dv, dvc, jobs)
    rng = random.Random(f"{jobs} {everything}")
    hits = [campaign.kill(rng.uniform(0.15, 1.0), everything=everything) for _ in range(3)]
    assert any(hits)


@pytest.mark.soak
@pytest.mark.parametrize("jobs", [1, 3])
def test_many_kills_at_random_moments(repository: Path, dv: Tool, dvc: Tool, jobs: int) -> None:
    campaign = Campaign(repository, dv, dvc, jobs)
    rng = random.Random()
    hits = [campaign.kill(rng.uniform(0.05, 1.2), everything=rng.random() < 0.7) for _ in range(150)]
    assert sum(hits) >= 50


def test_two_runs_at_once(repository: Path, dv: Tool, dvc: Tool) -> None:
    """Both succeed; what one made the other does not make again."""
    slow_pipeline(repository)
    for number in range(4):
        (repository / "in").write_text(f"{number}\n")
        running = [dv.start(repository, "repro", "-j", "2") for _ in range(3)]
        for process in running:
            _, err = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0, err
        assert (repository / "d").read_bytes() == b"%d\n" % number * 128
        assert dvc(repository, "status", "--json").json == {}
    assert_as_recorded(repository)


def test_dvc_beside(repository: Path, dv: Tool, dvc: Tool) -> None:
    """Different pipelines of one repository, one reproduced by each."""
    for name in ("ours", "theirs"):
        (repository / name).mkdir()
        stages = {
            f"s{n}": {
                "cmd": f"sleep 0.1; echo {n} > o{n}",
                "outs": [f"o{n}"],
                "deps": [f"o{n - 1}"] if n else [],
            }
            for n in range(6)
        }
        pipeline(repository / name, **stages)
    ours = dv.start(repository, "repro", "ours/dvc.yaml")
    theirs = dvc.start(repository, "repro", "theirs/dvc.yaml")
    for process in (ours, theirs):
        _, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, err
    for tool in (dvc, dv):
        assert tool(repository, "status", "-R", ".", "--json").json == {}


def test_dvc_runs_the_same_stage(repository: Path, dv: Tool, dvc: Tool) -> None:
    """`dv` waits until the stage of `dvc` has ended, and runs nothing a second time."""
    pipeline(
        repository, a={"cmd": "touch up; sleep 2; echo x >> ran; echo 1 > a", "outs": ["a"], "deps": ["in"]}
    )
    (repository / "in").write_text("1")
    theirs = dvc.start(repository, "repro")
    wait_for(repository / "up")
    ours = dv.real(repository, "repro").ok()
    _, err = theirs.communicate(timeout=TIMEOUT)
    assert theirs.returncode == 0, err
    assert "wait" in ours.err.lower()
    assert (repository / "ran").read_text() == "x\n"
    assert dvc(repository, "status", "--json").json == {}


def test_dvc_is_kept_away_from_a_running_stage(repository: Path, dv: Tool, dvc: Tool) -> None:
    pipeline(repository, a={"cmd": "touch up; sleep 2; echo 1 > a", "outs": ["a"]})
    ours = dv.start(repository, "repro")
    wait_for(repository / "up")
    refused = dvc(repository, "repro")
    assert refused.code
    assert "dv repro" in refused.err
    _, err = ours.communicate(timeout=TIMEOUT)
    assert ours.returncode == 0, err
    assert dvc(repository, "status", "--json").json == {}
