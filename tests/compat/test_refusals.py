"""What DVC refuses, we refuse with the same exit code, and change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.steps import GIT_COMMIT
from tests.compat.twins import Twins


@pytest.mark.parametrize(
    "command",
    [
        ("add", "missing"),
        ("add", "data/../../elsewhere"),
        ("add", "/etc/hostname"),
        ("add", ".dvc"),
        ("add", ".git"),
        ("add", ".dvc/config"),
        ("add", "."),
        ("add", "data", "data/inner", "--out", "x"),
        ("add", "tracked.txt"),
        ("add", "--no-such-option", "data"),
        ("add",),
        ("add", "around"),
        ("checkout", "nothing.dvc"),
        ("checkout", "nothing"),
        ("remove", "nothing.dvc"),
        ("remove", "data"),
        ("commit", "nothing.dvc"),
        ("push", "nothing"),
        ("pull", "-r", "nowhere"),
        ("push", "-r", "nowhere"),
        ("status", "nothing.dvc"),
        ("gc",),
        ("gc", "-f"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_refused_alike(tracked: Twins, command: tuple[str, ...]) -> None:
    tracked.write("tracked.txt", "in Git")
    tracked.write("around/inside", "x")
    for player in tracked.players:
        player.tool(player.root, "add", "around/inside").ok()
    tracked.run(*GIT_COMMIT)
    tracked.refuse(*command)


def test_outside_of_any_repository(tracked: Twins, place: Path) -> None:
    bare = place / "bare"
    bare.mkdir()
    for command in (
        ["status"],
        ["add", "x"],
        ["checkout"],
        ["data", "status"],
        ["gc", "-w"],
        ["push"],
        ["remove", "x"],
    ):
        codes = {player.tool(bare, *command).code for player in tracked.players}
        assert codes == {253}, command


def test_broken_pointer_is_refused(tracked: Twins) -> None:
    for player in tracked.players:
        (player.root / "bad.dvc").write_text("outs:\n- path: x\n  unknown_key: 1\n")
    expected, actual = (player.run("status") for player in tracked.players)
    assert actual.code == expected.code != 0
    tracked.refuse("checkout")
