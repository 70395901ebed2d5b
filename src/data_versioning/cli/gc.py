"""`dv gc`: DVC's options and questions.

With -c and nothing that says what to keep, everything is kept that any commit or experiment needs: a remote is shared,
and DVC refuses to guess.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from typing import TYPE_CHECKING

from data_versioning import operations
from data_versioning.cli import main, question, render, session

if TYPE_CHECKING:
    from data_versioning.objects.gc import Sweep

EPILOG = """examples:
  dv gc -w --dry              show what the current files do not need
  dv gc -a -T                 keep what branches, tags and the workspace need
  dv gc -c --dry              keep what any commit or experiment needs; show
                              what cache and remote hold besides
  dv gc -c --quarantine       move it aside on the remote instead of deleting it
  dv gc -a -p ../other        the cache is shared with ../other
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options, `--grace`, `--quarantine` and `--json`."""
    add = parser.add_argument
    add("-w", "--workspace", action="store_true", help="keep what the current files need")
    add("--rev", metavar="COMMIT", help="keep what this commit needs")
    add(
        "-n",
        "--num",
        type=int,
        metavar="N",
        help="with --rev or -a: also N - 1 commits before each (default 1)",
    )
    add("-a", "--all-branches", action="store_true", help="keep what the tips of all branches need")
    add("-T", "--all-tags", action="store_true", help="keep what all tags need")
    add("-A", "--all-commits", action="store_true", help="keep what all commits need")
    add("--date", metavar="YYYY-MM-DD", help="keep what commits made since that day need")
    add("--all-experiments", action="store_true", help="keep what all experiments need")
    add("--not-in-remote", action="store_true", help="remove used data, too, where the remote has it")
    add("-c", "--cloud", action="store_true", help="remove from the remote, too")
    add(
        "--quarantine", action="store_true", help="with -c: move objects of the remote to .dv-quarantine/DATE"
    )
    add("-r", "--remote", metavar="NAME", help="the remote for -c and --not-in-remote")
    add("--skip-failed", action="store_true", help="go on although directory listings are lost")
    add("-f", "--force", action="store_true", help="do not ask")
    add("-j", "--jobs", type=int, metavar="N", help="how many files to remove at once")
    add("-p", "--projects", nargs="*", default=[], metavar="PATH", help="keep what these repositories need")
    add(
        "--grace",
        type=float,
        metavar="HOURS",
        help="keep objects younger than that (default 24 for remotes and shared caches, else 0)",
    )
    add("--dry", "--dry-run", action="store_true", help="only print what would be removed")
    add("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Ask, remove and tell; 1 when the user declines."""
    _widen(args)
    scope = _scope(args)
    scope.check()
    repo = session.open_repo(args)
    if operations.gc.is_handed_over(repo, scope):
        return int(main.load("handoff").run(args.argv))
    progress = render.progress(args)
    try:
        found = (
            None
            if args.force and not args.dry
            else operations.gc.gc(repo, scope, dry=True, progress=progress)
        )
        if args.dry or found is None or found.is_something:
            _announce(args)
        if found is None or (found.is_something and not args.dry):
            if found and not _confirmed(found, args):
                return question.DECLINED
            result = operations.gc.gc(repo, scope, progress=progress)
        else:
            result = dataclasses.replace(found, dry=args.dry)
    finally:
        progress.finish()
    if args.json:
        render.print_json(_as_json(result))
    else:
        _print(result)
    return 0


def _widen(args: argparse.Namespace) -> None:
    """Keep what any commit or experiment needs, where a remote is cleaned and nothing is said."""
    chosen = (args.workspace, args.rev, args.all_branches, args.all_tags, args.date, args.all_experiments)
    if args.cloud and not args.all_commits and not any(chosen):
        args.all_commits = args.all_experiments = True


def _scope(args: argparse.Namespace) -> operations.gc.Scope:
    return operations.gc.Scope(
        workspace=args.workspace,
        selection=operations.reachable.Selection(
            all_branches=args.all_branches,
            all_tags=args.all_tags,
            all_commits=args.all_commits,
            all_experiments=args.all_experiments,
            rev=args.rev,
            num=args.num or 1,
            date=args.date,
        ),
        projects=tuple(args.projects),
        not_in_remote=args.not_in_remote,
        cloud=args.cloud,
        remote=args.remote,
        quarantine=args.quarantine,
        skip_failed=args.skip_failed,
        grace=None if args.grace is None else args.grace * 3600,
        jobs=args.jobs,
    )


def _announce(args: argparse.Namespace) -> None:
    if not (args.json or args.quiet):
        places = "the cache and the remote" if args.cloud else "the cache"
        begin = "Would be removed from" if args.dry else "WARNING: this will remove from"
        sys.stderr.write(f"{begin} {places}: all objects but those used in {_kept(args)}\n")


