"""`dv install`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import render, session

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv install                          in every copy of the repository, once
  dv install --use-pre-commit-tool    into .pre-commit-config.yaml

What Git does then: after `git checkout`, data is checked out; before `git commit`, changed data is
shown; before `git push`, data is pushed. `git merge` merges .dvc files of directories by the files
in them, and dvc.lock by its stages.

To leave hooks out once: git commit --no-verify, git push --no-verify.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's option and --json."""
    add = parser.add_argument
    add(
        "--use-pre-commit-tool",
        action="store_true",
        help="let the tool pre-commit (pre-commit.com) call the hooks",
    )
    add("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Install, and say what."""
    repo = session.open_repo(args)
    result = operations.install.install(repo, pre_commit_tool=args.use_pre_commit_tool)
    if args.json:
        render.print_json(result)
    elif not result.hooks:
        print("Nothing to install: this repository is without Git.")
    else:
        print(f"Hooks in {result.directory or result.file}: {', '.join(result.hooks)}")
        print("Merge drivers: *.dvc, dvc.lock")
        if result.file:
            types = " ".join(f"--hook-type {name}" for name in result.hooks)
            print(f"\nTo let pre-commit call them, run:\n\n    pre-commit install {types}")
    return 0
