"""`dv cache dir` and `dv cache migrate`."""

from __future__ import annotations

import argparse
import os
import sys

from data_versioning import operations
from data_versioning.cli import levels, main, render

EPILOG = """examples:
  dv cache dir                          print where the cache is
  dv cache dir --local /data/dvc-cache  keep it elsewhere, on this machine only
  dv cache migrate                      move data of DVC 2 to the layout of DVC 3 (needs the program dvc)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-commands."""
    choices = parser.add_subparsers()
    directory = choices.add_parser("dir", help="print or set where the cache is")
    levels.add_arguments(directory)
    directory.add_argument("-u", "--unset", action="store_true", help="go back to .dvc/cache")
    directory.add_argument("--json", action="store_true", help="print the result as JSON")
    directory.add_argument("value", nargs="?", help="new directory, relative to the current one")
    migrate = choices.add_parser("migrate", help="move data of DVC 2 to the layout of DVC 3")
    migrate.add_argument("--dvc-files", action="store_true", help="rewrite the .dvc files, too")
    migrate.add_argument("--dry", action="store_true", help="only print what would be done")


def run(args: argparse.Namespace) -> int:
    """Print or set the directory; migration is DVC's."""
    if args.subcommand == "migrate":
        return int(main.load("handoff").run(args.argv))
    if args.value is not None or args.unset:
        old = operations.cache.effective_dir()
        operations.cache.change_dir(
            None if args.unset else args.value, level=args.level, argv=("dv", *args.argv)
        )
        _tell_left(old, operations.cache.effective_dir(), args)
        return 0
    found = operations.cache.cache_dir(level=args.level)
    if args.json:
        render.print_json({"dir": found})
    else:
        print(found)
    return 0


def _tell_left(old: str | None, new: str | None, args: argparse.Namespace) -> None:
    """Say on stderr that data is left in the old cache, and how to move it."""
    if args.quiet or old is None or new is None or old == new or not operations.cache.holds_objects(old):
        return
    source, target = render.quote(old), render.quote(new)
    if os.path.exists(new):
        command = f"cp -Rn {source}/. {target} && dv fsck && rm -rf {source}"
    else:
        command = f"mkdir -p {render.quote(os.path.dirname(new))} && mv {source} {target}"
    sys.stderr.write(f"Objects are left in the old cache; to move them: {command}\n")
