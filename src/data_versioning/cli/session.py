"""The repository a command works on, opened with what the command line knows."""

from __future__ import annotations

import argparse
import sys

from data_versioning import repo
from data_versioning.repo import Repo


def open_repo(args: argparse.Namespace) -> Repo:
    """Open the repository around the current directory; messages of the engine go to stderr unless --quiet."""
    return repo.open(
        argv=("dv", *args.argv), notify=_silent if args.quiet else _tell, patient=args.wait_for_lock
    )


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")


def _silent(_message: str) -> None:
    """Say nothing."""
