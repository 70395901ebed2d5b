"""`dv pull`."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from data_versioning import operations
from data_versioning.cli import checkout as checkout_command
from data_versioning.cli import render, session, transfers

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv pull                      download what is missing, and check it out
  dv pull data/images/val      only one part of a tracked directory
  dv pull -r backup            from another remote
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options, --dry-run and --json."""
    transfers.add_arguments(parser, verb="pull")
    add = parser.add_argument
    add("-f", "--force", action="store_true", help="overwrite changes that are saved nowhere")
    add("--allow-missing", action="store_true", help="bring in what there is; do not fail for the rest")


def run(args: argparse.Namespace) -> int:
    """Pull; what is missing or damaged is listed, and the exit code 1."""
    repo = session.open_repo(args)
    options = transfers.options(args)
    work = partial(operations.pull.pull, repo, args.targets, options=options, progress=render.progress(args))
    return transfers.carry_out(args, work, partial(_show, args=args), word="fetched")


def _show(result: operations.pull.PullResult, args: argparse.Namespace) -> int:
    changed = result.checkout
    if changed is None:
        return transfers.show(result.fetched, args, word="fetched")
    if args.json:
        render.print_json(transfers.as_json(result.fetched, changed, word="fetched"))
    else:
        transfers.tell_tolerated(result.fetched)
        transfers.show_pulled(result.fetched, changed)
    if changed.failed and not args.allow_missing:
        checkout_command.tell_problems(changed)
        sys.stderr.write(f"ERROR: could not check out: {', '.join(changed.failed)}\n  try: dv fsck\n")
        return 1
    return 0
