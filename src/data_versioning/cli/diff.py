"""`dv diff`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from data_versioning import operations
from data_versioning.cli import harmless, render, session
from data_versioning.errors import MissingObject, NotTracked

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv diff                        what changed in the data since the last commit
  dv diff v1.0                   since the tag v1.0
  dv diff v1.0 v2.0              between two revisions
  dv diff --targets data/train   only there
  dv diff --json --show-hash     for programs

A revision is anything Git knows: a branch, a tag, a commit, HEAD~3; or an experiment.
"workspace" stands for the workspace.
"""
_MISSING = "not in cache"
# In the order in which they are printed, with their colours.
_GROUPS = (
    ("added", "green"),
    ("deleted", "red"),
    ("renamed", "green"),
    ("modified", "yellow"),
    (_MISSING, "yellow"),
)
_SHORT = 8  # digits of a hash, for people
_Entry = dict[str, Any]
_Groups = dict[str, list[_Entry]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options."""
    flag = parser.add_argument
    flag(
        "--targets",
        nargs="*",
        default=[],
        metavar="PATH",
        help="limit to these tracked paths, or parts of them",
    )
    flag("a_rev", nargs="?", default="HEAD", help="old revision (default: HEAD)")
    flag("b_rev", nargs="?", help="new revision (default: the workspace)")
    flag("--json", action="store_true", help="print the result as JSON")
    flag("--show-hash", action="store_true", help="also the hash of each entry")
    flag("--md", action="store_true", help="print a Markdown table")
    flag("--hide-missing", action="store_true", help="do not list what the cache lacks")


def run(args: argparse.Namespace) -> int:
    """Compare and print; the exit code is 0 whatever was found."""
    try:
        found = operations.diff.diff(
            session.open_repo(args), args.a_rev, args.b_rev, args.targets, progress=render.progress(args)
        )
    except (MissingObject, NotTracked) as error:
        error.exit_code = type(error).exit_code  # as DVC ends here, and only here
        raise
    groups = _groups(found)
    if args.b_rev or args.hide_missing:
        groups.pop(_MISSING, None)
    if args.json:
        render.print_json(groups if args.show_hash else _without_hashes(groups))
    elif args.md:
        _show_table(groups, show_hash=args.show_hash)
    else:
        _show(groups, show_hash=args.show_hash)
        if found.growth and sys.stdout.isatty():  # what reads a pipe expects DVC's lines and no more
            sign = "+" if found.growth > 0 else "-"
            print(f"size of the data: {sign}{render.size(abs(found.growth))}")
    return 0


def _groups(found: operations.diff.Diff) -> _Groups:
    """Return DVC's JSON: all groups, or nothing when all are empty."""
    groups: _Groups = {
        "added": [{"path": path, "hash": oid} for path, oid in found.added],
        "deleted": [{"path": path, "hash": oid} for path, oid in found.deleted],
        "modified": [{"path": path, "hash": {"old": old, "new": new}} for path, old, new in found.modified],
        "renamed": [{"path": {"old": old, "new": new}, "hash": oid} for old, new, oid in found.renamed],
        _MISSING: [{"path": path, "hash": oid} for path, oid in found.not_in_cache],
    }
    return groups if any(groups.values()) else {}


def _without_hashes(groups: _Groups) -> _Groups:
    return {name: [{"path": entry["path"]} for entry in entries] for name, entries in groups.items()}


def _show(groups: _Groups, *, show_hash: bool) -> None:
    counted = []
    for name, tint in _GROUPS:
        rows = list(_rows(groups.get(name, ())))
        if rows:
            print(render.colour(name.capitalize(), tint) + ":")
            sys.stdout.writelines(
                f"    {oid}  {harmless.name(path)}\n" if show_hash and oid else f"    {harmless.name(path)}\n"
                for oid, path in rows
            )
            print()
        if files := sum(not path.endswith("/") for _, path in rows):
            counted.append(f"{files} {name}")
    if counted:
        print("files summary:", ", ".join(counted))


def _show_table(groups: _Groups, *, show_hash: bool) -> None:
    rows = [(name, *row) for name, _ in _GROUPS for row in _rows(groups.get(name, ()))]
    if show_hash:
        print(render.markdown(["Status", "Hash", "Path"], rows))
    else:
        print(render.markdown(["Status", "Path"], [(name, path) for name, _, path in rows]))
    print()


def _rows(entries: Iterable[_Entry]) -> Iterator[tuple[str, str]]:
    """Yield the short hash, "" where none is recorded, and the path of each entry."""
    for entry in entries:
        path, oid = entry["path"], entry["hash"]
        yield (
            "..".join(
                (value or "")[:_SHORT] for value in (oid.values() if isinstance(oid, dict) else (oid,))
            ),
            path
            if isinstance(path, str)
            else f"{harmless.name(path['old'])} -> {harmless.name(path['new'])}",
        )
