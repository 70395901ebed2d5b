"""`dv unprotect`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import render, session

EPILOG = """examples:
  dv unprotect data/labels.csv     before editing it in place
  dv unprotect data                a whole directory

Needed where `cache.type` is hardlink or symlink: a link has the bytes of the cache, which must
not change. `dv add` or `dv commit` makes links of it again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's arguments and --json."""
    parser.add_argument("targets", nargs="+", help="files or directories")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Copy, and say how much."""
    repo = session.open_repo(args)
    result = operations.unprotect.unprotect(repo, args.targets, progress=render.progress(args))
    if args.json:
        render.print_json(result)
        return 0
    if result.copied:
        print(f"{render.plural(result.copied, 'file')} copied out of the cache")
    else:
        print("Nothing is linked: all files may be edited.")
    return 0
