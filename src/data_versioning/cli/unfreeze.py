"""`dv unfreeze`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import freeze, session

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv unfreeze train            run the stage again when its dependencies change
  dv unfreeze data.csv.dvc     dv update and dv status ask its origin again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `dv freeze` has."""
    freeze.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Unfreeze, then say what to commit."""
    repo = session.open_repo(args)
    freeze.tell(args, repo, operations.freeze.unfreeze(repo, args.targets), "not frozen")
    return 0
