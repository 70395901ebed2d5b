"""`dv git-hook`: what Git calls after `dv install`; silent when there is nothing to do."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence

from data_versioning import operations
from data_versioning.cli import main

_MERGE_EXAMPLE = """examples:
  dv git-hook merge-driver --ancestor %O --our %A --their %B   for Git
"""
EPILOG = """examples:
  dv git-hook pre-push "$@" </dev/null || exit   in your own hook

`dv install` sets them up.
"""
# What the commands say when all is well: a hook keeps that to itself.
_ALL_WELL = (
    "Data and pipelines are up to date.",
    "Everything is up to date.",
    "Nothing is tracked here yet.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-commands."""
    commands = parser.add_subparsers()
    for name, meaning in (
        ("pre-commit", "Show data that changed."),
        ("post-checkout", "Check out the data of a commit that was checked out."),
        ("pre-push", "Push the data."),
    ):
        example = f'examples:\n  dv git-hook {name} "$@"   in your own hook\n'
        hook = commands.add_parser(name, help=meaning, description=meaning, epilog=example)
        hook.add_argument("args", nargs="*", help="what Git passes")
    meaning = "Merge two versions of a .dvc file or dvc.lock."
    driver = commands.add_parser("merge-driver", help=meaning, description=meaning, epilog=_MERGE_EXAMPLE)
    add = driver.add_argument
    add("--ancestor", required=True, metavar="FILE", help="the version before both")
    add("--our", required=True, metavar="FILE", help="our version, which becomes the result")
    add("--their", required=True, metavar="FILE", help="their version")
    add("--path", metavar="PATH", help="what is being merged, from the top of the work tree")


def run(args: argparse.Namespace) -> int:
    """Do what Git asks for."""
    if args.subcommand == "merge-driver":
        return _merge(args)
    if args.subcommand == "post-checkout" and not _is_new_commit(args.args):
        return 0
    if args.subcommand == "pre-push" and _only_deletes():
        return 0
    command = {
        "pre-commit": ["status", "--no-updates"],
        "post-checkout": ["checkout"],
        "pre-push": ["push"],
    }[args.subcommand]
    return max([_carry_out(root, command) for root in operations.root.of_work_tree()], default=0)


def _carry_out(root: str, command: Sequence[str]) -> int:
    """Run a command in one repository of the work tree."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main.main(["--cd", root, *command])
    if not said.getvalue().startswith(_ALL_WELL):
        sys.stdout.write(said.getvalue())
    return code


def _is_new_commit(args: Sequence[str]) -> bool:
    """Whether Git went to another commit, and not only took files from one, or is in the middle of a rebase.

    Git passes the commit before, the one after, and 1 for a commit; the tool pre-commit uses the environment.
    """
    flag = os.environ.get("PRE_COMMIT_CHECKOUT_TYPE") or (args[2] if len(args) > 2 else None)
    if flag != "1" or operations.root.is_rebasing():
        return False
    return len(args) < 2 or args[0] != args[1]


def _only_deletes() -> bool:
    """Whether the push removes references, and sends no commit: Git writes a line for each."""
    if sys.stdin is None or sys.stdin.isatty():
        return False
    lines = [line.split() for line in sys.stdin]
    return bool(lines) and all(len(line) > 1 and set(line[1]) == {"0"} for line in lines)


def _merge(args: argparse.Namespace) -> int:
    path = args.path or args.our
    versions = operations.merge.Versions(base=args.ancestor, ours=args.our, theirs=args.their)
    problem = operations.merge.merge(versions, path)
    if problem is None:
        return 0
    sys.stderr.write(f"CONFLICT in {path}: {problem}\n")
    return 1
