"""`dv list`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from data_versioning import operations
from data_versioning.cli import harmless, origins, render
from data_versioning.errors import UsageError

if TYPE_CHECKING:
    from data_versioning.operations.list import Branch, Listed

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv list .                                  files and data, side by side
  dv list -R --size https://example.org/r.git data
  dv list --rev v1 --dvc-only -T ../registry

next: dv get URL PATH downloads, dv import URL PATH downloads and tracks
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options."""
    flag = parser.add_argument
    flag("url", help="path or Git URL of a repository")
    flag("path", nargs="?", help="a directory or file in it (default: its top)")
    flag("-R", "--recursive", action="store_true", help="also everything below")
    flag("-T", "--tree", action="store_true", help="show everything below as a tree")
    flag("-L", "--level", type=int, metavar="N", help="with -R or -T: only N directories deep")
    flag("--dvc-only", action="store_true", help="only data, not what is in Git")
    origins.add_arguments(parser)
    flag("--size", action="store_true", help="show sizes")
    flag("--show-hash", action="store_true", help="show the hashes of data")
    flag("--json", action="store_true", help="print the list as JSON")


def run(args: argparse.Namespace) -> int:
    """List."""
    if args.tree and args.json:
        error = UsageError("--tree and --json exclude each other", hint="dv list --json -R")
        error.exit_code = 255  # as DVC ends
        raise error
    options = operations.list.ListOptions(recursive=args.recursive, dvc_only=args.dvc_only, level=args.level)
    asked = (origins.origin(args), args.path or "")
    if args.tree:
        top = operations.list.list_tree(*asked, options=options, asking=origins.asking(args))
        _print_rows([_row(name, entry, args) for name, entry in _drawn(top)], sizes=args.size)
        return 0
    found = operations.list.list_entries(*asked, options=options, asking=origins.asking(args))
    if args.json:
        render.print_json([_as_json(entry) for entry in found])
    else:
        _print_rows([_row(harmless.name(entry.path), entry, args) for entry in found], sizes=args.size)
    return 0


def _as_json(entry: Listed) -> dict[str, object]:
    return {
        "isout": entry.is_out,
        "isdir": entry.is_dir,
        "isexec": entry.is_executable,
        "size": entry.size,
        "md5": entry.md5,
        "path": entry.path,
    }


def _row(name: str, entry: Listed, args: argparse.Namespace) -> list[str]:
    size = "" if entry.size is None or (entry.is_dir and not entry.size) else _short(entry.size)
    return [*([size] if args.size else []), *([entry.md5 or "-"] if args.show_hash else []), name]


def _short(count: float) -> str:
    """Return a size in three digits, as DVC writes it.

    >>> [_short(count) for count in (139, 4096, 12345, 1023 * 1024, 5 * 1024**2)]
    ['139', '4.00k', '12.1k', '1.00M', '5.00M']
    """
    if count < 1024:
        return f"{count:.0f}"
    for unit in ("", "k", "M", "G", "T", "P", "E", "Z"):
        if abs(count) < 999.5:
            digits = 2 if abs(count) < 9.995 else 1 if abs(count) < 99.95 else 0
            return f"{count:.{digits}f}{unit}"
        count /= 1024
    return f"{count:.1f}Y"


def _print_rows(rows: list[list[str]], *, sizes: bool) -> None:
    """Print columns, sizes (the first one) to the right."""
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for *cells, name in rows:
        padded = [
            cell.rjust(width) if sizes and at == 0 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        print("  ".join([*padded, name]))


def _drawn(branch: Branch, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Listed]]:
    if not depth:
        yield harmless.name(branch.entry.path), branch.entry
    inside: Mapping[str, Branch] = branch.contents or {}
    for at, (name, inner) in enumerate(inside.items(), 1):
        is_last = at == len(inside)
        yield f"{prefix}{'└── ' if is_last else '├── '}{harmless.name(name)}", inner.entry
        yield from _drawn(inner, prefix + ("    " if is_last else "│   "), depth + 1)
