"""`dv import-url`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import harmless, main, notes, render, session
from data_versioning.errors import UsageError

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv import-url /mnt/share/images              copy, track, remember the origin
  dv import-url remote://store/raw.csv data/   from a remote, into data/
  dv import-url s3://bucket/images             from a bucket
  dv import-url --no-download /mnt/share/big   only record what is there
  dv import-url --to-remote /mnt/share/big     straight to the default remote

URLs are paths, file://, remote://NAME/path, s3://, gs://, azure://, http(s)://,
webdav(s)://, hdfs://, webhdfs:// and ssh://; below a configured remote they get
its settings. Others are handed to dvc, as is what --version-aware and
--fs-config ask for; and hdfs:// where the NameNode does not answer HTTP.
next: git add and commit the files it names; `dv update FILE.dvc` when the origin has changed
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options and ours."""
    flag = parser.add_argument
    flag("url", help="what to import")
    flag("out", nargs="?", help="where to put it: a new path, or a directory")
    flag("--to-remote", action="store_true", help="send it straight to the remote")
    flag("-r", "--remote", metavar="NAME", help="with --to-remote: which remote")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--no-exec", action="store_true", help="only write the pointer file")
    extent.add_argument(
        "--no-download", action="store_true", help="record what is there, but do not copy it yet"
    )
    flag("-j", "--jobs", type=int, metavar="N", help="how many files to transfer at once")
    flag("-f", "--force", action="store_true", help="overwrite what is at the destination")
    flag("--version-aware", action="store_true", help="record the version of a cloud (handed to dvc)")
    flag("--fs-config", nargs="*", metavar="NAME=VALUE", help="options of the URL's store (handed to dvc)")
    notes.add_arguments(parser)
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Import, then say what to commit."""
    options = _options(args)
    repo = session.open_repo(args)
    try:
        if args.version_aware or args.fs_config is not None:
            raise operations.sharing.ServedByDvc("--version-aware and --fs-config are for dvc")
        result = operations.import_url.import_url(
            repo, args.url, args.out, options=options, progress=render.progress(args)
        )
    except operations.sharing.ServedByDvc as refused:
        return int(main.load("handoff").instead(args, refused))
    if args.json:
        render.print_json(result)
        return 0
    done = "recorded, not downloaded" if args.no_exec or args.no_download else "imported"
    print(f"{done}: {result.origin} -> {harmless.name(repo.shown(result.path))}{_amount(result)}")
    session.tell_edited(repo, result.edited)
    return 0


def _options(args: argparse.Namespace) -> operations.import_url.ImportOptions:
    if args.to_remote and (args.no_exec or args.no_download or args.version_aware):
        raise UsageError(
            "--to-remote cannot be combined with --no-exec, --no-download or --version-aware",
            hint="dv import-url --help",
        )
    if args.remote and not args.to_remote:
        raise UsageError("--remote needs --to-remote", hint="dv import-url --to-remote -r NAME URL")
    extent = operations.import_url.Extent
    return operations.import_url.ImportOptions(
        extent=extent.REMOTE
        if args.to_remote
        else extent.DECLARED
        if args.no_exec
        else extent.HASHED
        if args.no_download
        else extent.WORKSPACE,
        force=args.force,
        remote=args.remote,
        jobs=args.jobs,
        notes=notes.given(args),
    )


def _amount(result: operations.import_url.ImportResult) -> str:
    if result.size is None:
        return ""
    files = f"{render.plural(result.nfiles, 'file')}, " if result.nfiles is not None else ""
    return f" ({files}{render.size(result.size)})"
