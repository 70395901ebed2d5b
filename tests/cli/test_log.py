"""`dv log` on the command line."""

from __future__ import annotations

from pathlib import Path

from tests.oracle import Tool


def test_a_file_that_was_written_twice_is_told_once(repository: Path, dv: Tool) -> None:
    (repository / "a").write_text("1")
    dv(repository, "add", "a").ok()
    dv(repository, "move", "a", "b").ok()
    row = dv(repository, "log", "-n", "1").ok().out.splitlines()[1]
    assert row.endswith("  M .gitignore, A b.dvc, D a.dvc")