def _kept(args: argparse.Namespace) -> str:
    """Name what is kept."""
    number = args.num or 1
    last = f"the last {number} commits of " if number > 1 else ""
    parts = ["the workspace"]
    if args.all_commits:
        parts.append("all Git commits")
    else:
        parts += [f"{last}all Git branches"] if args.all_branches else []
        parts += ["all Git tags"] if args.all_tags else []
        parts += [f"all Git commits since {args.date}"] if args.date else []
    parts += [f"{last}{args.rev}"] if args.rev else []
    parts += ["all experiments"] if args.all_experiments else []
    text = " and ".join(parts)
    if args.not_in_remote:
        text += " that are not present in the remote"
    repositories = "".join(f"\n  - {os.path.abspath(path)}" for path in args.projects)
    return f"{text} of this and the following repositories:{repositories}" if repositories else text


def _confirmed(found: operations.gc.GcResult, args: argparse.Namespace) -> bool:
    if (shared := _shared(found)) and sys.stdin.isatty():
        sys.stderr.write(
            f"WARNING: other repositories may use {shared}, and what only they need will be removed; "
            "name them with -p\n"
        )
    if found.remote_name and not args.all_commits and sys.stdin.isatty():
        sys.stderr.write(
            f"WARNING: others may use the remote {found.remote_name!r}, and what only other commits need goes from "
            "there, too; -A keeps what any commit needs\n"
        )
    return question.confirmed(
        f"{_total(found)} would be removed. Are you sure you want to proceed?",
        hint=" ".join(["dv", *map(render.quote, args.argv), "--force"]),
    )


def _print(result: operations.gc.GcResult) -> None:
    if result.dry:
        for sweep in (*result.cache, *result.remote):
            for listing in (sweep.directories, sweep.files, sweep.leftovers):
                for index, path in enumerate(listing.paths()):
                    print(f"Would remove {sweep.root}/{path}  {render.size(listing.stat(index).size)}")
    _print_total("the cache", "Would remove" if result.dry else "Removed", result.cache)
    if result.remote_name:
        _print_total(f"the remote {result.remote_name!r}", _verb(result), result.remote)
        if result.quarantine and result.is_something and not result.dry:
            print(
                "What was moved aside is below .dv-quarantine there; delete it when nobody misses anything."
            )
    for value in result.lost:
        print(f"The listing {value} is lost; objects that only it names were not kept.")
    if shared := _shared(result):
        print(f"Other repositories may use {shared}: name them with -p, so that what they need is kept.")


def _shared(result: operations.gc.GcResult) -> str:
    """Name the places where something goes that other repositories may need; none of these was named."""
    places = ["this cache"] if result.is_foreign else []
    if result.is_remote_foreign and any(sweep.count for sweep in result.remote):
        places.append(f"the remote {result.remote_name!r}")
    return " and ".join(places)


def _verb(result: operations.gc.GcResult) -> str:
    """Return what becomes of objects on the remote."""
    if result.quarantine:
        return "Would move aside" if result.dry else "Moved aside"
    return "Would remove" if result.dry else "Removed"


def _print_total(place: str, verb: str, sweeps: tuple[Sweep, ...]) -> None:
    count = sum(sweep.count for sweep in sweeps)
    size = render.size(sum(sweep.size for sweep in sweeps))
    young = sum(sweep.young for sweep in sweeps)
    if count:
        print(f"{verb} {render.plural(count, 'object')} ({size}) from {place}.")
    else:
        print(f"No unused objects in {place}.")
    if young:
        kept = render.plural(young, "unused object")
        print(f"Kept {kept} younger than the grace period: another repository may be about to use them.")


def _total(result: operations.gc.GcResult) -> str:
    if result.remote_name is None:
        return f"{render.plural(result.count, 'object')} ({render.size(result.size)})"
    verb = "moved aside" if result.quarantine else "removed"
    return (
        f"{_amount(result.cache)} of the cache, and {_amount(result.remote)} of the remote "
        f"{result.remote_name!r} ({verb} there)"
    )


def _amount(sweeps: tuple[Sweep, ...]) -> str:
    count, size = sum(sweep.count for sweep in sweeps), sum(sweep.size for sweep in sweeps)
    return f"{render.plural(count, 'object')} ({render.size(size)})"


def _as_json(result: operations.gc.GcResult) -> dict[str, object]:
    return {
        "dry": result.dry,
        "cache": [_sweep_as_json(sweep) for sweep in result.cache],
        "remote_name": result.remote_name,
        "quarantine": result.quarantine,
        "remote": [_sweep_as_json(sweep) for sweep in result.remote],
        "count": result.count,
        "size": result.size,
        "lost": list(result.lost),
        "other_repositories_possible": result.is_foreign or result.is_remote_foreign,
    }


def _sweep_as_json(sweep: Sweep) -> dict[str, object]:
    sizes = [
        listing.stat(i).size for listing in (sweep.directories, sweep.files) for i in range(len(listing))
    ]
    return {
        "root": sweep.root,
        "removed": dict(zip(sweep.objects(), sizes, strict=True)),
        "leftovers": sweep.leftovers.paths(),
        "size": sweep.size,
        "kept": sweep.kept,
        "young": sweep.young,
    }
