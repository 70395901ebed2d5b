"""`dv remove`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import harmless, render, session

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv remove data/images.dvc          stop tracking; the data stays
  dv remove --outs data/images.dvc   delete the data from the workspace, too
  dv remove train                    remove a stage from dvc.yaml

The cache keeps the data until `dv gc`, for older revisions.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options."""
    parser.add_argument("targets", nargs="+", help=".dvc files or stages of dvc.yaml")
    parser.add_argument("--outs", action="store_true", help="delete the data from the workspace, too")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Stop tracking, then say what to commit."""
    repo = session.open_repo(args)
    result = operations.remove.remove(repo, args.targets, outs=args.outs)
    if args.json:
        render.print_json(result)
        return 0
    for address in result.removed:
        print(f"no longer tracked: {address}")
    for path in result.kept:
        print(f"kept: {harmless.name(repo.shown(path))} (another repository inside the data)")
    session.tell_edited(repo, result.edited)
    return 0
