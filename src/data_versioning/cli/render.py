"""How results look: sizes, tables, JSON, colours, and progress on a terminal; imports nothing slow."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, Protocol, TextIO

from data_versioning.cli import harmless
from data_versioning.progress import SILENT, Progress

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "bold": 1, "dim": 2}
_SAFE = frozenset("@%+=:,./-_")
_BAR = "data_versioning.cli.progress_bar"  # imports rich: only when a bar is really drawn
_PATIENCE = 1.0  # seconds before progress is shown
# What may be on the terminal now: an error has to erase it first.
_shown: list[TerminalProgress] = []


class _Arguments(Protocol):
    """What `progress` looks at in a command's arguments."""

    quiet: int


def size(count: float) -> str:
    """Return a number of bytes for people.

    >>> [size(n) for n in (0, 999, 1024, 1536, 3 * 1024**3)]
    ['0 B', '999 B', '1.0 KiB', '1.5 KiB', '3.0 GiB']
    """
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("a size has a unit")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return columns as wide as their content; numbers to the right.

    >>> print(table(["name", "files"], [["train", 12], ["test", 3]]))
    name   files
    train     12
    test       3
    """
    lines = [list(headers), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    to_right = [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(headers))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_right, strict=True)
        ).rstrip()
        for line in lines
    )


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as GitHub renders it, in the widths that DVC gives it; what would break a row is escaped.

    >>> print(markdown(["Status", "Path"], [["added", "a|b"]]))
    | Status   | Path   |
    |----------|--------|
    | added    | a\\|b   |
    """
    lines = [[_in_cell(cell) for cell in row] for row in rows]
    widths = [max([len(name) + 2, *(len(line[at]) for line in lines)]) for at, name in enumerate(headers)]
    rule = "|".join("-" * (width + 2) for width in widths)
    head, *body = (
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in (headers, *lines)
    )
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {line} |" for line in body)])


def _in_cell(text: str) -> str:
    return harmless.name(text).replace("|", "\\|")


def quote(path: str) -> str:
    r"""Return a path as it can be pasted into a shell, of which bash, zsh and others know $'…'.

    >>> print(quote("a/b"), quote("a b"), quote("it's\n"))
    a/b 'a b' $'it\'s\n'
    """
    if harmless.has_control(path):
        return f"$'{harmless.escaped(path, also=chr(39))}'"
    safe = path and all((letter.isascii() and letter.isalnum()) or letter in _SAFE for letter in path)
    return path if safe else "'" + path.replace("'", "'\"'\"'") + "'"


def plural(count: int, thing: str) -> str:
    """Return a number of things in words.

    >>> plural(1, "file"), plural(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def print_json(value: object) -> None:
    """Print `value` as JSON: one line when piped, indented on a terminal."""
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(value, indent=indent, default=_plain)
    # The only control character that `json` leaves as it is.
    sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")


def _plain(value: Any) -> object:
    """Turn a result (a slotted dataclass), a set or a path into what JSON knows."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def colour(text: str, name: str, *, stream: TextIO | None = None) -> str:
    """Return `text` in a colour if `stream` (usually stdout) is a terminal that wants colours."""
    if "NO_COLOR" in os.environ or not (stream or sys.stdout).isatty():
        return text
    return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m"


def progress(args: _Arguments) -> Progress:
    """Return what draws progress: nothing with --quiet or when stderr is not a terminal."""
    if args.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return SILENT
    shown = TerminalProgress()
    _shown.append(shown)
    return shown


def erase_progress() -> None:
    """Erase what an interrupted command left on the terminal."""
    while _shown:
        _shown.pop().finish()


class TerminalProgress:
    """Shows the current task from the first second on; nothing stays on the screen afterwards."""

    __slots__ = ("_bar", "_done", "_lock", "_task", "_timer")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._bar: Progress | None = None
        self._task: tuple[str, int | None, int | None] | None = None
        self._done = (0, 0)
        self._timer: threading.Timer | None = None

    def start(self, label: str, *, files: int | None = None, size: int | None = None) -> None:
        """Begin a task; it is drawn once the work has lasted for a second."""
        with self._lock:
            self._task, self._done = (label, files, size), (0, 0)
            if self._bar is not None:
                self._bar.start(label, files=files, size=size)
            elif self._timer is None:
                self._timer = threading.Timer(_PATIENCE, self._draw)
                self._timer.daemon = True
                self._timer.start()

    def advance(self, files: int, size: int = 0) -> None:
        """Count; may be called from any thread."""
        with self._lock:
            self._done = (self._done[0] + files, self._done[1] + size)
            if self._bar is not None:
                self._bar.advance(files, size)

    def finish(self) -> None:
        """End the task and erase it."""
        with self._lock:
            self._task = None
            if self._bar is not None:
                self._bar.finish()
                self._bar = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _draw(self) -> None:
        bar: Progress = importlib.import_module(_BAR).Bar()
        with self._lock:
            if self._task is None:
                return
            label, files, size = self._task
            bar.start(label, files=files, size=size)
            bar.advance(*self._done)
            self._bar = bar
