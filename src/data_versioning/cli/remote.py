"""`dv remote`: add, default, list, modify, remove, rename; `test` is in its own module."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from data_versioning import operations
from data_versioning.cli import levels, remote_test, render
from data_versioning.errors import ConfigError

EPILOG = """examples:
  dv remote add -d store s3://bucket/path     for everybody
  dv remote add --local -d store /mnt/store   a directory, only here
  dv remote modify --local store password X   secrets belong into the local file
  dv remote list
  dv remote test store                        does it work, how fast?
"""
_EPILOGS = {
    "add": """examples:
  dv remote add -d store s3://bucket/path     for everybody
  dv remote add --local -d store /mnt/store   a directory, only here

next: git add .dvc/config, and dv push
""",
    "default": """examples:
  dv remote default          print it
  dv remote default store    use the remote `store` unless another one is named
  dv remote default --unset
""",
    "modify": """examples:
  dv remote modify store jobs 8
  dv remote modify --local store password X   secrets belong into the local file
  dv remote modify store jobs --unset
""",
    "list": """examples:
  dv remote list
  dv remote list --local   only those of .dvc/config.local
""",
    "remove": """examples:
  dv remote remove store
""",
    "rename": """examples:
  dv remote rename store archive
""",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-commands, and `test`."""
    choices = parser.add_subparsers()

    def command(name: str, summary: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = choices.add_parser(name, help=summary, epilog=_EPILOGS[name])
        levels.add_arguments(added)
        added.set_defaults(act=run)
        what = "the name" if name == "default" else "all remotes, as they are then,"
        added.add_argument("--json", action="store_true", help=f"print {what} as JSON")
        return added

    add = command("add", "add a remote", _add)
    add.add_argument("name", help="how the remote shall be called")
    add.add_argument("url", help="a directory, or s3://, gs://, azure://, ssh://, hdfs://, https://, ...")
    add.add_argument("-d", "--default", action="store_true", help="make it the default")
    add.add_argument("-f", "--force", action="store_true", help="replace a remote of that name")
    default = command("default", "print, set or remove the default remote", _default)
    default.add_argument("name", nargs="?", help="the new default; without it, print the default")
    default.add_argument("-u", "--unset", action="store_true", help="have no default")
    modify = command("modify", "set or remove an option of a remote", _modify)
    modify.add_argument("name", help="the remote")
    modify.add_argument("option", help="url, jobs, password, …")
    modify.add_argument("value", nargs="?", help="the new value")
    modify.add_argument("-u", "--unset", action="store_true", help="remove the option")
    command("list", "print all remotes", _list)
    command("remove", "remove a remote from the configuration; its data stays", _remove).add_argument(
        "name", help="the remote"
    )
    rename = command("rename", "rename a remote", _rename)
    rename.add_argument("name", help="the remote")
    rename.add_argument("new", help="the new name")
    test = choices.add_parser("test", help="try out a remote and measure it", epilog=remote_test.EPILOG)
    remote_test.add_arguments(test)
    test.set_defaults(act=remote_test.run)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    return int(args.act(args))


def _add(args: argparse.Namespace) -> int:
    operations.remote.add(
        args.name, args.url, default=args.default, force=args.force, level=args.level, argv=("dv", *args.argv)
    )
    if args.default and not args.json:
        print(f"Setting '{args.name.lower()}' as a default remote.")
    return _done(args)


def _default(args: argparse.Namespace) -> int:
    if args.unset or args.name is not None:
        operations.remote.set_default(
            None if args.unset else args.name, level=args.level, argv=("dv", *args.argv)
        )
        if not args.json:
            return 0
    found = operations.remote.default(level=args.level)
    if args.json:
        render.print_json({"remote": found})
    else:
        print(found or "No default remote set")
    return 0 if found or args.unset else 1


def _modify(args: argparse.Namespace) -> int:
    if args.value is None and not args.unset:
        raise ConfigError(
            f"which value shall {args.option!r} have?", hint="dv remote modify NAME OPTION VALUE"
        )
    value = None if args.unset else args.value
    operations.remote.modify(args.name, args.option, value, level=args.level, argv=("dv", *args.argv))
    return _done(args)


def _list(args: argparse.Namespace) -> int:
    found = operations.remote.remotes(level=args.level)
    if args.json:
        render.print_json(found)
        return 0
    for each in found:
        line = f"{each.name}\t{each.url}" + ("\t(default)" if each.default else "")
        print(render.colour(line.expandtabs(8), "green") if each.default else line.expandtabs(8))
    return 0


def _remove(args: argparse.Namespace) -> int:
    operations.remote.remove(args.name, level=args.level, argv=("dv", *args.argv))
    return _done(args)


def _rename(args: argparse.Namespace) -> int:
    operations.remote.rename(args.name, args.new, level=args.level, argv=("dv", *args.argv))
    return _done(args)


def _done(args: argparse.Namespace) -> int:
    if args.json:
        render.print_json(operations.remote.remotes())
    return 0
