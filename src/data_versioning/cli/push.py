"""`dv push`."""

from __future__ import annotations

import argparse
from functools import partial

from data_versioning import operations
from data_versioning.cli import render, session, transfers

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv push                      upload what the default remote lacks
  dv push -r backup data/raw   one target, to another remote
  dv push -a -T                what all branches and tags need
  dv push --dry-run            show what would be uploaded
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options, --dry-run and --json."""
    transfers.add_arguments(parser, verb="push")


def run(args: argparse.Namespace) -> int:
    """Push; what is missing or damaged is listed, and the exit code 1."""
    repo = session.open_repo(args)
    options = transfers.options(args)
    work = partial(operations.push.push, repo, args.targets, options=options, progress=render.progress(args))
    return transfers.carry_out(args, work, partial(transfers.show, args=args, word="pushed"), word="pushed")
