"""The pages of the reference are what the commands say about themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_versioning.cli import main, reference

PAGES = Path(__file__).parents[2] / "docs/reference/cli"


def test_the_pages_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", os.environ.get("COLUMNS", "80"))
    written = {path.name: path.read_text() for path in PAGES.iterdir()}
    assert written == reference.pages(), "run: python -m data_versioning.cli.reference"
    assert written.keys() == {"index.md", *(f"{name}.md" for name in main.commands())}


def test_writing_removes_old_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "old.md").write_text("x")
    reference.write(str(tmp_path))
    assert not (tmp_path / "old.md").exists()
    assert "dv remote rename" in (tmp_path / "remote.md").read_text()
