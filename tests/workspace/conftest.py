"""Fixtures of the workspace's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_versioning.localfs import engine as engines
from tests.workspace.samples import Place


@pytest.fixture
def here(place: Path) -> Place:
    return Place.make(place)


@pytest.fixture(params=["native", "python"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both engines below the same code."""
    if request.param == "python":
        monkeypatch.setenv("DV_NATIVE", "0")
    engines.choose.cache_clear()
    yield request.param
    engines.choose.cache_clear()
