"""`dv config`."""

from __future__ import annotations

import argparse
import os
import sys

from data_versioning import operations
from data_versioning.cli import levels, render
from data_versioning.errors import UsageError

EPILOG = """examples:
  dv config core.autostage true             for everybody (.dvc/config)
  dv config --local cache.dir /data/cache   only here
  dv config core.remote                     print one option
  dv config --list --show-origin            print all, and where they come from
"""
_MISUSED = 1  # as DVC ends


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's arguments."""
    levels.add_arguments(parser)
    add = parser.add_argument
    add("-u", "--unset", action="store_true", help="remove the option")
    add("name", nargs="?", type=_name, help="section.option or remote.NAME.option")
    add("value", nargs="?", help="new value; without it the value is printed")
    add("-l", "--list", action="store_true", help="print all options that are set")
    add("--show-origin", action="store_true", help="print the file that each value comes from")
    add("--json", action="store_true", help="print the options as JSON")


def run(args: argparse.Namespace) -> int:
    """Print, set or remove options."""
    _check(args)
    if args.list:
        _print(args, operations.config.listing(level=args.level))
    elif args.value is None and not args.unset:
        found = operations.config.get(args.name, level=args.level)
        if args.json or found:
            _print(args, [found] if found else [])
    else:
        operations.config.change(
            args.name, None if args.unset else args.value, level=args.level, argv=("dv", *args.argv)
        )
        if args.json:
            found = operations.config.get(args.name)
            _print(args, [found] if found else [])
        if str(args.name) == "cache.type" and not args.quiet:
            print(
                "Links that are in the workspace now stay; change them with:\n  dv checkout --relink",
                file=sys.stderr,
            )
    return 0


def _name(text: str) -> operations.config.Name:
    try:
        return operations.config.Name.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _check(args: argparse.Namespace) -> None:
    problem, hint = None, "dv config --help"
    if args.show_origin and (args.value or args.unset):
        problem = "--show-origin goes with reading only, not with -u/--unset or a value"
    elif args.list and (args.name or args.value or args.unset):
        problem = "-l/--list goes with neither -u/--unset, a name nor a value"
    elif not args.list and args.name is None:
        problem, hint = "which option? (section.option or remote.NAME.option)", "dv config --list"
    if problem:
        error = UsageError(problem, hint=hint)
        error.exit_code = _MISUSED
        raise error


def _print(args: argparse.Namespace, settings: list[operations.config.Setting]) -> None:
    if args.json:
        render.print_json(settings)
        return
    for setting in settings:
        origin = f"{_shown(setting)}\t" if args.show_origin else ""
        print(f"{origin}{setting.name}={setting.value}" if args.list else f"{origin}{setting.value}")


def _shown(setting: operations.config.Setting) -> str:
    """Return the file as DVC does: relative to the repository's top if it belongs to the repository."""
    inside = setting.level in ("repo", "local")
    return os.path.join(".dvc", os.path.basename(setting.file)) if inside else setting.file
