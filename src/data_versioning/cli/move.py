"""`dv move`."""

from __future__ import annotations

import argparse
import sys

from data_versioning import operations
from data_versioning.cli import harmless, render, session

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv move data.csv raw.csv       rename data and its pointer file
  dv move data.csv archive/      move both into a directory

Nothing is copied, and what is recorded stays: changed data is still changed. A move that was
interrupted is completed by running it again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's arguments and --json."""
    parser.add_argument("src", metavar="SOURCE", help="tracked data")
    parser.add_argument("dst", metavar="TARGET", help="its new path, or the directory to put it into")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Move, then say what to commit."""
    repo = session.open_repo(args)
    result = operations.move.move(repo, args.src, args.dst)
    if args.json:
        render.print_json(result)
        return 0
    print(f"moved: {harmless.name(repo.shown(result.source))} -> {harmless.name(repo.shown(result.path))}")
    if not args.quiet:
        if result.is_missing:
            sys.stderr.write(
                f"WARNING: '{harmless.name(repo.shown(result.source))}' was not there; only its pointer moved\n"
            )
        for address in result.readers:
            sys.stderr.write(
                f"WARNING: the stage {address} still reads '{harmless.name(repo.shown(result.source))}'\n"
            )
    session.tell_edited(repo, result.edited)
    return 0
