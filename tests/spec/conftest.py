"""Fixtures of the examples of the specification."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool
from tests.spec.blocks import World


@pytest.fixture
def world(place: Path, sandbox: Sandbox, dvc: Tool) -> World:
    return World(place, sandbox, dvc)
