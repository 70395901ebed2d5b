"""Fixtures of the operations."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.fixture
def work(repository: Path, sandbox: Sandbox, private_home: None, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A repository that is the current directory."""
    monkeypatch.chdir(repository)
    (repository / ".dvc/config").write_text("[cache]\n    type = copy\n")
    return Work(repository, sandbox)
