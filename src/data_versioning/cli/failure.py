"""How an error ends the program: one line, a hint, an exit code; loaded only when something failed."""

from __future__ import annotations

import difflib
import errno
import json
import os
import platform
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from typing import NoReturn

import data_versioning
from data_versioning.cli import render
from data_versioning.errors import DataVersioningError, UsageError
from data_versioning.eventlog import secrets

_UNEXPECTED = 255
_INTERRUPTED = 252
_LONGEST = 4000  # characters of a message; a hostile file can bring any number
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What the disk may refuse at any moment, wherever a command is.
_DISK_TROUBLE = {
    errno.ENOSPC: "free some space, then run the command again",
    errno.EDQUOT: "free some space, then run the command again",
    errno.EROFS: "mount it writable, then run the command again",
}
# A file that is not what it should be, or belongs to somebody else.
_FILE_TROUBLE = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.ENXIO,
    )
)
# A hint that starts with one of these is a command to run; any other one is a sentence.
_PROGRAMS = ("dv ", "git ", "pip ", "chmod ", "export ", "ls ", "rm ")


def report(error: BaseException, argv: Sequence[str]) -> int:
    """Tell about `error` on stderr (with --json: on stdout) and return the exit code.

    What nobody foresaw goes, with its traceback and the masked arguments, to a file whose path is told.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    render.erase_progress()
    if isinstance(error, KeyboardInterrupt):
        _tell("Interrupted", "interrupted by the user", None, argv)
        return _INTERRUPTED
    if isinstance(error, DataVersioningError):
        _tell(type(error).__name__, error.message, error.hint, argv)
        _show_traceback(error, argv)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _DISK_TROUBLE:
        where = f"'{error.filename}': " if error.filename else ""
        _tell("DiskError", f"{where}{error.strerror}", _DISK_TROUBLE[error.errno], argv)
        _show_traceback(error, argv)
        return _UNEXPECTED
    if isinstance(error, OSError) and error.errno in _FILE_TROUBLE and error.filename:
        hint = f"ls -ld {render.quote(os.fsdecode(error.filename))}"
        _tell("DiskError", f"'{os.fsdecode(error.filename)}': {error.strerror}", hint, argv)
        _show_traceback(error, argv)
        return _UNEXPECTED
    place = _write_report(error, argv)
    message = f"unexpected error: {type(error).__name__}: {error}"
    _tell("Unexpected", message, f"the details are in {place}" if place else None, argv)
    _show_traceback(error, argv)
    return _UNEXPECTED


def unknown_command(name: str, known: Sequence[str]) -> NoReturn:
    """Raise `UsageError` that names the command that was probably meant."""
    if not name:
        raise UsageError("which command?", hint="dv --help")
    near = difflib.get_close_matches(name, known, n=1)
    raise UsageError(
        f"{name!r} is not a command", hint=f"did you mean `dv {near[0]}`?" if near else "dv --help"
    )


def _tell(kind: str, message: str, hint: str | None, argv: Sequence[str]) -> None:
    message, hint = _shown(message), _shown(hint or "") or None
    if "--json" in argv:
        sys.stdout.write(json.dumps({"error": {"type": kind, "message": message, "hint": hint}}) + "\n")
    else:
        sys.stderr.write(f"{_red('ERROR')}: {message}\n")
        if hint:
            sys.stderr.write(f"  try: {hint}\n" if hint.startswith(_PROGRAMS) else f"  {hint}\n")


def _shown(message: str) -> str:
    """Return a message as it may be shown: of bounded length, without secrets and without control characters."""
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}…"
    return _plain(secrets.mask_text(message))


def _plain(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _red(word: str) -> str:
    return f"\x1b[31m{word}\x1b[0m" if sys.stderr.isatty() and "NO_COLOR" not in os.environ else word


def _show_traceback(error: BaseException, argv: Sequence[str]) -> None:
    wanted = {"-v", "-vv", "--verbose"} & set(argv) or os.environ.get("DVC_SHOW_TRACEBACK")
    if wanted:
        sys.stderr.write(_plain(secrets.mask_text("".join(traceback.format_exception(error)))))


def _write_report(error: BaseException, argv: Sequence[str]) -> str | None:
    lines = [
        f"data-versioning {data_versioning.__version__}",
        f"Python {platform.python_version()} on {platform.platform()}",
        "dv " + " ".join(secrets.mask_argv(argv)),
        secrets.mask_text("".join(traceback.format_exception(error))),
    ]
    for directory in _report_directories():
        name = f"report-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        path = os.path.join(directory, name)
        try:
            os.makedirs(directory, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write("\n".join(lines))
        except OSError:
            continue
        return path
    return None


def _report_directories() -> list[str]:
    """Where a report may go: the repository's temporary directory, else the system's."""
    places = []
    try:
        place = os.getcwd()
        while place != os.path.dirname(place):
            if os.path.isdir(os.path.join(place, ".dvc")):
                places.append(os.path.join(place, ".dvc", "tmp", "dv"))
                break
            place = os.path.dirname(place)
    except OSError:
        pass  # the current directory is gone: the system's will do
    return [*places, tempfile.gettempdir()]
