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


def test_settings_of_this_machine_are_passed_over(repository: Path, dv: Tool) -> None:
    """They may be secrets, so nothing of them is kept; the user is told."""

    def last() -> int:
        (event,) = dv(repository, "log", "-n", "1", "--json").ok().json
        return int(event["seq"])

    dv(repository, "config", "--local", "core.autostage", "true").ok()
    first = last()
    nothing = dv(repository, "undo")
    assert nothing.code == 254 and f"nothing to undo: operation {first} changed settings" in nothing.err
    refused = dv(repository, "undo", str(first))
    assert refused.code == 254 and "may be secrets" in refused.err
    dv(repository, "config", "core.autostage", "false").ok()
    changed = last()
    dv(repository, "config", "core.autostage", "false").ok()  # changes nothing
    dv(repository, "remote", "add", "--local", "store", "/x").ok()
    added = last()
    told = dv(repository, "undo", "--dry-run", "--json").ok().json
    assert told["passed"] == [{"seq": added, "verb": "remote add"}]
    done = dv(repository, "undo").ok()
    assert f"undone: {changed} (config)\n  .dvc/config\npassed over: {added} (remote add): " in done.out
    assert "store" in (repository / ".dvc/config.local").read_text()
