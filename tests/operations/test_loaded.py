"""Many `.dvc` files: commands that have nothing to do open none of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import many_pointers

from tests.oracle import Sandbox

COUNT = 40
# Runs the command line and reports the names of all files it opened.
WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from data_versioning.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write("\\n".join(opened))
sys.exit(code)
"""


def opened(sandbox: Sandbox, root: Path, *args: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *args],
        cwd=root,
        env=sandbox.environment(),
        capture_output=True,
        check=True,
        text=True,
    )
    return [name for name in done.stderr.split("\n") if str(root) in name or not name.startswith("/")]


@pytest.fixture
def many(sandbox: Sandbox, place: Path) -> Path:
    root = place / "many"
    many_pointers.make(root, COUNT)
    return root


@pytest.mark.parametrize("command", ["status", "status data/000/000003.txt.dvc", "checkout", "data status"])
def test_nothing_is_read_twice(sandbox: Sandbox, many: Path, command: str) -> None:
    first = opened(sandbox, many, *command.split())
    assert sum(name.endswith(".dvc") for name in first) == COUNT
    again = opened(sandbox, many, *command.split())
    assert not [name for name in again if name.endswith((".dvc", ".txt", ".yaml"))]


def test_after_one_change_one_is_read(sandbox: Sandbox, many: Path) -> None:
    opened(sandbox, many, "status")
    pointer = many / "data/000/000007.txt.dvc"
    pointer.write_text(pointer.read_text() + "desc: changed\n")
    again = opened(sandbox, many, "status")
    assert [name for name in again if name.endswith(".dvc")] == [str(pointer)]
