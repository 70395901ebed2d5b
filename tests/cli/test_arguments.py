"""Parsing as DVC does it."""

from __future__ import annotations

import argparse

import pytest

from data_versioning.cli.arguments import Parser
from data_versioning.errors import UsageError


def parser() -> Parser:
    made = Parser(prog="dv example")
    made.add_argument("--jobs", type=int)
    made.add_argument("--json", action="store_true")
    made.add_argument("--cloud", action="store_true")
    made.add_argument("targets", nargs="*")
    return made


def parse(*argv: str) -> argparse.Namespace:
    return parser().parse_args(argv, argparse.Namespace(quiet=0, verbose=0, cd=None))


def test_options_of_ours_do_not_spoil_abbreviations_of_dvc() -> None:
    assert parse("--j", "3").jobs == 3
    assert parse("--c").cloud
    assert parse("--js").json


def test_options_of_every_command_keep_what_was_set_before() -> None:
    assert parse("-vv").verbose == 2
    given = argparse.Namespace(quiet=1)
    assert Parser(prog="x").parse_args([], given).quiet == 1


def test_a_command_may_use_a_letter_for_something_else() -> None:
    own = Parser(prog="x")
    own.add_argument("-v", "--values")
    assert own.parse_args(["-v", "a", "--verbose"]).values == "a"


def test_a_mistake_is_a_usage_error_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError) as raised:
        parse("--jobs", "many")
    assert raised.value.hint == "dv example --help"
    assert "usage: dv example" in capsys.readouterr().err


def test_subcommands_are_required_and_know_the_common_options() -> None:
    group = Parser(prog="x")
    group.add_subparsers().add_parser("one")
    assert group.parse_args(["one", "-q"]).subcommand == "one"
    with pytest.raises(UsageError):
        group.parse_args([])
