"""`dv root`."""

from __future__ import annotations

import argparse

from data_versioning.operations import root

EPILOG = """examples:
  cd "$(dv root)"        go to the top of the repository
"""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: the command has no arguments of its own."""


def run(_args: argparse.Namespace) -> int:
    """Print the path."""
    print(root.root())
    return 0
