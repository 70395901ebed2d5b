"""`dv cache` against the real one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.operations.twins import Twins
from tests.oracle import Tool


def test_the_directory_is_printed_set_and_unset(twins: Twins) -> None:
    run = twins.run
    assert run("cache", "dir") == 0
    assert run("cache", "dir", "--local") == 251
    assert run("cache", "dir", "../cache", below="sub") == 0
    assert run("cache", "dir", below="sub/deep") == 0
    assert run("cache", "dir", "--local", "/data/cache") == 0
    assert run("cache", "dir") == 0
    assert run("cache", "dir", "--project") == 0
    assert run("cache", "dir", "-u", "--local") == 0
    assert run("cache", "dir", "-u") == 0
    assert run("cache", "dir", "-u") == 251
    assert run("cache", "dir") == 0
    assert run("cache", stdout=False) == 254


def test_outside_a_repository(dvc: Tool, dv: Tool, place: Path) -> None:
    for tool in (dvc, dv):
        assert tool(place, "cache", "dir").code == 251
        assert tool(place, "cache", "dir", "x").code == 251


def test_json(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    assert dv(root, "cache", "dir", "--json").json == {"dir": f"{root}/.dvc/cache"}
    assert dv(root, "cache", "dir", "--json", "/elsewhere").json == {"dir": "/elsewhere"}
    assert dv(root, "cache", "dir", "--json", "--unset").json == {"dir": f"{root}/.dvc/cache"}


def test_what_is_left_in_the_old_cache_is_told_and_can_be_moved(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    assert dv(root, "cache", "dir", "../empty").ok().err == ""
    dv(root, "cache", "dir", "-u").ok()
    (root / "data").write_text("data")
    dv(root, "add", "-q", "data").ok()
    assert dv(root, "-q", "cache", "dir", "--local", "x y/new").ok().err == ""
    dv(root, "cache", "dir", "--local", "-u").ok()
    for place in ("../x y/new", ".dvc/cache"):
        told = dv(root, "cache", "dir", place).ok().err
        assert told.startswith("Objects are left in the old cache; to move them: ")
        assert told.count("\n") == 1
        command = told.partition("to move them: ")[2]
        subprocess.run(command, shell=True, check=True, cwd=root, env=dv.sandbox.environment())
        assert dv(root, "fsck").ok().out == "1 sound object (4 B), 0 damaged.\n"
        (root / ".dvc/cache").mkdir(exist_ok=True)
    assert not list((root / "../x y").iterdir())
