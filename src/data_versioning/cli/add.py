"""`dv add`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from data_versioning import operations
from data_versioning.cli import harmless, main, notes, render, session
from data_versioning.errors import UsageError

if TYPE_CHECKING:
    from data_versioning.repo import Repo

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv add data/images              track a directory
  dv add -R data/raw              track every file below data/raw by itself
  dv add --glob 'data/*.csv'      let dv fill in the wildcards
  dv add --to-remote /mnt/big     upload it, keep no copy here
  dv add -o data/new.csv ~/new.csv   copy a file from elsewhere and track it
  dv add --desc 'labels of 2026' --label vision --meta owner=ana data/labels.csv

next: git add and commit the files it names, then dv push
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options and ours."""
    flag = parser.add_argument
    flag("targets", nargs="+", help="files or directories")
    flag("--no-commit", action="store_true", help="only write pointer files, store nothing in the cache")
    flag("--glob", action="store_true", help="fill in wildcards in the targets")
    flag("-R", "--recursive", action="store_true", help="track every file below a directory by itself")
    flag("-o", "--out", metavar="PATH", help="copy the target to PATH and track it there")
    flag("-f", "--force", action="store_true", help="with --out: overwrite PATH")
    flag("--no-relink", action="store_true", help="leave workspace files as they are")
    flag("--to-remote", action="store_true", help="upload straight to the remote, not to cache and workspace")
    flag("-r", "--remote", metavar="NAME", help="with --to-remote: which remote")
    flag(
        "--remote-jobs",
        type=int,
        metavar="N",
        help="with --to-remote: how many files to transfer at once",
    )
    notes.add_arguments(parser)
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Track, then say what to commit."""
    _check(args)
    repo = session.open_repo(args)
    options = operations.add.AddOptions(
        glob=args.glob,
        recursive=args.recursive,
        store=not args.no_commit,
        relink=not args.no_relink,
        notes=notes.given(args),
    )
    progress = render.progress(args)
    if args.to_remote:
        try:
            result = operations.add_to_remote.add_to_remote(
                repo,
                args.targets[0],
                args.out,
                remote=args.remote,
                jobs=args.remote_jobs,
                force=args.force,
                notes=options.notes,
                progress=progress,
            )
        except operations.sharing.ServedByDvc as refused:
            return int(main.load("handoff").instead(args, refused))
    elif args.out:
        result = operations.add.add_copy(
            repo, args.targets[0], args.out, force=args.force, options=options, progress=progress
        )
    else:
        result = operations.add.add(repo, args.targets, options=options, progress=progress)
    if args.json:
        render.print_json(result)
    else:
        _tell(repo, result)
    return 0


def _check(args: argparse.Namespace) -> None:
    if (args.remote or args.remote_jobs) and not args.to_remote:
        raise UsageError(
            "--remote and --remote-jobs need --to-remote", hint="dv add --to-remote -r NAME PATH"
        )
    if (args.out or args.to_remote) and (
        len(args.targets) != 1 or args.glob or args.no_commit or args.recursive
    ):
        raise UsageError(
            "--out and --to-remote take one target, and no --glob, --recursive or --no-commit",
            hint="dv add --help",
        )


def _tell(repo: Repo, result: operations.add.AddResult) -> None:
    changed = [output for output in result.outputs if output.changed]
    for output in result.outputs:
        files = f"{render.plural(output.nfiles, 'file')}, " if output.nfiles is not None else ""
        state = "tracked" if output.changed else "unchanged"
        print(f"{state}: {harmless.name(repo.shown(output.path))} ({files}{render.size(output.size)})")
    session.tell_edited(repo, result.edited, "this" if changed else "these files")
