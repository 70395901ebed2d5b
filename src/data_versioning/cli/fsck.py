"""`dv fsck`: checks the cache, tells what is damaged and how to get it back."""

from __future__ import annotations

import argparse
import dataclasses
import time

from data_versioning import operations
from data_versioning.cli import render, session

EPILOG = """Damaged objects are moved to dv-quarantine in the cache, never deleted.
An interrupted check goes on where it stopped. The exit code is 1 when
something damaged is left.

examples:
  dv fsck                check every object
  dv fsck --sample 5%    check some, chosen at random
  dv fsck --repair       restore damaged objects from intact workspace files
"""
_DAMAGED = 1
_SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--sample", metavar="PERCENT|N", help='check only so many objects: "5%%" or "1000"')
    add("--repair", action="store_true", help="restore damaged and missing objects from the workspace")
    add("--restart", action="store_true", help="check all again, also after an interruption")
    add("--resume", action="store_true", help="go on after an interruption (what is done anyway)")
    add("--dry-run", action="store_true", help="change nothing")
    add("-j", "--jobs", type=int, metavar="N", help="how many files to read at once")
    add("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Check and tell; 1 when something damaged is left."""
    repo = session.open_repo(args)
    options = operations.fsck.Options(
        sample=args.sample,
        restart=args.restart,
        repair=args.repair,
        dry_run=args.dry_run,
        jobs=args.jobs,
    )
    progress = render.progress(args)
    try:
        result = operations.fsck.fsck(repo, options, progress=progress)
    finally:
        progress.finish()
    if args.json:
        render.print_json(_as_json(result))
    else:
        _print(result)
    return 0 if result.is_clean else _DAMAGED


def _print(result: operations.fsck.FsckResult) -> None:
    if result.resumed is not None:
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(result.resumed))
        print(f"Continued the check that began at {began}.")
    for damage in result.damaged:
        _print_damage(damage)
    for path, reason in result.unreadable:
        print(f"unreadable  {path}: {reason}")
    for path in result.malformed:
        print(f"malformed   {path}: not a directory listing, though its hash is right")
    for path in result.leftovers:
        print(f"unfinished  {path}: left by an interrupted command; `dv gc` removes it after a day")
    for path in result.strays:
        print(f"stray       {path}: no object")
    for missing in result.missing:
        left = missing.objects - missing.restored
        if missing.restored:
            print(f"restored    {missing.target}: {render.plural(missing.restored, 'missing object')}")
        if left:
            print(
                f"missing     {missing.target}: {render.plural(left, 'object')}; "
                f"to get: dv fetch {missing.target}"
            )
    if result.unsealed:
        verb = "are not" if result.dry_run else "were made"
        print(f"{render.plural(result.unsealed, 'sound object')} {verb} read-only.")
    sample = " in the sample" if result.sampled else ""
    sound = f"{render.plural(result.sound, 'sound object')}{sample}"
    repaired = f", {result.repaired} repaired" if result.repaired else ""
    print(f"{sound} ({render.size(result.size)}){repaired}, {result.damaged_left} damaged.")


def _print_damage(damage: operations.repair.Damage) -> None:
    shown = ", ".join(damage.used_by[:_SHOWN])
    more = f" and {len(damage.used_by) - _SHOWN} more" if len(damage.used_by) > _SHOWN else ""
    users = f"used by {shown}{more}" if shown else "no file of the workspace uses it"
    print(f"damaged     {damage.path}: {users}")
    if damage.quarantine:
        print(f"            moved to {damage.quarantine}")
    if damage.restored:
        print(f"            restored from {damage.intact}")
    elif damage.intact:
        print(f"            {damage.intact} is intact; to restore from it: dv fsck --repair")
    elif damage.targets:
        print(f"            to restore: dv fetch {' '.join(damage.targets[:_SHOWN])}")


def _as_json(result: operations.fsck.FsckResult) -> dict[str, object]:
    return {
        **{field.name: getattr(result, field.name) for field in dataclasses.fields(result)},
        "clean": result.is_clean,
    }
