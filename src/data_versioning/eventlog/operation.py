"""The record of one command in the operation log: who, when, what, how it ended. Nothing secret is in it."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, Self

from data_versioning.eventlog import secrets

_LONGEST_TEXT = 2000  # characters of one argument or of the error
_MOST_ARGUMENTS = 200


class Outcome(StrEnum):
    """How a command ended."""

    OK = "ok"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class PointerChange(NamedTuple):
    """A pointer file and the MD5 of its content before and after; None where it did not exist."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One command; `time` is when it began, UTC in ISO 8601; `head` and `branch` are Git's at that time.

    `place` tells work trees and projects that share a log apart. `kept` names what is needed to undo it (`kept.load`),
    and `undoes` is the number of the operation that it undid.
    """

    verb: str
    argv: tuple[str, ...]
    time: str
    user: str
    host: str
    pid: int
    version: str
    head: str | None = None
    branch: str | None = None
    outcome: Outcome = Outcome.OK
    error: str | None = None
    pointers: tuple[PointerChange, ...] = ()
    place: str = ""
    kept: str | None = None
    undoes: int | None = None

    @classmethod
    def begin(
        cls,
        verb: str,
        argv: Sequence[str],
        *,
        version: str,
        head: str | None = None,
        branch: str | None = None,
        place: str = "",
    ) -> Self:
        """Describe the command that this process begins now; secrets are taken out of `argv`."""
        now = time.time()
        return cls(
            verb=verb,
            argv=_shortened(argv),
            time=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z",
            user=_user(),
            host=os.uname().nodename,
            pid=os.getpid(),
            version=version,
            head=head,
            branch=branch,
            place=place,
        )

    def end(
        self,
        outcome: Outcome,
        *,
        error: str | None = None,
        pointers: Sequence[PointerChange] = (),
        kept: str | None = None,
        undoes: int | None = None,
    ) -> Self:
        """Return the operation with how it ended; secrets are taken out of `error`."""
        text = None if error is None else secrets.mask_text(error[: 2 * _LONGEST_TEXT])[:_LONGEST_TEXT]
        return replace(self, outcome=outcome, error=text, pointers=tuple(pointers), kept=kept, undoes=undoes)

    def record(self) -> dict[str, object]:
        """Return what the log stores."""
        return {
            "verb": self.verb,
            "argv": list(self.argv),
            "time": self.time,
            "user": self.user,
            "host": self.host,
            "pid": self.pid,
            "version": self.version,
            "head": self.head,
            "branch": self.branch,
            "outcome": self.outcome.value,
            "error": self.error,
            "pointers": [list(change) for change in self.pointers],
            "place": self.place,
            "kept": self.kept,
            "undoes": self.undoes,
        }


def _shortened(argv: Sequence[str]) -> tuple[str, ...]:
    masked = secrets.mask_argv([text[: 2 * _LONGEST_TEXT] for text in argv[:_MOST_ARGUMENTS]])
    shown = (text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…" for text in masked)
    left_out = len(argv) - _MOST_ARGUMENTS
    return (*shown, f"… {left_out} more") if left_out > 0 else tuple(shown)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user id without a name, as in many containers
        return str(os.getuid())
