"""Commands that do what they should not, on disks that have no room."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.faults.invariants import assert_cache_trustworthy, assert_clean_failure
from tests.faults.stages import (
    is_alive,
    locked,
    pipeline,
)
from tests.faults.test_disk import small_disk
from tests.oracle import TIMEOUT, Sandbox, Tool, copy_repository


def test_full_disk(place: Path, template: Path, dv: Tool, dvc: Tool) -> None:
    with small_disk(place / "disk", "40m") as disk:
        repo = copy_repository(template, disk / "repo")
        (repo / ".dvc/config").write_text("[cache]\n    type = copy\n")
        (repo / "in").write_text("1")
        pipeline(
            repo,
            small={"cmd": "cp in small", "deps": ["in"], "outs": ["small"]},
            big={
                "cmd": "test -e room && cp in big || head -c 9000000 /dev/urandom > big",
                "deps": ["small"],
                "outs": ["big"],
            },
        )
        (repo / "room").touch()
        dv(repo, "repro").ok()
        (repo / "room").unlink()
        (repo / "in").write_text("2")
        (repo / "ballast").write_bytes(bytes(26_000_000))
        failed = dv(repo, "repro")
        assert_clean_failure(failed.code, failed.err)
        assert "space" in failed.err.lower()
        assert locked(repo)["big"]["deps"][0]["md5"] == hashlib.md5(b"1").hexdigest()
        assert_cache_trustworthy(repo / ".dvc/cache")
        (repo / "ballast").unlink()
        dv(repo, "repro").ok()
        assert dvc(repo, "status", "--json").json == {}


def test_the_disk_is_full_of_what_the_command_prints(place: Path, template: Path, dv: Tool) -> None:
    """A log that finds no room is no reason to lose the run."""
    with small_disk(place / "disk", "8m") as disk:
        repo = copy_repository(template, disk / "repo")
        pipeline(repo, a={"cmd": "echo 1 > a; cat /dev/zero | head -c 20000000; rm filler", "outs": ["a"]})
        with open(repo / "filler", "wb") as filler, contextlib.suppress(OSError):
            filler.write(bytes(4_000_000))
        done = dv(repo, "repro")
        assert done.code == 0, done.err
        assert (repo / "a").read_text() == "1\n"


def test_much_output(repository: Path, dv: Tool) -> None:
    """100 MB printed: all of it shown, little of it kept."""
    command = f"{sys.executable} -c \"print('x' * 99 * 1000000)\"; echo the end; touch a"
    pipeline(repository, a={"cmd": command, "outs": ["a"]})
    measured = (
        "import re, runpy, sys; sys.argv = ['dv', 'repro', '-j', '2']\n"
        "try:\n    runpy.run_module('data_versioning', run_name='__main__')\n"
        "finally:\n    print(re.findall('VmHWM:\\t([0-9]+)', open('/proc/self/status').read().replace(' ', ''))[0],"
        " file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured],
        cwd=repository, env=dv.sandbox.environment(), capture_output=True, timeout=TIMEOUT, check=True,
    )  # fmt: skip
    assert done.stdout.count(b"x") > 99 * 1000000
    assert int(done.stderr.split()[-1]) < 90_000, "kilobytes of memory"
    (log,) = (repository / ".dvc/tmp/dv/logs").iterdir()
    assert log.stat().st_size < 12 << 20
    assert log.read_bytes().endswith(b"the end\n")


def test_a_daemon_that_stays(repository: Path, dv: Tool, dvc: Tool) -> None:
    pipeline(repository, a={"cmd": "sleep 60 & echo $! > daemon; echo 1 > a", "outs": ["a"]})
    dv.real(repository, "repro").ok()
    daemon = int((repository / "daemon").read_text())
    assert is_alive(daemon)
    dv(repository, "repro", "-f").ok()
    os.kill(daemon, signal.SIGKILL)
    os.kill(int((repository / "daemon").read_text()), signal.SIGKILL)
    assert dvc(repository, "status", "--json").json == {}


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_link_types(repository: Path, dv: Tool, dvc: Tool, kind: str) -> None:
    """A command that writes into its old output, or appends to one that persists, changes no object."""
    (repository / ".dvc/config").write_text(f"[cache]\n    type = {kind}\n")
    (repository / "in").write_text("1")
    pipeline(
        repository,
        a={"cmd": "cat in >> a; mkdir -p d; cat in >> d/x", "deps": ["in"], "outs": ["a", "d"]},
        b={"cmd": "cat a >> b", "deps": ["a"], "outs": [{"b": {"persist": True}}]},
    )
    for number in (1, 2):
        (repository / "in").write_text(str(number))
        dv(repository, "repro", "-j", "2").ok()
        assert_cache_trustworthy(repository / ".dvc/cache")
        assert dvc(repository, "status", "--json").json == {}
    assert (repository / "a").read_text() == (repository / "d/x").read_text() == "2"
    assert (repository / "b").read_text() == "12"
    assert (repository / "a").is_symlink() is (kind == "symlink")
    (repository / "in").write_text("1")
    assert "is cached" in dv(repository, "repro").ok().out
    assert (repository / "a").read_text() == "1"
    assert_cache_trustworthy(repository / ".dvc/cache")


@pytest.mark.parametrize("name", ["size", "nfiles", "net.size"])
def test_parameters_that_no_key_knows(repository: Path, dv: Tool, dvc: Tool, name: str) -> None:
    """DVC leaves parameters of these names out of the key, and finds the wrong run; we do not."""
    key = name.rpartition(".")[2]
    text = f"net:\n  {key}: VALUE\n" if "." in name else f"{key}: VALUE\n"
    for value in ("1", "2"):
        (repository / "params.yaml").write_text(text.replace("VALUE", value))
        pipeline(repository, a={"cmd": "cat params.yaml > a", "params": [name], "outs": ["a"]})
        dv(repository, "repro").ok()
        assert value in (repository / "a").read_text()
    (repository / "params.yaml").write_text(text.replace("VALUE", "1"))
    dv(repository, "repro").ok()
    assert "1" in (repository / "a").read_text()
    assert dvc(repository, "status", "--json").json == {}


@pytest.mark.parametrize("change", ["echo 2 > in", "echo 2 > d/x", "echo 'lr: 2' > params.yaml", "rm in"])
def test_inputs_that_change_while_the_command_runs(
    repository: Path, dv: Tool, dvc: Tool, change: str
) -> None:
    """Nobody knows what the command read: nothing is recorded, and it runs again."""
    (repository / "in").write_text("1\n")
    (repository / "d").mkdir()
    (repository / "d/x").write_text("1\n")
    (repository / "params.yaml").write_text("lr: 1\n")
    command = f"if [ ! -e once ]; then touch once; {change}; fi; cat d/x params.yaml > a"
    pipeline(repository, a={"cmd": command, "deps": ["in", "d"], "params": ["lr"], "outs": ["a"]})
    done = dv(repository, "repro").ok()
    assert "changed while the command ran" in done.err
    assert not (repository / "dvc.lock").exists()
    assert not (repository / ".dvc/cache/runs").exists()
    (repository / "in").write_text("3\n")
    dv(repository, "repro").ok()
    assert dvc(repository, "status", "--json").json == {}


def test_writes_outside_of_its_outputs(repository: Path, dv: Tool, dvc: Tool) -> None:
    """A stage that changes what another one made: the next run says so and puts it right."""
    (repository / "in").touch()
    pipeline(
        repository,
        a={"cmd": "echo a > a", "outs": ["a"]},
        b={"cmd": "echo b > b; echo vandal > a", "outs": ["b"], "deps": ["in"]},
    )
    dv(repository, "repro").ok()
    assert "a" in dv(repository, "status", "--json").json
    dv(repository, "repro", "a").ok()
    assert (repository / "a").read_text() == "a\n"
    assert dvc(repository, "status", "--json").json == {}


def test_a_long_name(repository: Path, dv: Tool, dvc: Tool) -> None:
    """Names of generated stages are as long as what they are generated from; logs of no two are the same."""
    items = ["x" * 150, "é" * 90, "a/b", "a_b", "a b"]
    (repository / "dvc.yaml").write_text(
        yaml.safe_dump(
            {
                "stages": {
                    "s": {
                        "foreach": {item: {"n": number} for number, item in enumerate(items)},
                        "do": {
                            "cmd": "echo ${item.n} > o${item.n}; echo said ${item.n}",
                            "outs": ["o${item.n}"],
                        },
                    }
                }
            },
            allow_unicode=True,
        )
    )
    for _ in range(2):
        dv(repository, "repro", "-f", "-j", "3").ok()
        assert dvc(repository, "status", "--json").json == {}
    logs = [path.read_text() for path in (repository / ".dvc/tmp/dv/logs").iterdir()]
    assert len(logs) == len(items)
    assert {match[1] for log in logs if (match := re.search(r"^said (\d)", log, re.MULTILINE))} == set(
        "01234"
    )


def test_a_directory_in_the_way(repository: Path, dv: Tool) -> None:
    """A command that makes a file where the directory of its output was, and fails."""
    pipeline(
        repository,
        a={
            "cmd": "if [ -e bad ]; then rm -r d; echo > d; false; fi; mkdir -p d; echo 1 > d/a",
            "outs": ["d/a"],
        },
    )
    dv(repository, "repro").ok()
    (repository / "bad").touch()
    failed = dv(repository, "repro", "-f")
    assert_clean_failure(failed.code, failed.err)
    assert (repository / "d/a").read_text() == "1\n"
    (repository / "bad").unlink()
    dv(repository, "repro", "-f").ok()


def test_a_frozen_stage_beside_what_it_was_made_of(repository: Path, dv: Tool) -> None:
    """It waits for nobody, so it may not be kept waiting by ourselves either."""
    pipeline(
        repository,
        a={"cmd": "sleep 1; echo a > a", "outs": ["a"]},
        b={"cmd": "cp a b", "deps": ["a"], "outs": ["b"]},
    )
    dv(repository, "repro").ok()
    text = (repository / "dvc.yaml").read_text()
    (repository / "dvc.yaml").write_text(text.replace("  b:\n", "  b:\n    frozen: true\n"))
    (repository / "b").write_text("changed")
    (repository / "a").unlink()
    dv.real(repository, "repro", "-f", "-j", "2", "--no-run-cache").ok()


def test_a_program_that_is_not_there(repository: Path, dv: Tool, sandbox: Sandbox) -> None:
    pipeline(
        repository,
        a={"cmd": "no-such-program", "outs": ["a"]},
        b={"cmd": "touch b", "outs": ["b"], "wdir": "gone"},
    )
    failed = dv(repository, "repro", "-k")
    assert_clean_failure(failed.code, failed.err)
    assert "127" in failed.err
