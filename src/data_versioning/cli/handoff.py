"""Passes the commands that are DVC's alone to the program `dvc`, with the same arguments.

Starts a process. Changes to the repository get a record in the operation log; committed configuration that
would start a program stops the command before `dvc` sees it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Sequence

from data_versioning import repo
from data_versioning.cli import main, session
from data_versioning.errors import DataVersioningError, HandoffError, NotInRepository
from data_versioning.operations import trusted

_INTERRUPTED = 252
# Commands, and sub-commands, that leave the repository as it is, and so leave no record.
_READING = frozenset({"daemon", "du", "get", "get-url", "list", "list-url", "ls", "ls-url"} | {"test-db"})
_READING_PARTS = {
    "exp": {"diff", "list", "ls", "show"},
    "experiments": {"diff", "list", "ls", "show"},
    "plots": {"diff"},
    "queue": {"logs", "status"},
    "studio": {"login", "logout", "token"},
}


class _DvcError(Exception):
    """Ends the record of a command that `dvc` ended with a code other than 0."""


def run(argv: Sequence[str]) -> int:
    """Run `dvc` with `argv` and return its exit code; a reading command replaces this process.

    Raises `HandoffError` when there is no `dvc`, `ConfigError` when the committed configuration is not
    trusted.
    """
    program = find()
    root = _root(argv)
    if root is not None:
        trusted.refuse_programs(root)
    if root is None or not changes_repository(argv):
        sys.stdout.flush()
        os.execv(program, [program, *argv])  # noqa: S606 (the arguments are the user's own)
    return _recorded(repo.open(root), program, argv)


def instead(args: argparse.Namespace, refused: DataVersioningError) -> int:
    """Leave a command that we refused to `dvc`; it does not know --json, so with that the refusal is the error."""
    if args.json:
        if not _is_avoidable(refused):
            command = args.argv[main.options_before_command(args.argv)]
            refused.hint = f"without --json, dv {command} hands over to dvc"
        raise refused
    tell(args, refused)
    return run(args.argv)


def tell(args: argparse.Namespace, refused: DataVersioningError) -> None:
    """Say why `dvc` is asked, where the user may want to change that."""
    if _is_avoidable(refused):
        session.teller(args)(f"dvc is asked instead: {refused.message}\n  {refused.hint}")


def _is_avoidable(refused: DataVersioningError) -> bool:
    return isinstance(refused, HandoffError) and refused.is_avoidable


def _recorded(repository: repo.Repo, program: str, argv: Sequence[str]) -> int:
    code = _INTERRUPTED
    words = argv[main.options_before_command(argv) :]
    with contextlib.suppress(_DvcError, KeyboardInterrupt), repository.handed_over(words):
        code = _spawn(program, argv)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            raise _DvcError(f"dvc ended with code {code}")
    return code


def find() -> str:
    """Return the program `dvc`: the one of this Python environment, else the first on PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "dvc")
    found = beside if os.access(beside, os.X_OK) else shutil.which("dvc")
    if found is None:
        raise HandoffError(
            "this command is passed to the program dvc, which is not installed",
            hint="pip install 'data-versioning[dvc]'",
        )
    return found


def changes_repository(argv: Sequence[str]) -> bool:
    """Whether the command may change the repository; anything unknown does.

    >>> [changes_repository(a.split()) for a in ("repro", "dag --dot", "-q exp show", "exp run", "repro -h")]
    [True, False, False, True, False]
    """
    if {"-h", "--help"} & set(argv):
        return False
    name, *rest = argv[main.options_before_command(argv) :]
    subcommand = next((word for word in rest if not word.startswith("-")), None)
    return name not in _READING and subcommand not in _READING_PARTS.get(name, set())


def _root(argv: Sequence[str]) -> str | None:
    """Return the repository in which `dvc` will work: `--cd` before the command moves it."""
    leading = argv[: main.options_before_command(argv)]
    place = leading[leading.index("--cd") + 1] if "--cd" in leading else "."
    try:
        return repo.find_root(place)
    except NotInRepository:
        return None


def _spawn(program: str, argv: Sequence[str]) -> int:
    """Run `dvc` and wait; it gets the signals that we get, and its end decides ours."""
    sys.stdout.flush()
    signals = {signal.SIGINT, signal.SIGTERM}
    # A signal that comes before the child can get it waits until it can.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        child = os.posix_spawn(program, [program, *argv], os.environ, setsigmask=[])
        # The terminal sends Ctrl-C to both: dvc cleans up, and we wait for it.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    _, status = os.waitpid(child, 0)
    # What is left, the record, is quick: it is not to be lost.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
