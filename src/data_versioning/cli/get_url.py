"""`dv get-url`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import main, render
from data_versioning.errors import UsageError

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv get-url /mnt/share/images           copy a file or directory here
  dv get-url remote://store/raw.csv new.csv

URLs are paths, file://, remote://NAME/path, s3://, gs://, azure://, http(s)://,
ssh://, hdfs://, webdav:// and webhdfs://; below a configured remote they get its
settings. What --fs-config asks for is handed to dvc.

To keep track of the data: dv import-url
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options and --json."""
    flag = parser.add_argument
    flag("url", help="what to copy")
    flag("out", nargs="?", help="where to put it: a new path, or a directory")
    flag("-j", "--jobs", type=int, metavar="N", help="how many files to copy at once")
    flag("-f", "--force", action="store_true", help="overwrite what is at the destination")
    flag("--fs-config", nargs="*", metavar="NAME=VALUE", help="options of the URL's store (handed to dvc)")
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Copy; inside a repository or not."""
    if args.jobs is not None and args.jobs < 1:
        raise UsageError("the number of jobs must be at least 1", hint="-j 4")
    try:
        if args.fs_config is not None:
            raise operations.sharing.ServedByDvc("--fs-config is for dvc")
        result = operations.get_url.get_url(
            operations.config.settings(),
            args.url,
            args.out,
            force=args.force,
            jobs=args.jobs,
            limits=operations.sharing.limits(operations.config.preferences()),
            progress=render.progress(args),
        )
    except operations.sharing.ServedByDvc as refused:
        return int(main.load("handoff").instead(args, refused))
    if args.json:
        render.print_json(result)
    else:
        print(f"{result.path}: {render.plural(result.files, 'file')}, {render.size(result.size)}")
    return 0
