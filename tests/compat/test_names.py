"""Odd names of files and targets."""

from __future__ import annotations

import pytest

from tests.compat.steps import GIT_COMMIT
from tests.compat.twins import Twins


@pytest.mark.parametrize(
    "name",
    ["-dash", "#x", "!y", "[z]", "*", " lead", "trail ", "a\\b", "caf\u00e9", "cafe\u0301"],
)
@pytest.mark.parametrize("inside", [False, True])
def test_odd_names(twins: Twins, name: str, inside: bool) -> None:
    """In a Git commit, DVC takes paths for URLs: `#` cuts them, and it sees renames there."""
    target = f"odd/{name}" if inside else name
    twins.write(f"{target}/{name}", name)
    twins.write(f"{target}.txt", name)
    twins.run("add", f"./{target}", f"./{target}.txt")
    if "#" not in name:
        twins.run(*GIT_COMMIT)
    twins.delete(target)
    twins.run("checkout")
    twins.run("remove", f"./{target}.dvc", f"./{target}.txt.dvc")


def test_a_name_of_two_lines(twins: Twins) -> None:
    """Its entry is two lines for DVC, which hide other files; ours hides it, and DVC adds none to that."""
    name = "new\nline"
    twins.write(name, "content")
    for player in twins.players:
        player.run("add", f"./{name}").ok()
    theirs, ours = ((player.root / ".gitignore").read_bytes() for player in twins.players)
    assert (theirs, ours) == (b"/new\nline\n", b"/new[[:cntrl:]]line\n")
    root = twins.ours.root
    assert (root / f"{name}.dvc").read_bytes() == (twins.theirs.root / f"{name}.dvc").read_bytes()
    assert name not in twins.theirs.tool.sandbox.git(
        root, "ls-files", "-z", "--others", "--exclude-standard"
    ).split("\0")
    twins.theirs.tool(root, "add", f"./{name}").ok()
    assert (root / ".gitignore").read_bytes() == ours
    twins.ours.run("remove", f"./{name}.dvc").ok()
    assert not (root / ".gitignore").exists()
