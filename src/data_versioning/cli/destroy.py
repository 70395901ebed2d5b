"""`dv destroy`."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from data_versioning import operations
from data_versioning.cli import question, render, session

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv destroy                       asks first
  dv destroy -f                    does not ask
  dv destroy -f --purge-history    the operation log goes, too

Your data stays in the workspace, as files of its own. What is in the cache only, older versions for
example, is lost unless a remote has it: `dv push -A` first.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options, --purge-history and --json."""
    add = parser.add_argument
    add("-f", "--force", action="store_true", help="do not ask")
    add(
        "--purge-history",
        action="store_true",
        help="also delete the operation log and what else is kept beside it, for all work trees",
    )
    add("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Ask, remove and tell what is left; 1 when the user declines."""
    repo = session.open_repo(args)
    if not args.force:
        sys.stderr.write(
            f"This removes all pipelines and .dvc files of {repo.root}, its settings, and the cache in .dvc/cache.\n"
            "The data in the workspace stays.\n"
        )
        if not question.confirmed("Are you sure you want to continue?", hint="dv destroy -f"):
            return question.DECLINED
    result = operations.destroy.destroy(repo, progress=render.progress(args))
    if args.purge_history:
        operations.destroy.forget(repo)
        result = dataclasses.replace(result, history=None)
    if args.json:
        render.print_json(result)
        return 0
    print(f"Removed the repository in {result.root}; its data stays.")
    if result.copied:
        print(f"{render.plural(result.copied, 'link')} into the cache became files.")
    if result.cache:
        print(f"Kept the cache {result.cache}, which others may use.")
    if result.history:
        print(
            f"Kept the operation log in {result.history}; to delete it: rm -r {render.quote(result.history)}"
        )
    return 0
