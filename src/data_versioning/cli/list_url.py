"""`dv list-url`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from data_versioning import operations
from data_versioning.cli import harmless, main, render
from data_versioning.errors import UsageError

EPILOG = """examples:
  dv list-url /mnt/share                 what lies in a directory
  dv list-url -R --size remote://store   all files, with sizes
  dv list-url -T -L 2 /mnt/share         as a tree, two levels deep

URLs are paths, file://, remote://NAME/path, s3://, gs://, azure://, http(s)://,
ssh://, hdfs://, webdav:// and webhdfs://; below a configured remote they get its
settings. What --fs-config asks for is handed to dvc.
"""
_UNITS = ("", "k", "M", "G", "T", "P", "E", "Z")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options and --json."""
    flag = parser.add_argument
    flag("url", help="what to list")
    flag("-R", "--recursive", action="store_true", help="all files below the directory")
    flag("-T", "--tree", action="store_true", help="everything below the directory, as a tree")
    flag("-L", "--level", type=int, metavar="DEPTH", help="with -R or -T: not deeper than that")
    flag("--size", action="store_true", help="with sizes")
    flag("--fs-config", nargs="*", metavar="NAME=VALUE", help="options of the URL's store (handed to dvc)")
    flag("--json", action="store_true", help="print the list as JSON")


def run(args: argparse.Namespace) -> int:
    """List; inside a repository or not."""
    if args.tree and args.json:
        raise UsageError("--tree and --json do not go together", hint="dv list-url -R --json URL")
    try:
        if args.fs_config is not None:
            raise operations.sharing.ServedByDvc("--fs-config is for dvc")
        settings = operations.config.settings()
        if args.tree:
            _show(list(_drawn(operations.list_url.tree(settings, args.url, level=args.level))), args)
            return 0
        found = operations.list_url.list_url(settings, args.url, recursive=args.recursive, level=args.level)
    except operations.sharing.ServedByDvc as refused:
        return int(main.load("handoff").instead(args, refused))
    if args.json:
        render.print_json([{"path": one.path, "isdir": one.isdir, "size": one.size} for one in found])
    else:
        _show([(harmless.name(one.path), one) for one in found], args)
    return 0


def _show(lines: list[tuple[str, operations.list_url.ListedEntry]], args: argparse.Namespace) -> None:
    sizes = [_size(entry) for _, entry in lines] if args.size else []
    width = max(map(len, sizes), default=0)
    for index, (text, entry) in enumerate(lines):
        shown = render.colour(text, "bold") if entry.isdir else text
        print(f"{sizes[index].rjust(width)}  {shown}" if args.size else shown)


def _drawn(
    entry: operations.list_url.ListedEntry, prefix: str = "", branch: str = ""
) -> Iterator[tuple[str, operations.list_url.ListedEntry]]:
    """Yield the lines of a tree."""
    yield prefix + branch + harmless.name(entry.path), entry
    below = prefix + {"": "", "├── ": "│   ", "└── ": "    "}[branch]
    for number, inner in enumerate(entry.inside, 1):
        yield from _drawn(inner, below, "└── " if number == len(entry.inside) else "├── ")


def _size(entry: operations.list_url.ListedEntry) -> str:
    if entry.size is None or (entry.isdir and not entry.size):
        return ""
    return short_size(entry.size)


def short_size(count: float) -> str:
    """Return a number of bytes in at most five characters, as DVC's lists show it.

    >>> [short_size(n) for n in (0, 1023, 1024, 4096, 123456, 99.99 * 1024**2)]
    ['0', '1023', '1.00k', '4.00k', '121k', '100M']
    """
    if count < 1024:
        return f"{count:.0f}"
    for unit in _UNITS:
        if count < 999.5:
            digits = 2 if count < 9.995 else 1 if count < 99.95 else 0
            return f"{count:.{digits}f}{unit}"
        count /= 1024
    return f"{count:.1f}Y"
