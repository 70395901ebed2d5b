"""`dv root` against the real one."""

from __future__ import annotations

from pathlib import Path

from tests.operations.twins import Twins
from tests.oracle import Tool


def test_the_path_is_relative(twins: Twins) -> None:
    for below in (".", "sub", "sub/deep", ".dvc"):
        assert twins.run("root", below=below) == 0


def test_through_a_symlink(dv: Tool, twins: Twins, place: Path) -> None:
    (place / "link").symlink_to(twins.roots()[1] / "sub")
    assert dv(place / "link", "root").ok().out == "..\n"


def test_json(dv: Tool, twins: Twins) -> None:
    assert dv(twins.roots()[1] / "sub", "root", "--json").json == {"root": ".."}


def test_outside_a_repository(dvc: Tool, dv: Tool, place: Path) -> None:
    assert dvc(place, "root").code == dv(place, "root").code == 253
