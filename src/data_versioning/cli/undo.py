"""`dv undo`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import harmless, render, session

EPILOG = """Undoes what changed pointer files (add, commit, remove, …) or data (checkout, pull, remove --outs). Every
further `dv undo` goes one step further back. Data that the operation did not change stays as it is: after the undo of
`dv add` the file is there, untracked. What changed since is never overwritten: then nothing is undone. Settings of this
machine (--local), which may be secrets, are not kept: such operations are passed over, and you are told so.

examples:
  dv undo             undo the last operation
  dv undo --dry-run   only show what would become what it was
  dv undo 12          undo operation 12 of `dv log`, also an undo
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("seq", nargs="?", type=int, metavar="N", help="number of the operation in `dv log`")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, only show what would be")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Undo, then say what to commit."""
    repo = session.open_repo(args)
    result = operations.undo.undo(repo, args.seq, dry_run=args.dry_run)
    if args.json:
        render.print_json(
            {name: getattr(result, name) for name in result.__dataclass_fields__} | {"dry_run": args.dry_run}
        )
        return 0
    print(f"{'would undo' if args.dry_run else 'undone'}: {result.seq} ({result.verb})")
    for path in (*result.files, *result.data):
        print(f"  {harmless.name(repo.shown(path))}")
    if result.passed:
        listed = ", ".join(f"{one.seq} ({one.verb})" for one in result.passed)
        print(
            f"passed over: {listed}: settings of this machine (--local) are not kept, as they may be secrets"
        )
    if not args.dry_run:
        session.tell_edited(repo, result.files)
    return 0
