"""How a pipeline is run, and how its stages ended: words that everybody needs, so this imports next to nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class OnError(StrEnum):
    """What becomes of the rest when a stage fails."""

    STOP = "stop"  # what runs already is waited for, nothing more begins
    KEEP_GOING = "keep going"  # all that does not need the failed stage
    IGNORE = "ignore"  # everything


class Echo(StrEnum):
    """What of a command's output is shown while it runs."""

    NOTHING = "nothing"
    PLAIN = "plain"  # as it is; the command keeps the terminal, its input too
    PREFIXED = "prefixed"  # line by line, each after the name of the stage


class Outcome(StrEnum):
    """What became of one stage."""

    RUN = "run"  # its command ran
    CACHED = "cached"  # nothing changed
    RESTORED = "restored"  # the same was run before: its outputs came from the cache
    SKIPPED = "skipped"  # it needs a stage that failed, or nothing more was begun after a failure
    FAILED = "failed"


class StageResult(NamedTuple):
    """One stage of a run; `reasons` say why it was not left as it is, `message` what went wrong."""

    stage: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int | None = None  # of the command, negative for a signal; None when none ended
    log: str | None = None  # the file with what the command printed
    message: str = ""


class StageBegun(NamedTuple):
    """A stage whose commands start now."""

    stage: str
    commands: tuple[str, ...]
    reasons: tuple[str, ...]
