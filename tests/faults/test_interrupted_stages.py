"""Ctrl-C, time limits and what a terminal does: what was started ends, what finished is recorded."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_versioning.pipeline import runner
from tests.faults.invariants import assert_clean_failure
from tests.faults.stages import (
    is_alive,
    kill_all,
    locked,
    pipeline,
    wait_for,
    wait_for_end,
)
from tests.oracle import TIMEOUT, Tool


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    "command",
    [
        "echo half > a; sleep 60",
        "echo half > a; sleep 60 & echo $! > child; wait",
        "echo half > a; (trap '' TERM INT; while :; do sleep 0.1; done) & echo $! > child; wait",
    ],
)
def test_a_time_limit(repository: Path, dv: Tool, jobs: str, command: str) -> None:
    """Everything that the stage started ends with it, and the old output is back."""
    pipeline(repository, a={"cmd": "test -e quick && echo old > a || { " + command + "; }", "outs": ["a"]})
    (repository / "quick").touch()
    dv(repository, "repro").ok()
    (repository / "quick").unlink()
    before = (repository / "dvc.lock").read_bytes()
    result = dv.real(repository, "repro", "-f", "--timeout", "1", "-j", jobs)
    assert_clean_failure(result.code, result.err)
    assert "longer than allowed" in result.err
    assert (repository / "a").read_text() == "old\n"
    assert (repository / "dvc.lock").read_bytes() == before
    if (repository / "child").exists():
        wait_for_end(int((repository / "child").read_text()))


@contextlib.contextmanager
def at_terminal(dv: Tool, repo: Path, *args: str) -> Iterator[tuple[int, int]]:
    """`dv` as the foreground process of a terminal: its process id, and the user's side of the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(repo)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
        argv = dv.argv(*args)
        os.execve(argv[0], argv, dv.sandbox.environment())
    try:
        yield pid, terminal
    finally:
        kill_all(pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(terminal)


def end_of(pid: int, terminal: int) -> tuple[int, str]:
    """Read the terminal until the process ends; its exit code, and what it showed."""
    shown = b""
    os.set_blocking(terminal, False)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError, OSError):
            shown += os.read(terminal, 1 << 16)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            with contextlib.suppress(BlockingIOError, OSError):
                shown += os.read(terminal, 1 << 16)
            return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")
        time.sleep(0.02)
    raise AssertionError(f"it does not end: {shown!r}")


CATCHING = "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: raise SystemExit(0)"
START = "if [ -e quick ]; then echo old > second; exit; fi; echo half > second; echo $$ > pid.new; mv pid.new pid; "


@pytest.mark.parametrize("jobs", ["1", "3"])
@pytest.mark.parametrize(
    "command",
    [
        "sleep 60",
        # Programs that catch Ctrl-C, and that do not listen to it.
        f"{sys.executable} -c '{CATCHING}'; sleep 60",
        'trap "" INT; while :; do sleep 0.1; done',
    ],
)
def test_ctrl_c(repository: Path, dv: Tool, dvc: Tool, jobs: str, command: str) -> None:
    """What finished is recorded, what runs ends, its old output is back, nothing more begins."""
    (repository / "in").write_text("1")
    pipeline(
        repository,
        first={"cmd": "cp in first", "deps": ["in"], "outs": ["first"]},
        second={
            "cmd": ["./program" if "\n" in command else START + command, "touch after"],
            "deps": ["first"],
            "outs": ["second"],
        },
        third={"cmd": "touch third", "deps": ["second"], "outs": ["third"]},
    )
    program = repository / "program"
    program.write_text(f"#!/bin/sh\n{START}\n{command}\n")
    program.chmod(0o755)
    (repository / "quick").touch()
    dv(repository, "repro").ok()
    for name in ("quick", "after"):
        (repository / name).unlink()
    (repository / "in").write_text("2")
    with at_terminal(dv, repository, "repro", "-j", jobs) as (pid, terminal):
        wait_for(repository / "pid")
        time.sleep(0.2)
        os.write(terminal, b"\x03")
        code, shown = end_of(pid, terminal)
        child = int((repository / "pid").read_text())
        assert not is_alive(child)
    assert code == 252, shown
    assert "Traceback" not in shown
    assert (repository / "second").read_text() == "old\n"
    assert locked(repository)["first"]["deps"][0]["md5"] == hashlib.md5(b"2").hexdigest()
    assert not (repository / "after").exists()
    assert "'third'" not in shown
    assert dvc(repository, "status", "--json").json.keys() == {"second"}
    (repository / "quick").touch()
    dv(repository, "repro").ok()
    assert dvc(repository, "status", "--json").json == {}


