"""`dv undo` on the command line."""

from __future__ import annotations

from pathlib import Path

from tests.oracle import Tool


def test_what_it_prints(repository: Path, dv: Tool) -> None:
    (repository / "sub").mkdir()
    (repository / "sub/data").write_text("1")
    assert dv(repository, "undo").code == 254
    dv(repository, "add", "sub/data").ok()
    shown = dv(repository / "sub", "undo", "--dry-run").ok()
    assert shown.out == "would undo: 2 (add)\n  .gitignore\n  data.dvc\n"
    (repository / "sub/.gitignore").write_text("mine\n")
    refused = dv(repository, "undo")
    assert refused.code == 255
    assert "sub/.gitignore: by hand, or by Git" in refused.err
    assert "git diff" in refused.err
    (repository / "sub/.gitignore").write_text("/data\n")
    found = dv(repository, "undo", "--json").ok().json
    assert found["argv"][-2:] == ["add", "sub/data"]
    assert {name: found[name] for name in ("seq", "verb", "files", "data", "dry_run")} == {
        "seq": 2,
        "verb": "add",
        "files": ["sub/.gitignore", "sub/data.dvc"],
        "data": [],
        "dry_run": False,
    }
