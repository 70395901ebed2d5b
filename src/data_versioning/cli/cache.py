"""`dv cache dir` and `dv cache migrate`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from data_versioning import operations
from data_versioning.cli import levels, render, session

_UNFINISHED = 1
EPILOG = """examples:
  dv cache dir                           print where the cache is
  dv cache dir --local /data/dvc-cache   keep it elsewhere, on this machine only
  dv cache migrate                       give data of DVC 2 the form of DVC 3
  dv cache migrate --dvc-files           rewrite .dvc files and dvc.lock, too
"""
_DIR_EPILOG = """examples:
  dv cache dir                           print where the cache is
  dv cache dir --local /data/dvc-cache   keep it elsewhere, on this machine only
  dv cache dir --unset                   back to .dvc/cache
"""
_MIGRATE_EPILOG = """The objects under their old names stay.

examples:
  dv cache migrate --dry         show what would be done
  dv cache migrate --dvc-files   rewrite .dvc files and dvc.lock, too
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-commands."""
    choices = parser.add_subparsers()
    directory = choices.add_parser("dir", help="print or set where the cache is", epilog=_DIR_EPILOG)
    levels.add_arguments(directory)
    directory.add_argument("-u", "--unset", action="store_true", help="go back to .dvc/cache")
    directory.add_argument("--json", action="store_true", help="print the result as JSON")
    directory.add_argument("value", nargs="?", help="new directory, relative to the current one")
    migrate = choices.add_parser(
        "migrate", help="move data of DVC 2 to the layout of DVC 3", epilog=_MIGRATE_EPILOG
    )
    migrate.add_argument("--dvc-files", action="store_true", help="rewrite the .dvc files, too")
    migrate.add_argument("--dry", action="store_true", help="only print what would be done")
    migrate.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Print or set the directory, or migrate."""
    if args.subcommand == "migrate":
        return _migrate(args)
    if args.value is not None or args.unset:
        old = operations.cache.effective_dir()
        operations.cache.change_dir(
            None if args.unset else args.value, level=args.level, argv=("dv", *args.argv)
        )
        new = operations.cache.effective_dir()
        _tell_left(old, new, args)
        if args.json:
            render.print_json({"dir": new})
        return 0
    found = operations.cache.cache_dir(level=args.level)
    if args.json:
        render.print_json({"dir": found})
    else:
        print(found)
    return 0


def _migrate(args: argparse.Namespace) -> int:
    repo = session.open_repo(args)
    result = operations.migrate.migrate(
        repo, dvc_files=args.dvc_files, dry=args.dry, progress=render.progress(args)
    )
    if args.json:
        render.print_json(result)
    else:
        _show(result, [repo.shown(path) for path in result.files], is_asked=args.dvc_files)
        if not result.dry:
            session.tell_edited(repo, result.files)
    for what, names in (
        ("damaged, and left as they are (dv fsck)", result.damaged),
        (
            "directories of which not all files are in the cache (dv fetch, then run this again)",
            result.incomplete,
        ),
        (
            "outputs whose data is not here, so that their pointer stays (dv fetch, then run this again)",
            result.left,
        ),
    ):
        if names:
            listed = "\n".join(f"  {name}" for name in names)
            sys.stderr.write(f"{what}:\n{listed}\n")
    return _UNFINISHED if result.damaged or result.left else 0


def _show(result: operations.migrate.MigrateResult, files: Sequence[str], *, is_asked: bool) -> None:
    """Print what DVC prints."""
    if result.dry:
        print(f"{result.migrated} files will be re-hashed and migrated to the DVC 3.0 cache location.")
    else:
        print(f"Migrated {result.migrated} files to DVC 3.0 cache location.")
    if is_asked and not (files or result.left):
        print("No DVC files in the repo to migrate to the 3.0 format.")
    elif result.dry and files:
        print("Entries in following DVC files will be migrated to the 3.0 format:")
        locks = {file: file.removesuffix("dvc.lock") + f"dvc.yaml ({file})" for file in files}
        print("\n".join(sorted(f"\t{locks[file] if file.endswith('dvc.lock') else file}" for file in files)))
    else:
        for file in files:
            print(f"Updating {'lock' if file.endswith('dvc.lock') else 'DVC'} file '{file}'")


def _tell_left(old: str | None, new: str | None, args: argparse.Namespace) -> None:
    """Say on stderr that data is left in the old cache, and how to move it."""
    if args.quiet or old is None or new is None or old == new or not operations.cache.holds_objects(old):
        return
    source, target = render.quote(old), render.quote(new)
    if os.path.exists(new):
        command = f"cp -Rn {source}/. {target} && dv fsck && rm -rf {source}"
    else:
        command = f"mkdir -p {render.quote(os.path.dirname(new))} && mv {source} {target}"
    sys.stderr.write(f"Objects are left in the old cache; to move them: {command}\n")
