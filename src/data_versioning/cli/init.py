"""`dv init`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import render
from data_versioning.errors import Conflict, GitError, PathError

EPILOG = """examples:
  git init && dv init           a repository beside Git
  dv init --subdir              one of several in a Git repository
  dv init --no-scm              without Git
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's arguments."""
    add = parser.add_argument
    add("directory", nargs="?", default=".", help="where (default: here)")
    add("--no-scm", action="store_true", help="the directory is not tracked by Git")
    add("-f", "--force", action="store_true", help="replace an existing repository; deletes its local cache")
    add("--subdir", action="store_true", help="the directory lies below the top of a Git repository")
    add("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Make the repository and say what to do next."""
    try:
        result = operations.init.init(
            args.directory, no_scm=args.no_scm, subdir=args.subdir, force=args.force, argv=("dv", *args.argv)
        )
    except (Conflict, GitError, PathError) as error:
        error.exit_code = 1  # as `dvc init` ends when it refuses
        raise
    if args.json:
        render.print_json(result)
        return 0
    print(f"Initialized a DVC repository in {result.root}")
    if result.staged:
        print('\nIts files are staged in Git:\n  git commit -m "Initialize DVC"')
    print("\nTrack data:\n  dv add PATH")
    return 0
