"""`dv fsck`: checks the cache or a remote, tells what is damaged and how to get it back."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import TYPE_CHECKING

from data_versioning import operations
from data_versioning.cli import render, session
from data_versioning.errors import UsageError

if TYPE_CHECKING:
    from data_versioning.progress import Progress
    from data_versioning.repo import Repo

EPILOG = """Damaged objects are moved to dv-quarantine in the cache, never deleted. On a
remote they stay where they are, unless --quarantine or --delete is given.
An interrupted check goes on where it stopped. The exit code is 1 when
something damaged is left.

examples:
  dv fsck                check every object
  dv fsck --sample 5%    check some, chosen at random
  dv fsck --repair       restore damaged objects from intact workspace files
  dv fsck -r             check the default remote
  dv fsck -r --read      read every byte of it, though the store tells digests
  dv fsck -r NAME --sample 1% --repair
                         check some of NAME, push what is damaged from the cache
"""
_DAMAGED = 1
_SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--sample", metavar="PERCENT|N", help='check only so many objects: "5%%" or "1000"')
    add(
        "--repair",
        action="store_true",
        help="restore what is damaged or missing: from the workspace, or for a remote from the cache",
    )
    add("-r", "--remote", nargs="?", const="", metavar="NAME", help="check this remote (the default one)")
    aside = parser.add_mutually_exclusive_group()
    for name, text in (
        ("quarantine", "move damaged objects to .dv-quarantine"),
        ("delete", "delete damaged objects"),
    ):
        aside.add_argument(
            f"--{name}", dest="removal", action="store_const", const=name, help=f"with -r: {text}"
        )
    add("--read", action="store_true", help="with -r: read every byte, whatever digests the store tells")
    add("--restart", action="store_true", help="check all again, also after an interruption")
    add("--resume", action="store_true", help="go on after an interruption (what is done anyway)")
    add("--dry-run", action="store_true", help="change nothing")
    add("-j", "--jobs", type=int, metavar="N", help="how many files to read at once")
    add("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Check and tell; 1 when something damaged is left."""
    if args.removal and args.remote is None:
        raise UsageError("--quarantine and --delete need --remote", hint="dv fsck -r NAME --quarantine")
    if args.read and args.remote is None:
        raise UsageError(
            "--read needs --remote: objects of the cache are always read", hint="dv fsck -r NAME --read"
        )
    repo = session.open_repo(args)
    options = operations.fsck.Options(
        sample=args.sample,
        restart=args.restart,
        repair=args.repair,
        dry_run=args.dry_run,
        jobs=args.jobs,
        read=args.read,
    )
    progress = render.progress(args)
    if args.remote is not None:
        return _run_remote(args, repo, options, progress)
    try:
        result = operations.fsck.fsck(repo, options, progress=progress)
    finally:
        progress.finish()
    if args.json:
        render.print_json(_as_json(result))
    else:
        _print(result)
    return 0 if result.is_clean else _DAMAGED


def _run_remote(
    args: argparse.Namespace, repo: Repo, options: operations.fsck.Options, progress: Progress
) -> int:
    try:
        result = operations.fsck_remote.fsck_remote(
            repo, args.remote or None, options, removal=args.removal, progress=progress
        )
    except operations.sharing.ServedByDvc as refused:
        refused.hint = "dv fetch -A   reads what the cache lacks"
        raise
    finally:
        progress.finish()
    if args.json:
        fields = {one.name: getattr(result, one.name) for one in dataclasses.fields(result)}
        render.print_json({**fields, "clean": result.is_clean})
    else:
        _print_remote(result)
    return 0 if result.is_clean else _DAMAGED


def _print_remote(result: operations.fsck_remote.RemoteFsckResult) -> None:
    _print_resumed(result.resumed)
    for damage in result.damaged:
        _print_remote_damage(damage, result.remote)
    for key, reason in result.unreadable:
        print(f"unreadable  {key}: {reason}")
    for key in result.malformed:
        print(f"malformed   {key}: not a directory listing, though its hash is right")
    for one in result.incomplete:
        files = render.plural(one.missing, "file")
        print(f"incomplete  {one.listing}: {_users(one.used_by)}; {files} of it missing on the remote")
        if one.restored:
            print(f"            {render.plural(one.restored, 'file')} pushed from the cache")
        if one.missing > one.restored:
            print(f"            {_how(one.in_cache > one.restored, result.remote)}")
    sample = " in the sample" if result.sampled else ""
    read = result.sound - result.told
    repaired = f", {result.repaired} repaired" if result.repaired else ""
    print(
        f"{render.plural(result.sound, 'sound object')}{sample} on {result.remote!r} "
        f"({result.told:,} by the store's own digest, {read:,} read){repaired}, {result.damaged_left} damaged."
    )


def _print_remote_damage(damage: operations.repair_remote.RemoteDamage, remote: str) -> None:
    print(f"damaged     {damage.path}: {_users(damage.used_by)}")
    if damage.quarantine:
        print(f"            moved to {damage.quarantine}")
    if damage.deleted:
        print("            deleted")
    if damage.restored:
        print("            pushed from the cache")
    else:
        print(f"            {_how(damage.in_cache, remote)}")


def _how(is_here: bool, remote: str) -> str:
    if is_here:
        return f"the cache here has it; to restore: dv fsck -r {remote} --repair"
    return f"the cache here lacks it; where one has it: dv fsck -r {remote} --repair"


def _users(paths: tuple[str, ...]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"used by {shown}{more}" if shown else "no file of the workspace uses it"


def _print_resumed(resumed: float | None) -> None:
    if resumed is not None:
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(resumed))
        print(f"Continued the check that began at {began}.")


def _print(result: operations.fsck.FsckResult) -> None:
    _print_resumed(result.resumed)
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
    if result.refused:
        print(f"Damaged objects stay where they are: {result.refused}")
    print(f"{sound} ({render.size(result.size)}){repaired}, {result.damaged_left} damaged.")


def _print_damage(damage: operations.repair.Damage) -> None:
    print(f"damaged     {damage.path}: {_users(damage.used_by)}")
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
