"""`dv check-ignore`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator

from data_versioning import operations
from data_versioning.cli import render, session
from data_versioning.errors import UsageError

FAILURE = 255  # as DVC ends
EPILOG = """examples:
  dv check-ignore data/a.tmp       prints the path if it is ignored
  dv check-ignore -d data/a.tmp    also file, line and rule
  find data | dv check-ignore --stdin

Exit code: 0 if a rule matches one of the paths, 1 if none does.
"""
_NO_RULE = "::"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options and --json."""
    add = parser.add_argument
    add("targets", nargs="*", metavar="PATH", help="files or directories, which need not exist")
    add("-d", "--details", action="store_true", help="show the rule that decides before each path")
    add("-a", "--all", action="store_true", help="with -d: all rules that DVC knows of (today the same)")
    add("-n", "--non-matching", action="store_true", help="with -d: also paths that no rule matches")
    add("--stdin", action="store_true", help="read paths from standard input, up to an empty line")
    add("--json", action="store_true", help="print every path with what decides as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is ignored; 1 when nothing is."""
    _check(args)
    repo = session.open_repo(args)
    checked = operations.check_ignore.check_ignore(repo, _targets(args))
    if args.json:
        found = list(checked)
        render.print_json(found)
        return 0 if any(one.ignored for one in found) else 1
    return 0 if _print(checked, args) else 1


def _check(args: argparse.Namespace) -> None:
    problem = None
    if not args.stdin and not args.targets:
        problem = "`targets` or `--stdin` needed"
    elif args.stdin and args.targets:
        problem = "cannot have both `targets` and `--stdin`"
    elif args.non_matching and not args.details:
        problem = "`--non-matching` is only valid with `--details`"
    elif args.all and not args.details:
        problem = "`--all` is only valid with `--details`"
    elif args.quiet and args.details:
        problem = "cannot use both `--details` and `--quiet`"
    if problem:
        raise UsageError(problem, hint="dv check-ignore --help")


def _targets(args: argparse.Namespace) -> Iterator[str]:
    if not args.stdin:
        yield from args.targets
        return
    for line in sys.stdin:
        target = line.rstrip("\n")
        if not target:
            return
        yield target


def _print(checked: Iterable[operations.check_ignore.Checked], args: argparse.Namespace) -> bool:
    """Print each path as soon as it is known: another program may wait for it; whether a rule matched any."""
    is_any = False
    for one in checked:
        if args.details and (one.rule or args.non_matching):
            print(one.rule or _NO_RULE, one.path, sep="\t", flush=args.stdin)
        elif one.ignored and not args.details:
            print(one.path, flush=args.stdin)
        # Without -d, DVC counts only what it prints.
        is_any |= one.rule is not None if args.details else one.ignored
    return is_any
