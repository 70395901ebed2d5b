"""What somebody reads who is new here: every help has examples and fits a terminal, every error says what to do."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_versioning.cli import arguments, main
from tests.oracle import Sandbox, Tool

WIDTH = 80


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from parsers(sub)


def helps(name: str) -> list[argparse.ArgumentParser]:
    module = importlib.import_module(f"data_versioning.cli.{main.commands()[name][1]}")
    return list(parsers(arguments.build(name, module)))


@pytest.mark.parametrize("name", main.commands())
def test_help(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for parser in helps(name):
        text = parser.format_help()
        assert not [line for line in text.splitlines() if len(line) > WIDTH], parser.prog
        assert re.search(rf"^examples:\n  .*{parser.prog}", text, re.MULTILINE), parser.prog
        assert parser.description and parser.description[0].isupper() and parser.description[-1] == "."
        unsaid = [
            action.dest for action in parser._actions if not action.help and action.dest != "subcommand"
        ]
        assert not unsaid, (parser.prog, unsaid)


@pytest.mark.parametrize("name", main.commands())
def test_examples_are_understood(name: str) -> None:
    """Each line of examples parses: no option in them is misspelt, or gone."""
    for parser in helps(name):
        for words in re.findall(rf"^  dv {name}((?: [^\s>]+)*)", parser.format_help(), re.MULTILINE):
            helps(name)[0].parse_args(shlex.split(words))


ERRORS = (
    ("status", "nothing"), ("add",), ("add", "nothing"), ("add", "--zz"), ("commit", "nothing"),
    ("checkout", "nothing"),
    ("remove", "nothing"), ("push", "-r", "x"), ("pull", "-r", "x"), ("fetch", "nothing"), ("remote",),
    ("remote", "remove", "nothing"),
    ("remote", "modify", "nothing", "url", "x"), ("remote", "rename", "a", "b"), ("gc",),
    ("fsck", "nothing"), ("cache",),
    ("cache", "dir", "a", "b"), ("data",), ("data", "status", "--zz"), ("log", "-n", "0"),
    ("config", "core.nothing", "1"),
    ("config", "nothing"), ("completion", "nothing"), ("init",), ("nothing",),
    ("--cd", "nothing", "status"),
)  # fmt: skip


@pytest.mark.parametrize("argv", ERRORS, ids=" ".join)
def test_every_error_says_what_to_do(repository: Path, dv: Tool, argv: tuple[str, ...]) -> None:
    result = dv(repository, *argv)
    assert result.code != 0
    assert re.search(r"^ERROR: \S.*[^.]\n  \S", result.err, re.MULTILINE), result


def test_outside_of_a_repository(sandbox: Sandbox, place: Path, dv: Tool) -> None:
    result = dv(place, "status")
    assert result.code == 253
    assert "\n  try: dv init" in result.err


def test_a_command_of_several_lists_them(repository: Path, dv: Tool) -> None:
    assert (
        "which command? One of add, default, modify, list, remove, rename, test\n"
        in dv(repository, "remote").err
    )


def test_gc_names_the_whole_command(repository: Path, dv: Tool) -> None:
    (repository / "data").write_text("1")
    dv(repository, "add", "data").ok()
    (repository / "data.dvc").unlink()
    assert "  try: dv gc -w --force\n" in dv(repository, "gc", "-w").err
