"""Fixtures of the operations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.twins import Twins
from tests.oracle import Tool, copy_repository


@pytest.fixture
def twins(place: Path, template: Path, dvc: Tool, dv: Tool) -> Twins:
    pair = Twins(place, (dvc, dv))
    for root in pair.roots():
        root.parent.mkdir()
        copy_repository(template, root)
        (root / "sub/deep").mkdir(parents=True)
    return pair
