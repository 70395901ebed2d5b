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


SCRIPT = """
import sys
from pathlib import Path
from xml.etree import ElementTree
import chart, document, results
from measure import Sample
results.RESULTS = Path(sys.argv[1])
result = results.Result(
    shape="22", title="T", place="RAM disk", measured="2026-01-01", machine={}, data={"files": 2, "bytes": 3}
)
for ours, theirs in ((1, 2), (2, 8), (1, 9)):
    result.add("add", "dv", Sample(seconds=ours, peak=5_000_000))
    result.add("add", "dvc", Sample(seconds=theirs, peak=7_000_000))
result.add("cp", "machine", Sample(seconds=0.5, peak=1))
result.add("md5sum", "machine", Sample(seconds=1.5, peak=1))
result.save(results.RESULTS)
(read,), = results.places(results.RESULTS, ["70k", "22"])
assert read == result
print(document.table(read)[-2])
dots = ElementTree.fromstring(chart.draw("<title>", document.speeds([read]))).iter("{http://www.w3.org/2000/svg}circle")
print([dot[0].text for dot in dots])
results.mark_unfinished("RAM disk", ["22", "pointers"])
print(results.unfinished("RAM disk"), results.unfinished("real disk"))
results.mark_unfinished("RAM disk", [])
print(results.unfinished("RAM disk"))
"""


def test_results(tmp_path: Path) -> None:
    """Kept, read again, shown; what an interrupted run has left to do."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=VERSUS, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "| add | 1.000 s | 8.00 s | 4.0 | `cp -r` + `md5sum` 2.000 s | 0.50 | 5 MB | 7 MB |",
        "['add, T: 4.0x', 'T']",
        "['22', 'pointers'] []",
        "[]",
    ], done.stderr


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
