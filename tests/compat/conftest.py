"""Fixtures of the differential tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.steps import GIT_COMMIT
from tests.compat.twins import Twins
from tests.oracle import Sandbox, Tool


@pytest.fixture
def twins(sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, place: Path) -> Twins:
    """Two equal, empty repositories with copies as links and a local remote."""
    return Twins.make((dvc, dv), sandbox, template, place)


@pytest.fixture
def tracked(twins: Twins) -> Twins:
    """`data` with four files and `model.bin`, tracked and committed to Git."""
    for name in ("a", "b", "inner/c", "inner/deep/d"):
        twins.write(f"data/{name}", f"content of {name}\n")
    twins.write("model.bin", b"\x00model" * 100)
    twins.run("add", "data", "model.bin")
    twins.run(*GIT_COMMIT)
    return twins
