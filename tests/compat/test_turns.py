"""`dvc` and `dv` take turns in one repository, and always agree on what has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.compat.steps import Step, histories
from tests.compat.trees import Editor
from tests.compat.twins import STORE, Player, assert_data_kept, assert_same_status, fresh
from tests.oracle import Sandbox, Tool


def assert_objects_sound(*stores: Path) -> None:
    """Every object below is complete, and what it is named after; nothing else lies there."""
    for store in stores:
        for path in store.rglob("*"):
            if path.is_file():
                name = path.parent.name + path.name.removesuffix(".dir")
                assert hashlib.md5(path.read_bytes()).hexdigest() == name, path
                assert path.stat().st_mode & 0o7777 == 0o444, path


def play_in_turns(players: tuple[Player, Player], steps: tuple[tuple[bool, Step], ...]) -> None:
    root = players[0].root
    editor = Editor((root,))
    for ours, step in steps:
        if not step.command:
            editor.apply(step.target, *step.changes)
            continue
        before = players[0].disk()
        result = players[ours].run(*step.command)
        assert_objects_sound(root / ".dvc/cache/files/md5", root.parent / "store/files/md5")
        assert_same_status(players[0].tool, root, players[1].tool, root, f"{result.tool} {step}")
        if result.code and ours:
            assert_data_kept(before, players[0].disk(), step)
        if result.code:
            return  # DVC's `checkout --force` deletes what `add --no-commit` left uncached, then fails


def check(sandbox: Sandbox, tools: tuple[Tool, Tool], template: Path, cache_type: str, examples: int) -> None:
    independent = cache_type == "copy"

    @settings(max_examples=examples)
    @given(steps=histories(links=False, executables=independent), turns=st.lists(st.booleans(), min_size=12))
    def run(steps: tuple[Step, ...], turns: list[bool]) -> None:
        with fresh(sandbox) as place:
            config = f"{STORE}[cache]\n    type = {cache_type}\n"
            theirs = Player.make(tools[0], sandbox, template, place, config)
            ours = Player(tools[1], sandbox, theirs.root)
            play_in_turns((theirs, ours), tuple(zip(turns, steps, strict=False)))

    seed(len(cache_type))(run)()


@pytest.mark.parametrize("cache_type", ["copy", "hardlink", "symlink"])
def test_both_agree_after_every_turn(
    sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, cache_type: str
) -> None:
    check(sandbox, (dvc, dv), template, cache_type, examples=30)


@pytest.mark.soak
@pytest.mark.parametrize("cache_type", ["copy", "hardlink", "symlink"])
def test_both_agree_for_long(sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, cache_type: str) -> None:
    check(sandbox, (dvc, dv), template, cache_type, examples=1_000)
