"""Fixtures of the classes for scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.work import Work
from tests.oracle import Sandbox


@pytest.fixture
def work(repository: Path, sandbox: Sandbox, private_home: None, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A repository that is the current directory."""
    monkeypatch.chdir(repository)
    return Work(repository, sandbox)
