"""`dv root`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import render

EPILOG = """examples:
  cd "$(dv root)"        go to the top of the repository
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --json."""
    parser.add_argument("--json", action="store_true", help="print the path as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the path."""
    found = operations.root.root()
    if args.json:
        render.print_json({"root": found})
    else:
        print(found)
    return 0
