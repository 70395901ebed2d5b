"""Commands that are passed to the program `dvc`."""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from data_versioning.cli import handoff
from tests.oracle import Sandbox, Tool, copy_repository


@pytest.fixture
def root(template: Path, place: Path) -> Path:
    return copy_repository(template, place / "r")


def records(root: Path) -> list[dict[str, object]]:
    log = root / ".git/dv/log/events.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def fake(place: Path, script: str) -> Mapping[str, str]:
    """An environment in which our Python has no `dvc` beside it, and PATH has this one."""
    (place / "bin").mkdir(exist_ok=True)
    python = place / "bin/python"
    if not python.exists():
        python.symlink_to(os.path.realpath(sys.executable))
    if script:
        program = place / "path/dvc"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    source = Path(handoff.__file__).parents[2]
    return {
        "PATH": f"{place}/path:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join([str(source), *site.getsitepackages()]),
    }


def run(
    sandbox: Sandbox, place: Path, cwd: Path, script: str, *args: str
) -> subprocess.CompletedProcess[str]:
    environment = sandbox.environment() | dict(fake(place, script))
    return subprocess.run(
        [place / "bin/python", "-m", "data_versioning", *args],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_real_one_answers_as_if_called_itself(dvc: Tool, dv: Tool, root: Path) -> None:
    for args in (
        ["exp", "list"],
        ["exp", "show", "--nonsense"],
        ["exp", "apply", "nothing"],
        ["check-ignore", "."],
    ):
        theirs, ours = dvc.real(root, *args), dv.real(root, *args)
        assert (theirs.code, theirs.out, theirs.err) == (ours.code, ours.out, ours.err)


def test_arguments_output_and_code_pass_through(sandbox: Sandbox, place: Path, root: Path) -> None:
    script = 'for word; do echo "[$word]"; done; echo oops >&2; exit 7'
    done = run(sandbox, place, root, script, "-q", "queue", "--force", "a b", "", "--", "-x")
    assert done.stdout.splitlines() == ["[-q]", "[queue]", "[--force]", "[a b]", "[]", "[--]", "[-x]"]
    assert done.stderr == "oops\n"
    assert done.returncode == 7


def test_a_change_is_recorded_with_its_outcome(sandbox: Sandbox, place: Path, root: Path) -> None:
    for code in (0, 1, 252):
        assert (
            run(
                sandbox, place, root, f"exit {code}", "-v", "exp", "run", "--set-param", "token=hunter2"
            ).returncode
            == code
        )
    assert [record["outcome"] for record in records(root)] == ["ok", "failed", "interrupted"]
    assert {record["verb"] for record in records(root)} == {"exp"}
    assert "hunter2" not in json.dumps(records(root))


def test_reading_leaves_no_record(sandbox: Sandbox, place: Path, root: Path) -> None:
    for args in (
        ["du", "."],
        ["exp", "show"],
        ["plots", "diff", "-e"],
        ["queue", "--help"],
        ["--cd", ".", "queue", "status"],
    ):
        assert run(sandbox, place, root, "exit 0", *args).returncode == 0
    assert records(root) == []


def test_outside_a_repository_dvc_says_so(sandbox: Sandbox, place: Path) -> None:
    assert run(sandbox, place, place, "exit 253", "queue").returncode == 253


def test_the_record_is_in_the_repository_that_cd_names(sandbox: Sandbox, place: Path, root: Path) -> None:
    assert run(sandbox, place, place, "exit 0", "--cd", str(root), "exp", "apply", "x").returncode == 0
    assert [record["verb"] for record in records(root)] == ["exp"]


def test_without_dvc_the_extra_is_named(sandbox: Sandbox, place: Path, root: Path) -> None:
    done = run(sandbox, place, root, "", "queue")
    assert done.returncode == 255
    assert "pip install 'data-versioning[dvc]'" in done.stderr
    assert records(root) == []


def test_the_signal_that_ends_us_ends_dvc(sandbox: Sandbox, place: Path, root: Path) -> None:
    said = place / "said"
    script = (
        f"trap 'echo ended >> {said}; exit 252' TERM; echo started > {said}; while :; do sleep 0.05; done"
    )
    environment = sandbox.environment() | dict(fake(place, script))
    process = subprocess.Popen(
        [place / "bin/python", "-m", "data_versioning", "queue"], cwd=root, env=environment
    )
    for _ in range(1000):
        if said.exists() and said.read_text():
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 252
    assert said.read_text() == "started\nended\n"
    assert [record["outcome"] for record in records(root)] == ["interrupted"]


def test_a_killed_dvc_gives_the_shells_code(sandbox: Sandbox, place: Path, root: Path) -> None:
    assert run(sandbox, place, root, "kill -9 $$", "queue").returncode == 137


def test_committed_configuration_starts_no_program(
    sandbox: Sandbox, place: Path, root: Path, dv: Tool
) -> None:
    (root / ".dvc/config").write_text(
        "['remote \"dav\"']\nurl = webdavs://host/x\nbearer_token_command = touch pwned\n"
    )
    done = run(sandbox, place, root, "echo ran", "du", ".")
    assert done.returncode == 251
    assert done.stdout == ""
    assert "bearer_token_command" in done.stderr
    assert "dv remote modify --local dav bearer_token_command" in done.stderr
    dv(root, "remote", "modify", "--local", "dav", "bearer_token_command", "touch pwned").ok()
    assert run(sandbox, place, root, "echo ran", "du", ".").stdout == "ran\n"
    assert not (root / "pwned").exists()


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("queue", True),
        ("exp", True),
        ("exp run", True),
        ("experiments list", False),
        ("queue start", True),
        ("queue logs", False),
        ("plots modify", True),
        ("ls-url x", False),
        ("--cd exp import x", True),
    ],
)
def test_what_changes_a_repository(line: str, changes: bool) -> None:
    assert handoff.changes_repository(line.split()) == changes
