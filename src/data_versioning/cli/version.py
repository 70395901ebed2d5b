"""`dv version`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import render

EPILOG = """examples:
  dv version             for a bug report
  dv version --json      for a program
  dv --version           the number alone
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --json."""
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the facts."""
    facts = operations.version.version()
    if args.json:
        render.print_json(facts)
    else:
        print("\n".join(lines(facts)))
    return 0


def lines(facts: operations.version.Version) -> list[str]:
    """Return the facts as text, as DVC orders them."""
    title = f"data-versioning version: {facts.version}"
    found = [
        title,
        "-" * len(title),
        f"Platform: Python {facts.python} on {facts.platform}",
        f"Native extension: {'yes' if facts.native else 'no (slower, same results)'}",
        f"dvc: {facts.dvc or 'not found: `pip install data-versioning[dvc]` for the commands handed to it'}",
        "Libraries:",
        *(f"\t{name} = {number}" for name, number in facts.libraries.items()),
        "Config:",
        *(f"\t{level.title()}: {path}" for level, path in facts.config_dirs.items()),
    ]
    here = facts.repository
    if here is None:
        return found
    types = (
        "known once there is a cache"
        if here.cache_types is None
        else ", ".join(here.cache_types) or "copy only"
    )
    return [
        *found,
        f"Cache types: {types}",
        f"Cache directory: {here.cache_dir} ({here.cache_file_system})",
        f"Remotes: {', '.join(here.remotes) or 'none'}",
        f"Workspace directory: {here.root} ({here.workspace_file_system})",
        f"Repo: dvc, {here.scm}",
    ]
