"""`dv data status`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import harmless, main, render, session

EPILOG = """examples:
  dv data status                      what changed since the last commit
  dv data status --granular           file by file inside tracked directories
  dv data status --json --unchanged   everything, for programs
"""
_HEADINGS = (
    ("not_in_cache", "Not in cache", "red", ("dv fetch   downloads them",)),
    ("not_in_remote", "Not in remote", "red", ("dv push   uploads them",)),
    (
        "committed",
        "DVC committed changes",
        "green",
        ("git commit   records the changed pointer files",),
    ),
    (
        "uncommitted",
        "DVC uncommitted changes",
        "yellow",
        ("dv commit PATH   tracks the changes", "dv checkout PATH   discards them"),
    ),
    ("untracked", "Untracked files", "red", ("git add PATH, or dv add PATH   tracks them",)),
    ("unchanged", "DVC unchanged files", "", ()),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-command and its options."""
    choices = parser.add_subparsers()
    status = choices.add_parser(
        "status", help="changes between commit, pointer files and workspace", epilog=EPILOG
    )
    flag = status.add_argument
    flag("targets", nargs="*", help="limit to these paths")
    flag("--json", action="store_true", help="print the result as JSON")
    flag("--granular", action="store_true", help="file by file inside tracked directories")
    flag("--unchanged", action="store_true", help="also what did not change")
    flag(
        "--untracked-files",
        choices=["no", "all"],
        default="no",
        const="all",
        nargs="?",
        help="also untracked files",
    )
    flag("-r", "--remote", metavar="NAME", help="with --not-in-remote: which remote")
    flag("--not-in-remote", action="store_true", help="also what the remote lacks")
    flag(
        "--no-remote-refresh",
        action="store_true",
        help="with --not-in-remote: for clouds, do not ask",
    )


def run(args: argparse.Namespace) -> int:
    """Compare and print; the exit code is 0 whatever was found."""
    repo = session.open_repo(args)
    absent: list[str] = []
    if args.not_in_remote:
        try:
            absent = operations.cloud_status.not_in_remote(
                repo, args.targets, remote=args.remote, granular=args.granular
            )
        except operations.sharing.ServedByDvc:
            return int(main.load("handoff").run(args.argv))
    found = operations.data_status.data_status(
        repo,
        args.targets,
        granular=args.granular,
        untracked=args.untracked_files == "all",
        progress=render.progress(args),
    )
    groups = _groups(found, absent, unchanged=args.unchanged)
    if args.json:
        render.print_json(groups)
    else:
        _show(found, groups)
    return 0


def _groups(
    found: operations.data_status.DataStatus, absent: list[str], *, unchanged: bool
) -> dict[str, object]:
    """Return DVC's JSON: what is empty is left out."""
    groups: dict[str, object] = {
        "not_in_cache": list(found.not_in_cache),
        "not_in_remote": absent,
        "committed": _changes(found.committed),
        "uncommitted": _changes(found.uncommitted),
        "untracked": list(found.untracked),
        "unchanged": list(found.unchanged) if unchanged else [],
    }
    return {name: value for name, value in groups.items() if value}


def _changes(changes: operations.data_status.Changes) -> dict[str, object]:
    named: dict[str, object] = {
        "modified": list(changes.modified),
        "added": list(changes.added),
        "deleted": list(changes.deleted),
        "renamed": [{"old": old, "new": new} for old, new in changes.renamed],
        "unknown": list(changes.unknown),
    }
    return {name: value for name, value in named.items() if value}


def _show(found: operations.data_status.DataStatus, groups: dict[str, object]) -> None:
    blocks = []
    for name, heading, colour, hints in _HEADINGS:
        group = groups.get(name)
        if group:
            lines = [f"{heading}:", *(f"  ({hint})" for hint in hints)]
            lines += [
                render.colour(f"        {line}", colour) if colour else f"        {line}"
                for line in _lines(group)
            ]
            blocks.append("\n".join(lines))
    if not blocks:
        blocks = [
            "No changes in an empty Git repository."
            if found.in_git and not found.has_commits
            else "No changes."
        ]
    print("\n\n".join(blocks))


def _lines(group: object) -> list[str]:
    if isinstance(group, list):
        return [harmless.name(item) for item in group]
    assert isinstance(group, dict)
    return [
        f"{kind}: {harmless.name(item['old'])} -> {harmless.name(item['new'])}"
        if isinstance(item, dict)
        else f"{kind}: {harmless.name(item)}"
        for kind, items in group.items()
        for item in items
    ]
