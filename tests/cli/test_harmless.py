"""Names that would drive a terminal are shown as Git shows them, in every list; JSON keeps them as they are."""

from __future__ import annotations

import doctest
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_versioning.cli import harmless, main, render
from tests.oracle import Tool

RED, LINES = "\x1b[31mred\x1b[0m", "one\nERROR: two"
SHOWN = {f"data/{RED}": r'"data/\033[31mred\033[0m"', f"data/{LINES}": r'"data/one\nERROR: two"'}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_examples_in_the_code() -> None:
    outcome = doctest.testmod(harmless)
    assert (outcome.failed, outcome.attempted) == (0, 1)


def test_names_as_git_shows_them(tmp_path: Path) -> None:
    names = [
        "plain",
        "a b",
        "ä",
        "tab\there",
        RED,
        LINES,
        "c1\x9b31m",
        "del\x7f",
        'quo"te\\\x07',
        "\x01\b\v\f\r",
    ]
    for name in names:
        (tmp_path / name).touch()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    said = subprocess.run(
        ["git", "-c", "core.quotePath=true", "ls-files", "-o"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert set(map(harmless.name, names)) - {"ä"} <= set(said)
    assert harmless.name("ä") == "ä"


@pytest.mark.parametrize("name", [RED, LINES, "it's\\\x07", "c1\x9b31m"])
def test_what_is_pasted_into_a_shell(name: str) -> None:
    quoted = render.quote(name)
    assert "\x1b" not in quoted and "\n" not in quoted
    said = subprocess.run(["bash", "-c", f"printf %s {quoted}"], check=True, capture_output=True)
    assert said.stdout.decode() == name


def test_only_a_terminal_gets_colours_and_only_ours() -> None:
    text = "\x1b[31mred\x1b[0m \x1b[8mhidden \x1b]0;title\x07 \x9b2J\r\tend\n"
    file, terminal = io.StringIO(), Terminal()
    for stream in (file, terminal):
        harmless.Harmless(stream).writelines([text, "plain\n"])
    rest = "\\033[8mhidden \\033]0;title\\a \\302\\2332J\\r\tend\nplain\n"
    assert file.getvalue() == f"\\033[31mred\\033[0m {rest}"
    assert terminal.getvalue() == f"\x1b[31mred\x1b[0m {rest}"


def test_streams_are_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    assert main.main(["root", "--nonsense"]) == 254
    assert (sys.stdout, sys.stderr) == before
    capsys.readouterr()


def test_every_list(dv: Tool, repository: Path) -> None:
    (repository / "data").mkdir()
    for name in SHOWN:
        (repository / name).write_text(name)
    dv(repository, "add", "data").ok()
    (repository / ".dvc/config").write_text(
        "[core]\n    remote = r\n['remote \"r\"']\n    url = ../../store\n"
    )
    dv.sandbox.git(repository, "add", ".")
    dv.sandbox.git(repository, "commit", "-qm", "data")
    lists = [
        ["push", "--dry-run"],
        ["status", "-c"],
        ["list", ".", "-R"],
        ["list-url", os.fspath(repository), "-R"],
    ]
    for command in lists:
        assert_harmless(dv(repository, *command).ok().out)
    for name in SHOWN:
        (repository / name).write_text("other")
    for command in (["diff"], ["diff", "--md"], ["data", "status", "--granular"]):
        assert_harmless(dv(repository, *command).ok().out)
    found = dv(repository, "diff", "--json").ok()
    assert {entry["path"] for entry in found.json["modified"]} == {"data/", *SHOWN}


def assert_harmless(said: str) -> None:
    assert not any(letter in said for letter in ("\x1b", "\nERROR")), said
    assert all(shown in said for shown in SHOWN.values()), said


def test_json_keeps_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"path": "del\x7f \x1b \n \x9b"}
    render.print_json(value)
    said = capsys.readouterr().out
    assert json.loads(said) == value
    assert not harmless.has_control(said.rstrip("\n"))
