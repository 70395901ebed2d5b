"""The benchmarks run: on small data, without judging any time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

VERSUS = Path(__file__).parents[1] / "benchmarks/versus"


def run(place: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command, "--place", str(place)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(place.iterdir())
    return done.stdout


def test_head_to_head(tmp_path: Path) -> None:
    out = run(tmp_path, str(VERSUS), "--quick", "--shape", "one-change")
    rows = re.findall(r"^\| ([a-z ]+) \| (\d+\.\d+) s \| (\d+\.\d+) s \| (\d+\.\d) \|", out, re.MULTILINE)
    assert [row[0] for row in rows] == [
        *("status", "data status", "diff", "add", "push", "pull", "checkout of the old version")
    ]
    assert all(float(ratio) > 0 for *_, ratio in rows)


def test_suite_of_dvc(tmp_path: Path) -> None:
    """`dv` in the place of `dvc`; all files of it: `make soak`."""
    names = ["test_add.py", "test_checkout.py"]
    out = run(tmp_path, str(VERSUS / "dvc_suite.py"), "--check", "--tests", *names)
    assert out.splitlines() == ["test_add.py: 6 timings", "test_checkout.py: 9 timings"]


@pytest.mark.soak
def test_whole_suite_of_dvc(tmp_path: Path) -> None:
    out = run(tmp_path, str(VERSUS / "dvc_suite.py"), "--check")
    assert len(out.splitlines()) == 20
