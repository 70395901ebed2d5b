"""`dv commit`."""

from __future__ import annotations

import argparse
import sys

from data_versioning import operations
from data_versioning.cli import render, session

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv commit data/images      record what changed in a tracked directory
  dv commit -f train         accept the outputs of a stage as they are
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options."""
    flag = parser.add_argument
    flag("targets", nargs="*", help="tracked paths, .dvc files or stages; all of them by default")
    flag("-f", "--force", action="store_true", help="do not ask")
    flag("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    flag("-R", "--recursive", action="store_true", help="also everything below a directory")
    flag("--no-relink", action="store_true", help="leave workspace files as they are")
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Record and store what changed, asking first on a terminal."""
    repo = session.open_repo(args)
    options = operations.commit.CommitOptions(
        force=args.force, with_deps=args.with_deps, recursive=args.recursive, relink=not args.no_relink
    )
    result = operations.commit.commit(
        repo, args.targets, options=options, confirm=_ask, progress=render.progress(args)
    )
    if args.json:
        render.print_json(result)
        return 0
    if not result.edited:
        print("Nothing to record: data and pointer files agree.")
    session.tell_edited(repo, result.edited)
    return 0


def _ask(question: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
