"""`dv fetch`."""

from __future__ import annotations

import argparse
from functools import partial

from data_versioning import operations
from data_versioning.cli import render, session, transfers

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv fetch                     into the cache; the workspace stays as it is
  dv fetch -A                  what all commits need
  dv fetch --max-size 1000000  only outputs smaller than that
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options, --allow-missing, --dry-run and --json."""
    transfers.add_arguments(parser, verb="fetch")
    add = parser.add_argument
    add("--max-size", type=int, metavar="BYTES", help="only outputs smaller than that")
    add("--type", dest="types", action="append", choices=["metrics", "plots"], help="only such outputs")
    add("--allow-missing", action="store_true", help="do not fail when the remote lacks something")


def run(args: argparse.Namespace) -> int:
    """Fetch; what is missing or damaged is listed, and the exit code 1."""
    repo = session.open_repo(args)
    options = transfers.options(args)
    work = partial(
        operations.fetch.fetch, repo, args.targets, options=options, progress=render.progress(args)
    )
    return transfers.carry_out(args, work, partial(transfers.show, args=args, word="fetched"), word="fetched")