def test_ctrl_c_twice_leaves_nobody(repository: Path, dv: Tool) -> None:
    pipeline(
        repository,
        a={
            "cmd": "trap '' INT; echo $$ > pid; echo half > a; while :; do echo >> lived; sleep 0.1; done",
            "outs": ["a"],
        },
    )
    process = dv.start(repository, "repro", "-j", "2")
    wait_for(repository / "a")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT)
    lived = (repository / "lived").read_text().count("\n")
    assert lived < 0.7 * runner.GRACE / 0.1, "the second one does not wait"
    assert process.returncode == 252, err
    assert not is_alive(int((repository / "pid").read_text()))
    assert not (repository / "a").exists()


def test_background_processes_end_at_ctrl_c(repository: Path, dv: Tool) -> None:
    """A shell makes what it starts with & deaf to Ctrl-C."""
    pipeline(repository, a={"cmd": "sleep 60 & echo $! > child; wait", "outs": ["a"]})
    process = dv.start(repository, "repro", "-j", "2")
    wait_for(repository / "child")
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT)
    wait_for_end(int((repository / "child").read_text()))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_a_container_or_a_terminal(repository: Path, dv: Tool, sent: signal.Signals) -> None:
    """As a job scheduler or a lost connection ends it: like Ctrl-C."""
    pipeline(repository, a={"cmd": "echo $$ > pid; echo half > a; exec sleep 60", "outs": ["a"]})
    process = dv.start(repository, "repro")
    wait_for(repository / "a")
    process.send_signal(sent)
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 252, err
    assert not is_alive(int((repository / "pid").read_text()))
    assert not (repository / "a").exists()


def test_a_command_at_a_terminal_can_ask(repository: Path, dv: Tool) -> None:
    pipeline(repository, a={"cmd": "read answer; echo $answer > a; test -t 1 && test -t 0", "outs": ["a"]})
    with at_terminal(dv, repository, "repro") as (pid, terminal):
        time.sleep(1)
        os.write(terminal, b"yes\n")
        code, shown = end_of(pid, terminal)
    assert code == 0, shown
    assert (repository / "a").read_text() == "yes\n"


def test_a_time_limit_at_a_terminal(repository: Path, dv: Tool) -> None:
    pipeline(repository, a={"cmd": "sleep 60 & echo $! > child; wait; touch a", "outs": ["a"]})
    with at_terminal(dv, repository, "repro", "--timeout", "1") as (pid, terminal):
        code, shown = end_of(pid, terminal)
        assert code == 255, shown
        child = int((repository / "child").read_text())
        wait_for_end(child)


def test_a_terminal_that_is_closed(repository: Path, dv: Tool) -> None:
    """Nobody reads any more: everything ends, and the old output is back."""
    pipeline(
        repository,
        a={"cmd": "echo $$ > pid; echo half > a; while echo talks; do sleep 0.05; done", "outs": ["a"]},
    )
    with at_terminal(dv, repository, "repro", "-j", "2") as (pid, terminal):
        wait_for(repository / "a")
        os.close(terminal)
        deadline = time.monotonic() + 60
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        wait_for_end(int((repository / "pid").read_text()))
        os.dup2(os.open(os.devnull, os.O_RDONLY), terminal)
    assert not (repository / "a").exists()
    assert os.listdir(repository / ".dvc/tmp/dv/repro") == []


def test_no_standard_input(repository: Path, dv: Tool) -> None:
    """As some job schedulers start programs."""
    pipeline(repository, a={"cmd": "cat > a; echo said", "outs": ["a"]})
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *dv.argv("repro")],
        cwd=repository, env=dv.sandbox.environment(), capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "said" in done.stdout
    assert (repository / "a").read_bytes() == b""


@pytest.mark.parametrize("flags", [[], ["--timeout", "30"]])
def test_standard_input_that_is_a_pipe(repository: Path, dv: Tool, flags: list[str]) -> None:
    """It reaches the command, as with DVC."""
    pipeline(repository, a={"cmd": "cat > a", "outs": ["a"]})
    subprocess.run(
        dv.argv("repro", *flags),
        cwd=repository, env=dv.sandbox.environment(), input=b"fed", capture_output=True, timeout=TIMEOUT, check=True,
    )  # fmt: skip
    assert (repository / "a").read_bytes() == b"fed"
