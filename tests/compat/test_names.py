"""Odd names of files and targets."""

from __future__ import annotations

import pytest

from tests.compat.steps import GIT_COMMIT
from tests.compat.twins import Twins


@pytest.mark.parametrize(
    "name",
    ["-dash", "#x", "!y", "[z]", "*", " lead", "trail ", "new\nline", "a\\b", "caf\u00e9", "cafe\u0301"],
)
@pytest.mark.parametrize("inside", [False, True])
def test_odd_names(twins: Twins, name: str, inside: bool) -> None:
    """In a Git commit, DVC takes paths for URLs: `#` cuts them, newlines vanish, and it sees renames there."""
    target = f"odd/{name}" if inside else name
    twins.write(f"{target}/{name}", name)
    twins.write(f"{target}.txt", name)
    twins.run("add", f"./{target}", f"./{target}.txt")
    if not set("#\n") & set(name):
        twins.run(*GIT_COMMIT)
    twins.delete(target)
    twins.run("checkout")
    twins.run("remove", f"./{target}.dvc", f"./{target}.txt.dvc")
