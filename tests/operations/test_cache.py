"""`dv cache` against the real one."""

from __future__ import annotations

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


def test_migration_is_handed_to_dvc(dv: Tool, twins: Twins) -> None:
    result = dv.real(twins.roots()[1], "cache", "migrate", "--dry")
    assert result.code == 0, str(result)
    assert "0 files will be re-hashed" in result.out


def test_json(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    assert dv(root, "cache", "dir", "--json").json == {"dir": f"{root}/.dvc/cache"}
