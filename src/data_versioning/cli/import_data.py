"""`dv import`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import harmless, notes, origins, render, session

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv import https://example.org/registry.git data/images     as it is now
  dv import --rev v1 -o labels.csv ../registry data/labels.csv
  dv import --no-download ../registry models/best.pt          only record it

next: git add and commit the files it names
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options, and those of dv add that describe the data."""
    flag = parser.add_argument
    flag("url", help="path or Git URL of a repository")
    flag("path", help="a file or directory in it, tracked by DVC or Git")
    flag("-o", "--out", nargs="?", metavar="PATH", help="where to put it (default: here)")
    flag("-f", "--force", action="store_true", help="replace what is there")
    less = parser.add_mutually_exclusive_group()
    less.add_argument("--no-exec", action="store_true", help="only write the pointer file, ask nobody")
    less.add_argument("--no-download", action="store_true", help="record the revision, but download nothing")
    flag("-j", "--jobs", type=int, metavar="N", help="how many files to transfer at once")
    origins.add_arguments(parser)
    notes.add_arguments(parser)
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Import, then say what to commit."""
    repo = session.open_repo(args)
    options = operations.import_data.ImportOptions(
        out=args.out,
        force=args.force,
        find=not args.no_exec,
        download=not (args.no_exec or args.no_download),
        jobs=args.jobs,
        notes=notes.given(args),
    )

    def work() -> int:
        result = operations.import_data.import_data(
            repo, origins.origin(args), args.path, options=options, progress=render.progress(args)
        )
        if args.json:
            render.print_json(result)
            return 0
        _tell(result, harmless.name(repo.shown(result.path)))
        session.tell_edited(repo, result.edited)
        return 0

    return origins.or_hand_over(args, work)


def _tell(result: operations.import_data.ImportResult, shown: str) -> None:
    if result.size is None:
        print(f"recorded, not downloaded: {shown}")
        return
    files = f"{render.plural(result.nfiles, 'file')}, " if result.nfiles is not None else ""
    print(f"imported: {shown} ({files}{render.size(result.size)}) at {(result.commit or '')[:7]}")
