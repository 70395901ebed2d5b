"""What the fast paths import. Every module costs time; a new one here is a decision."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool
from tests.tracking import with_remote, write

SCRIPT = """
import sys
before = set(sys.modules)
from data_versioning.cli.main import main
code = main(sys.argv[1:])
sys.stdout.flush()
print("\\n" + str(code), *sorted(set(sys.modules) - before))
"""


def imported(sandbox: Sandbox, cwd: Path, *args: str) -> set[str]:
    """The modules that a command loads beyond a bare interpreter, as a process of its own; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, *args], cwd=cwd, capture_output=True, text=True, check=True,
        env=sandbox.environment() | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")},
    )  # fmt: skip
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0", done
    return set(modules)


@pytest.fixture
def project(repository: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """Tracked data, a stage with everything that a stage can have, a remote."""
    with_remote(repository, sandbox, dvc)
    write(repository, "data/a", "1")
    write(repository, "data.csv", "2")
    write(repository, "params.yaml", "train:\n  epochs: 3\n")
    write(
        repository,
        "dvc.yaml",
        "stages:\n  train:\n    cmd: cp data.csv model && echo '{}' > metrics.json\n    deps: [data.csv]\n"
        "    params: [train.epochs]\n    outs: [model]\n    metrics:\n    - metrics.json:\n        cache: false\n",
    )
    dvc(repository, "add", "-q", "data", "data.csv").ok()
    dvc(repository, "repro", "-q").ok()
    sandbox.git(repository, "add", "-A")
    sandbox.git(repository, "commit", "-qm", "project")
    return repository


def test_status_that_finds_nothing(sandbox: Sandbox, project: Path, dv: Tool) -> None:
    assert "up to date" in dv.real(project, "status").ok().out
    found = imported(sandbox, project, "status")
    print(sorted(found))
    assert 0


def test_help(sandbox: Sandbox, place: Path) -> None:
    print(sorted(imported(sandbox, place, "--help")))
    assert 0
