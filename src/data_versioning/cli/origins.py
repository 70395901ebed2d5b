"""What the commands that read another repository share: its address and the changes to its settings."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from data_versioning import operations
from data_versioning.cli import main, session

if TYPE_CHECKING:
    from data_versioning.operations.external import Asking
    from data_versioning.operations.origin import Origin

_REPO = "data_versioning.repo"  # loaded when the command is carried out: help does without


class _Pairs(argparse.Action):
    """Collects KEY=VALUE arguments."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        found = dict(getattr(namespace, self.dest) or {})
        for pair in values or ():
            key, _, value = str(pair).partition("=")
            if not key or not value:
                raise argparse.ArgumentError(self, f"KEY=VALUE is expected, not {pair!r}")
            found[key] = value
        setattr(namespace, self.dest, found)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options for another repository."""
    flag = parser.add_argument
    flag("--rev", nargs="?", metavar="COMMIT", help="commit, branch or tag (default: the newest)")
    flag("--config", metavar="FILE", help="configuration to add to that of the other repository")
    flag("--remote", metavar="NAME", help="which of its remotes to use instead of its default one")
    flag(
        "--remote-config",
        nargs="*",
        action=_Pairs,
        metavar="KEY=VALUE",
        help="options to add to those of the remote",
    )


def origin(args: argparse.Namespace) -> Origin:
    """Return which repository is meant."""
    return operations.origin.typed(
        args.url,
        rev=args.rev or None,
        config=args.config,
        remote=args.remote,
        remote_config=args.remote_config,
    )


def asking(args: argparse.Namespace) -> Asking:
    """Return how long to wait for other processes: as for a lock of a repository."""
    timeout = float("inf") if args.wait_for_lock else importlib.import_module(_REPO).lock_timeout()
    return operations.external.Asking(timeout=timeout, waiting=session.teller(args))


def or_hand_over(args: argparse.Namespace, work: Callable[[], int]) -> int:
    """Do the work, or leave the whole command to `dvc` where only that reaches the data; it does not know --json."""
    try:
        return work()
    except operations.sharing.ServedByDvc:
        if args.json:
            raise
        return int(main.load("handoff").run(args.argv))
