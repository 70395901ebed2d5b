"""`dv freeze`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from data_versioning import operations
from data_versioning.cli import render, session

if TYPE_CHECKING:
    from data_versioning.repo import Repo

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv freeze train            the stage does not run, whatever changes before it
  dv freeze data.csv.dvc     an import does not look at its origin
  dv unfreeze train          dependencies matter again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's arguments and --json."""
    parser.add_argument("targets", nargs="+", help="stages, groups of stages, or .dvc files")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Freeze, then say what to commit."""
    repo = session.open_repo(args)
    tell(args, repo, operations.freeze.freeze(repo, args.targets), "frozen")
    return 0


def tell(args: argparse.Namespace, repo: Repo, result: operations.freeze.FreezeResult, state: str) -> None:
    """Print what the stages are now, and what to commit."""
    if args.json:
        render.print_json(result)
        return
    for stage in result.stages:
        print(f"{state}: {stage}")
    session.tell_edited(repo, result.edited)
