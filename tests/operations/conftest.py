"""Fixtures of the operations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations import registry as registries
from tests.operations.registry import Registry
from tests.operations.twins import Twins
from tests.operations.work import Work
from tests.oracle import Sandbox, Tool, copy_repository


@pytest.fixture
def twins(place: Path, template: Path, dvc: Tool, dv: Tool) -> Twins:
    pair = Twins(place, (dvc, dv))
    for root in pair.roots():
        root.parent.mkdir()
        copy_repository(template, root)
        (root / "sub/deep").mkdir(parents=True)
    return pair


@pytest.fixture(scope="session")
def registry(template: Path, sandbox: Sandbox, dvc: Tool) -> Registry:
    """Another repository, which tests only read."""
    place = sandbox.base / "other"
    place.mkdir()
    return registries.make(place, template, sandbox, dvc)


@pytest.fixture
def changing(registry: Registry, place: Path) -> Registry:
    """Another repository that a test may change."""
    return registry.copy(place)


@pytest.fixture
def work(repository: Path, sandbox: Sandbox, private_home: None, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A repository that is the current directory."""
    monkeypatch.chdir(repository)
    (repository / ".dvc/config").write_text("[cache]\n    type = copy\n")
    return Work(repository, sandbox)
