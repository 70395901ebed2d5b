"""The operation log as users see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.oracle import Tool


@pytest.fixture
def worked(repository: Path, dv: Tool) -> Path:
    """A repository with two operations, one of them inside a directory."""
    (repository / "sub").mkdir()
    for name in ("one", "sub/two"):
        (repository / name).write_text(name)
    dv(repository, "add", "one").ok()
    dv(repository / "sub", "add", "two").ok()
    return repository


def test_newest_first_with_changed_pointers(worked: Path, dv: Tool) -> None:
    head, *rows = dv(worked, "log").ok().out.splitlines()
    assert head.split() == ["#", "time", "user", "verb", "outcome", "changed"]
    assert [row.split()[0] for row in rows] == [str(number) for number in range(len(rows), 0, -1)]
    assert rows[0].endswith("ok       A sub/two.dvc, A sub/.gitignore")
    assert rows[-1].split()[4:6] == ["add", "ok"]
    assert "A one.dvc" in rows[-1]
    inside = dv(worked / "sub", "log", "-n", "1").ok().out.splitlines()
    assert len(inside) == 2
    assert inside[1].endswith("A two.dvc, A .gitignore")


def test_verbose_shows_command_lines_and_errors(worked: Path, dv: Tool) -> None:
    with_error = dv(worked, "gc", "-w", "--rev", "nonsense", "-f")
    assert with_error.code != 0
    lines = dv(worked, "log", "-v", "-n", "1").ok().out.splitlines()
    assert lines[1].split()[4:] == ["gc", "failed"]
    assert lines[2:] == ["    dv gc -w --rev nonsense -f", "    unknown Git revision 'nonsense'"]


def test_json_is_the_whole_record(worked: Path, dv: Tool) -> None:
    (found,) = dv(worked, "log", "--json", "-n", "1").json
    lines = (worked / ".git/dv/log/events.jsonl").read_text().splitlines()
    recorded = json.loads(lines[-1])
    del recorded["prev"]
    assert found == recorded
    assert found["argv"] == ["dv", "add", "two"]


def test_verify_says_where_it_was_changed(worked: Path, dv: Tool) -> None:
    file = worked / ".git/dv/log/events.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    assert dv(worked, "log", "--verify").ok().out == f"{len(lines)} events, 0 flaws.\n"
    file.write_text("".join([lines[0].replace("one", "eno"), *lines[1:]]))
    found = dv(worked, "log", "--verify")
    assert (found.code, found.out) == (
        1,
        f"event 1: its content was changed\n{len(lines)} events, 1 flaw.\n",
    )
    result = dv(worked, "log", "--verify", "--json")
    assert (result.code, json.loads(result.out)["flaws"][0]["seq"]) == (1, 1)


def test_an_empty_log_and_a_wrong_number(repository: Path, dv: Tool) -> None:
    assert dv(repository, "log").ok().out == "Nothing was recorded yet.\n"
    assert dv(repository, "log", "--json").json == []
    assert dv(repository, "log", "--verify").ok().out == "0 events, 0 flaws.\n"
    assert dv(repository, "log", "-n", "0").code == 254
