"""`dv params`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import changes, session

EPILOG = """examples:
  dv params diff                             what changed since the last commit
  dv params diff v1.0 v2.0                   between two revisions
  dv params diff --targets conf/train.toml   in this file, declared or not
  dv params diff --deps                      only what stages depend on
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-command and its options."""
    compared = parser.add_subparsers().add_parser(
        "diff", help="parameters that changed between revisions, or since one", epilog=EPILOG
    )
    changes.add_revisions(compared, "parameters")
    compared.add_argument("--deps", action="store_true", help="only parameters that stages depend on")


def run(args: argparse.Namespace) -> int:
    """Compare and print; the exit code is 0 also when files could not be read, as in DVC."""
    repo = session.open_anywhere(args)
    found = operations.params.diff(repo, args.a_rev, args.b_rev, args.targets, only_dependencies=args.deps)
    changes.tell(operations.sides.errors(found.sides))
    changed = changes.seen(repo, found.changes, unchanged=args.all)
    if args.json:
        changes.print_changes(changed)
        return 0
    first = 1 if args.no_path else 0
    headers = ["Path", "Param", args.a_rev, args.b_rev]
    lines = [line[first:-1] for line in changes.rows(changed, None)]
    changes.print_table(headers[first:], lines, markdown=args.md)
    return 0
