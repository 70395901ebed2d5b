"""The repository a command works on, opened with what the command line knows."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from data_versioning.cli import render
from data_versioning.errors import ConfigError, NotInRepository

if TYPE_CHECKING:
    from data_versioning.repo import Repo

_SHOWN = 5
_ROOT = "data_versioning.operations.root"
_REPO = "data_versioning.repo"  # loaded when a repository is opened: help does without


def open_repo(args: argparse.Namespace) -> Repo:
    """Open the repository around the current directory; the engine's messages go to stderr unless --quiet."""
    try:
        return _open(args, "open")
    except NotInRepository as error:
        if found := importlib.import_module(_ROOT).below():
            more = f"   (one of {len(found)}: {', '.join(found[:_SHOWN])})" if len(found) > 1 else ""
            error.hint = f"dv --cd {found[0]} COMMAND{more}"
        raise


def open_anywhere(args: argparse.Namespace) -> Repo:
    """Open the repository around the current directory, or what is here instead: see `repo.open_anywhere`."""
    return _open(args, "open_anywhere")


def _open(args: argparse.Namespace, how: str) -> Repo:
    try:
        opened: Repo = getattr(importlib.import_module(_REPO), how)(
            argv=("dv", *args.argv), notify=teller(args), patient=args.wait_for_lock
        )
    except ConfigError as error:
        error.exit_code = ConfigError.exit_code  # whatever the command ends with when it fails itself
        raise
    return opened


def tell_edited(repo: Repo, paths: Iterable[str], what: str = "this") -> None:
    """Say how to record changed files of the repository in Git, if there are any that are not staged already."""
    if listed := " ".join(render.quote(repo.shown(path)) for path in _addable(repo, paths)):
        print(f"\nTo record {what} in Git, run:\n\n    git add {listed}")


def _addable(repo: Repo, paths: Iterable[str]) -> list[str]:
    """Return what `git add` takes: it refuses everything when one file is neither on disk nor in the index."""
    git = repo.git
    if git is None:
        return []
    places = {path: f"{repo.root}/{path}" for path in paths}
    gone = {place for place in places.values() if not os.path.lexists(place)}
    known = git.tracked(gone) if gone else gone
    is_staged = repo.settings.flag("core", "autostage")
    return [path for path, place in places.items() if place in known or not (place in gone or is_staged)]


def teller(args: argparse.Namespace) -> Callable[[str], None]:
    """Return what takes the engine's messages: to stderr unless --quiet."""
    return _silent if args.quiet else _tell


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")


def _silent(_message: str) -> None:
    """Say nothing."""
