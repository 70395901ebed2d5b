"""The options that choose a configuration file, for every command that changes settings."""

from __future__ import annotations

import argparse

_LEVELS = (
    ("--global", "global", "the user's configuration"),
    ("--system", "system", "the machine's configuration"),
    ("--project", "repo", "the repository's configuration (.dvc/config), which is committed"),
    ("--local", "local", "the repository's local configuration (.dvc/config.local)"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options; `args.level` is None when none is given."""
    group = parser.add_mutually_exclusive_group()
    for option, level, meaning in _LEVELS:
        group.add_argument(option, dest="level", action="store_const", const=level, help=f"use {meaning}")
