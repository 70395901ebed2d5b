"""`dv get`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import origins, render

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv get https://example.org/registry.git data/images      into ./images
  dv get --rev v1 -o old.csv ../registry data/labels.csv   as it was at v1
  dv get --show-url ../registry models/best.pt             where it is stored

Works anywhere, in a repository or not. Interrupted downloads go on where they ended.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options."""
    flag = parser.add_argument
    flag("url", help="path or Git URL of a repository")
    flag("path", help="a file or directory in it, tracked by DVC or Git")
    flag("-o", "--out", nargs="?", metavar="PATH", help="where to put it (default: here)")
    flag("--show-url", action="store_true", help="print where the data is stored, and download nothing")
    flag("-j", "--jobs", type=int, metavar="N", help="how many files to transfer at once")
    flag("-f", "--force", action="store_true", help="replace what is there")
    origins.add_arguments(parser)
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Download."""
    where = origins.origin(args)
    asking = origins.asking(args)
    if args.show_url:
        return origins.or_hand_over(args, lambda: _show_url(where, asking, args))
    options = operations.get.GetOptions(out=args.out, force=args.force, jobs=args.jobs)

    def work() -> int:
        result = operations.get.get(
            where, args.path, options=options, asking=asking, progress=render.progress(args)
        )
        if args.json:
            render.print_json(result)
        else:
            print(f"got {render.quote(result.path)} ({render.plural(result.files, 'file')})")
        return 0

    return origins.or_hand_over(args, work)


def _show_url(
    where: operations.origin.Origin, asking: operations.external.Asking, args: argparse.Namespace
) -> int:
    found = operations.get.url(where, args.path, asking=asking)
    if args.json:
        render.print_json({"url": found})
    else:
        print(found)
    return 0
