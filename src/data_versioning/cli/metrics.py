"""`dv metrics`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from data_versioning import operations
from data_versioning.cli import changes, session
from data_versioning.cli.render import print_json
from data_versioning.errors import DataVersioningError

if TYPE_CHECKING:
    from data_versioning.repo import Repo

EPILOG = """examples:
  dv metrics show               metrics of the workspace
  dv metrics diff               what changed since the last commit
  dv metrics history -n 10      how they came to be, commit by commit
"""
_SHOW_EPILOG = """examples:
  dv metrics show                 metrics of the workspace
  dv metrics show -T              and of every tag
  dv metrics show results.json    of this file, declared or not
"""
_DIFF_EPILOG = """examples:
  dv metrics diff                      what changed since the last commit
  dv metrics diff HEAD~1 HEAD          what the last commit changed
  dv metrics diff v1.0 v2.0 --all      between two tags, unchanged ones too
"""
_HISTORY_EPILOG = """examples:
  dv metrics history                   the last 20 commits
  dv metrics history -n -1 --json      all commits and tags, for programs
  dv metrics history --rev v2.0        before v2.0
"""
_SHORT = 7  # digits of a commit, for people
_NEWEST = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-commands and `history`."""
    choices = parser.add_subparsers()
    _declare_show(
        choices.add_parser("show", help="metrics of the workspace, and of revisions", epilog=_SHOW_EPILOG)
    )
    compared = choices.add_parser(
        "diff", help="metrics that changed between revisions, or since one", epilog=_DIFF_EPILOG
    )
    changes.add_revisions(compared, "metrics")
    changes.add_precision(compared)
    compared.add_argument("-R", "--recursive", action="store_true", help="accepted: directories are searched")
    followed = choices.add_parser(
        "history", help="metrics of one commit after the other, the newest first", epilog=_HISTORY_EPILOG
    )
    flag = followed.add_argument
    flag("targets", nargs="*", metavar="PATH", help="only these files, declared or not")
    flag("--rev", default="HEAD", help="the commit to begin with (default: HEAD)")
    flag(
        "-n",
        "--num",
        type=int,
        default=_NEWEST,
        metavar="N",
        help=f"so many commits; -1: all, and all tags (default: {_NEWEST})",
    )
    changes.add_format(followed)
    changes.add_precision(followed)


def _declare_show(shown: argparse.ArgumentParser) -> None:
    flag = shown.add_argument
    flag("targets", nargs="*", metavar="PATH", help="only these files or directories, declared or not")
    flag("-a", "--all-branches", action="store_true", help="of all branches, too")
    flag("-T", "--all-tags", action="store_true", help="of all tags, too")
    flag("-A", "--all-commits", action="store_true", help="of all commits, too")
    flag("-R", "--recursive", action="store_true", help="accepted: directories are always searched")
    changes.add_format(shown)
    changes.add_precision(shown)


def run(args: argparse.Namespace) -> int:
    """Read and print; the exit code is 0 also when files could not be read, as in DVC."""
    repo = session.open_anywhere(args)
    if args.subcommand == "show":
        return _show(repo, args)
    if args.subcommand == "diff":
        return _diff(repo, args)
    return _history(repo, args)


def _show(repo: Repo, args: argparse.Namespace) -> int:
    found = operations.metrics.show(
        repo,
        args.targets,
        all_branches=args.all_branches,
        all_tags=args.all_tags,
        all_commits=args.all_commits,
    )
    changes.tell(operations.sides.errors(found))
    if args.json:
        print_json({name: _side_in_json(repo, side) for name, side in found.items()})
        return 0
    lines = [
        (
            [name, repo.shown(path)],
            {} if isinstance(value, DataVersioningError) else operations.metrics.flat(value),
        )
        for name, side in found.items()
        if not isinstance(side, DataVersioningError)
        for path, value in side.items()
    ]
    table = _pivot(["Revision", "Path"], lines, args.precision or changes.PRECISION)
    first = 0 if args.all_branches or args.all_tags or args.all_commits else 1
    changes.print_table(table[0][first:], [line[first:] for line in table[1:]], markdown=args.md)
    return 0


def _side_in_json(repo: Repo, side: Any) -> Any:
    if isinstance(side, DataVersioningError):
        return changes.in_json(side)
    return {"data": {repo.shown(path): changes.in_json(value, path) for path, value in side.items()}}


def _diff(repo: Repo, args: argparse.Namespace) -> int:
    found = operations.metrics.diff(repo, args.a_rev, args.b_rev, args.targets)
    changes.tell(operations.sides.errors(found.sides))
    changed = changes.seen(repo, found.changes, unchanged=args.all)
    if args.json:
        changes.print_changes(changed)
        return 0
    first = 1 if args.no_path else 0
    headers = ["Path", "Metric", args.a_rev, args.b_rev, "Change"]
    lines = changes.rows(changed, args.precision or changes.PRECISION)
    changes.print_table(headers[first:], [line[first:] for line in lines], markdown=args.md)
    return 0


def _history(repo: Repo, args: argparse.Namespace) -> int:
    points = operations.metrics.history(repo, args.targets, rev=args.rev, count=args.num)
    if args.json:
        print_json([_point_in_json(repo, point) for point in points])
        return 0
    changes.tell((point.commit[:_SHORT], error) for point in points for error in point.errors.values())
    lines = [
        (
            [
                point.commit[:_SHORT],
                ", ".join(point.tags) or changes.ABSENT,
                time.strftime("%Y-%m-%d %H:%M", time.localtime(point.time)),
                repo.shown(path),
            ],
            values,
        )
        for point in points
        for path, values in point.metrics.items()
    ]
    table = _pivot(["Commit", "Tags", "Date", "Path"], lines, args.precision or changes.PRECISION)
    changes.print_table(table[0], table[1:], markdown=args.md)
    return 0


def _point_in_json(repo: Repo, point: operations.metrics.Point) -> dict[str, Any]:
    return {
        "commit": point.commit,
        "time": point.time,
        "tags": list(point.tags),
        "metrics": {repo.shown(path): dict(values) for path, values in point.metrics.items()},
        "errors": {
            path: changes.in_json(error, path)["error"] | {"hint": error.hint}
            for path, error in point.errors.items()
        },
    }


def _pivot(
    heads: list[str], lines: Iterable[tuple[list[str], Mapping[str, Any]]], precision: int
) -> list[list[str]]:
    """Return a table, its head first, with one column for each metric of any line."""
    lines = list(lines)
    keys = sorted({key for _, values in lines for key in values})
    return [
        [*heads, *keys],
        *([*start, *(changes.cell(values.get(key), precision) for key in keys)] for start, values in lines),
    ]
