"""Asks the user before something is deleted."""

from __future__ import annotations

import sys

from data_versioning.errors import UsageError

DECLINED = 1


def confirmed(question: str, *, hint: str) -> bool:
    """Whether the user says yes; raises `UsageError` (exit code 1) where there is no terminal to ask on."""
    if not sys.stdin.isatty():
        error = UsageError(
            "nobody confirmed, and there is no terminal to ask on; nothing was removed", hint=hint
        )
        error.exit_code = DECLINED
        raise error
    sys.stderr.write(f"{question} [y/n]: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
