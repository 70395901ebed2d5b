"""`dv update`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import harmless, main, render, session
from data_versioning.errors import UsageError

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv update raw.csv.dvc                  copy what the origin holds now
  dv update -R data                      every import below data/
  dv update --rev v2 images.dvc          follow v2 of its repository
  dv update --no-download big.dvc        only record it; `dv pull big` copies it

next: git add and commit the files it names, then dv push
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options and --json."""
    flag = parser.add_argument
    flag("targets", nargs="+", help=".dvc files of imports, or their outputs")
    flag(
        "--rev",
        nargs="?",
        metavar="COMMIT",
        help="for imports from a repository: the commit, branch or tag to follow",
    )
    flag("-R", "--recursive", action="store_true", help="also everything below a directory")
    flag("--no-download", action="store_true", help="record what is there, but do not copy it yet")
    flag("--to-remote", action="store_true", help="send it straight to the remote")
    flag("-r", "--remote", metavar="NAME", help="with --to-remote: which remote")
    flag("-j", "--jobs", type=int, metavar="N", help="how many files to transfer at once")
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Update, then say what to commit."""
    options = _options(args)
    repo = session.open_repo(args)
    try:
        result = operations.update.update(repo, args.targets, options=options, progress=render.progress(args))
    except operations.sharing.ServedByDvc as refused:
        return int(main.load("handoff").instead(args, refused))
    if args.json:
        render.print_json(result)
        return 0
    for address in result.unchanged:
        print(f"up to date: {harmless.name(repo.shown(address))}")
    for address in result.updated:
        print(f"updated: {harmless.name(repo.shown(address))}")
    session.tell_edited(repo, result.edited)
    return 0


def _options(args: argparse.Namespace) -> operations.update.UpdateOptions:
    if args.to_remote and args.no_download:
        raise UsageError("--to-remote and --no-download do not go together", hint="dv update --help")
    if args.remote and not args.to_remote:
        raise UsageError("--remote needs --to-remote", hint="dv update --to-remote -r NAME TARGET")
    extent = operations.import_url.Extent
    return operations.update.UpdateOptions(
        rev=args.rev or None,
        recursive=args.recursive,
        extent=extent.REMOTE if args.to_remote else extent.HASHED if args.no_download else extent.WORKSPACE,
        remote=args.remote,
        jobs=args.jobs,
    )
