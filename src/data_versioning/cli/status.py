"""`dv status`."""

from __future__ import annotations

import argparse
import sys

from data_versioning import operations
from data_versioning.cli import harmless, main, render, session
from data_versioning.errors import UsageError

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv status                 stages and data that changed
  dv status train           only one stage
  dv status -q              print nothing; exit code 1 when something changed
  dv data status            compare with the last Git commit, too
"""
_UP_TO_DATE = "Data and pipelines are up to date."
_EMPTY = "Nothing is tracked here yet.\n\nTo begin, run:\n\n    dv add PATH"
_WIDTH = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options."""
    flag = parser.add_argument
    flag("targets", nargs="*", help="tracked paths, .dvc files or stages; all of them by default")
    flag("-c", "--cloud", action="store_true", help="compare the cache with a remote")
    flag("-r", "--remote", metavar="NAME", help="with --cloud: which remote")
    flag("-a", "--all-branches", action="store_true", help="with --cloud: data of all branches")
    flag("-T", "--all-tags", action="store_true", help="with --cloud: data of all tags")
    flag("-A", "--all-commits", action="store_true", help="with --cloud: data of all commits")
    flag("-j", "--jobs", type=int, metavar="N", help="with --cloud: requests at once")
    flag("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    flag("-R", "--recursive", action="store_true", help="also everything below a directory")
    flag("--no-updates", action="store_true", help="do not ask the origin of imports")
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Compare and print; with --quiet the exit code tells."""
    if args.cloud or args.remote:
        return _cloud(args)
    if args.all_branches or args.all_tags or args.all_commits or args.jobs:
        raise UsageError(
            "--all-branches, --all-tags, --all-commits and --jobs need --cloud", hint="dv status --cloud"
        )
    repo = session.open_repo(args)
    found = operations.status.status(
        repo,
        args.targets,
        recursive=args.recursive,
        with_deps=args.with_deps,
        ask_origins=not args.no_updates,
        progress=render.progress(args),
    )
    if found.needs_dvc:
        return int(main.load("handoff").run(args.argv))
    if found.frozen and not args.quiet:
        sys.stderr.write(f"frozen, so what they depend on was not looked at: {', '.join(found.frozen)}\n")
    if args.json:
        render.print_json(found.changes)
    elif args.quiet:
        return int(bool(found.changes))
    elif found.changes:
        _show(found.changes, 0)
    else:
        print(_UP_TO_DATE if found.stages else _EMPTY)
    return 0


def _cloud(args: argparse.Namespace) -> int:
    options = operations.sharing.TransferOptions(
        remote=args.remote,
        jobs=args.jobs,
        all_branches=args.all_branches,
        all_tags=args.all_tags,
        all_commits=args.all_commits,
        with_deps=args.with_deps,
        recursive=args.recursive,
    )
    try:
        found = operations.cloud_status.cloud_status(
            session.open_repo(args), args.targets, options, progress=render.progress(args)
        )
    except operations.sharing.ServedByDvc:
        return int(main.load("handoff").run(args.argv))
    if args.json:
        render.print_json(found.changes)
    elif args.quiet:
        return int(bool(found.changes))
    elif found.changes:
        _show(dict(found.changes), int(args.cloud))
    else:
        names = " and ".join(f"'{name}'" for name in found.remotes)
        remotes = "remotes" if found.remotes[1:] else "remote"
        print(f"Cache and {remotes} {names} are in sync." if names else _UP_TO_DATE)
    return 0


def _show(entry: object, depth: int) -> None:
    indent = "\t" * depth
    if isinstance(entry, str):
        print(f"{indent}{harmless.name(entry)}")
    elif isinstance(entry, list):
        for item in entry:
            _show(item, depth)
    elif isinstance(entry, dict):
        for name, value in entry.items():
            if isinstance(value, str):
                print(f"{indent}{value + ':':<{_WIDTH}}{harmless.name(name)}")
            elif value:
                print(f"{indent}{harmless.name(name)}:")
                _show(value, depth + 1)
