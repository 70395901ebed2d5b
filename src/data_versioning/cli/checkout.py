"""`dv checkout`."""

from __future__ import annotations

import argparse
import sys

from data_versioning import operations
from data_versioning.cli import harmless, render, session
from data_versioning.errors import MissingObject

EPILOG = """examples:
  dv checkout                     all data as the pointer files say
  dv checkout data/images/val     only one part of a tracked directory
  dv checkout --relink            after changing cache.type
"""
_COLOURS = {"added": "green", "modified": "yellow", "deleted": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options."""
    flag = parser.add_argument
    flag("targets", nargs="*", help="tracked paths, parts of tracked directories, .dvc files or stages")
    flag("--summary", action="store_true", help="print counts instead of paths")
    flag("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    flag("-R", "--recursive", action="store_true", help="also everything below a directory")
    flag("-f", "--force", action="store_true", help="overwrite changes that are saved nowhere")
    flag("--relink", action="store_true", help="make links as cache.type says, also of unchanged files")
    flag("--allow-missing", action="store_true", help="do not fail when data is missing in the cache")
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Check out and list what changed; missing data is an error unless --allow-missing."""
    repo = session.open_repo(args)
    options = operations.checkout.CheckoutOptions(
        force=args.force,
        relink=args.relink,
        recursive=args.recursive,
        with_deps=args.with_deps,
        allow_missing=args.allow_missing,
    )
    result = operations.checkout.checkout(repo, args.targets, options=options, progress=render.progress(args))
    show(result, summary=args.summary, as_json=args.json)
    if result.failed and not args.allow_missing:
        tell_missing(result, as_json=args.json)
        return MissingObject.exit_code
    if args.relink and not args.json:
        print("Relinked successfully")
    return 0


def show(result: operations.checkout.CheckoutResult, *, summary: bool = False, as_json: bool = False) -> None:
    """Print what changed: one line an output, or counts of files."""
    if as_json:
        render.print_json(
            {
                "added": result.added,
                "modified": result.modified,
                "deleted": result.deleted,
                "failed": result.failed,
                "stats": dict(zip(("added", "modified", "deleted"), result.counts, strict=True)),
            }
        )
        return
    if summary:
        words = zip(("added", "modified", "deleted"), result.counts, strict=True)
        counted = [f"{render.plural(count, 'file')} {word}" for word, count in words if count]
        print(
            " and ".join([", ".join(counted[:-1]), counted[-1]] if counted[1:] else counted) or "No changes."
        )
        return
    for word in ("modified", "added", "deleted"):
        for path in getattr(result, word):
            print(f"{render.colour(word[0].upper(), _COLOURS[word])}\t{harmless.name(path)}")


def tell_problems(result: operations.checkout.CheckoutResult) -> None:
    """Tell on stderr which files could not be made or removed, and why."""
    for problem in result.problems:
        sys.stderr.write(f"ERROR: {problem}\n")


def tell_missing(result: operations.checkout.CheckoutResult, *, as_json: bool = False) -> None:
    """Tell on stderr what could not be brought in, unless the JSON said it already."""
    if as_json:
        return
    tell_problems(result)
    if result.missing:
        listed = "\n".join(f"  {harmless.name(path)}" for path in result.failed)
        count = render.plural(len(result.missing), "object")
        sys.stderr.write(
            f"ERROR: the cache lacks {count} of:\n{listed}\n"
            "What is there was checked out; nothing else was touched.\n  try: dv pull\n"
        )
