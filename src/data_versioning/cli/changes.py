"""What `dv metrics` and `dv params` print alike: DVC's JSON and tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data_versioning.cli import render
from data_versioning.errors import DataVersioningError, FormatError

if TYPE_CHECKING:
    from data_versioning.repo import Repo

ABSENT = "-"
PRECISION = 5
# DVC's names of errors in its JSON, by the suffix of the file that cannot be understood.
_DAMAGED = {
    ".json": "JSONFileCorruptedError",
    ".toml": "TOMLFileCorruptedError",
    ".py": "PythonFileCorruptedError",
}


def add_revisions(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare the two revisions and the options that both comparisons have."""
    flag = parser.add_argument
    flag("a_rev", nargs="?", default="HEAD", help="old revision (default: HEAD)")
    flag("b_rev", nargs="?", default="workspace", help="new revision (default: the workspace)")
    flag("--targets", nargs="*", default=[], metavar="PATH", help="only these files, declared or not")
    flag("--all", action="store_true", help=f"also {what} that did not change")
    flag("--no-path", action="store_true", help="without the column of the files")
    add_format(parser)


def add_format(parser: argparse.ArgumentParser) -> None:
    """Declare how to print."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--md", action="store_true", help="print a Markdown table")


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Declare how many digits a number shows."""
    parser.add_argument(
        "--precision",
        type=int,
        metavar="N",
        help=f"digits behind the decimal point (default: {PRECISION})",
    )


def tell(errors: Iterable[tuple[str, DataVersioningError]]) -> None:
    """Say on stderr what could not be read of which side, and why; the exit code stays 0, as in DVC."""
    for name, error in errors:
        where = f"{name}: " if name else ""
        hint = f"   ({error.hint})" if error.hint else ""
        sys.stderr.write(f"{where}{error.message}{hint}\n")


def in_json(value: Any, path: str = "") -> Any:
    """Return values, or an error in their place, as DVC's JSON has them."""
    if isinstance(value, DataVersioningError):
        return {"error": {"type": kind(value, path), "msg": value.message}}
    return {"data": value}


def kind(error: DataVersioningError, path: str) -> str:
    """Return DVC's name for an error that reading the file `path` met."""
    if not isinstance(error, FormatError):
        return "FileNotFoundError"
    if isinstance(error.__cause__, UnicodeDecodeError):
        return "EncodingError"
    suffix = path[path.rfind(".") :].lower()
    return _DAMAGED.get(suffix, "YAMLFileCorruptedError")


def seen(repo: Repo, changes: Mapping[str, Mapping[str, Any]], *, unchanged: bool) -> dict[str, Any]:
    """Return changes by the path that the user sees, `unchanged` values too if wanted; DVC's order."""
    found = {}
    for path, inside in changes.items():
        chosen = {key: change for key, change in inside.items() if unchanged or change.is_change}
        if chosen:
            found[repo.shown(path)] = chosen
    return found


def print_changes(changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Print DVC's JSON."""
    render.print_json(
        {
            path: {
                key: {"old": old, "new": new} | ({} if difference is None else {"diff": difference})
                for key, (old, new, difference) in inside.items()
            }
            for path, inside in changes.items()
        }
    )


def rows(changes: Mapping[str, Mapping[str, Any]], precision: int | None) -> list[list[str]]:
    """Return file, key, old, new and difference as text."""
    return [
        [path, key, *(cell(value, precision) for value in change)]
        for path, inside in changes.items()
        for key, change in inside.items()
    ]


def cell(value: Any, precision: int | None) -> str:
    """Return a value as it stands in a table; None: all digits.

    >>> cell(0.123456789, 5), cell(None, 5), cell(3, 5)
    ('0.12346', '-', '3')
    """
    if value is None:
        return ABSENT
    return str(round(value, precision) if isinstance(value, float) and precision else value)


def print_table(headers: Sequence[str], lines: Iterable[Sequence[str]], *, markdown: bool) -> None:
    """Print a table; without lines only the head of a Markdown table, as DVC does."""
    lines = list(lines)
    if markdown:
        print(render.markdown(headers, lines) + "\n")
    elif lines:
        print(render.table(headers, [[text.replace("\n", " ") for text in line] for line in lines]))
