"""How the stages of a pipeline ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one stage."""

    RUN = "run"  # its command ran
    CACHED = "cached"  # nothing changed
    RESTORED = "restored"  # the same was run before: its outputs came from the cache
    SKIPPED = "skipped"  # it needs a stage that failed, or nothing more was begun after a failure
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """One stage of a run; `reasons` say why it was not left as it is, `message` what went wrong."""

    stage: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int | None = None  # of the command, negative for a signal; None when none ended
    log: str | None = None  # the file with what the command printed
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBegun:
    """A stage whose commands start now."""

    stage: str
    commands: tuple[str, ...]
    reasons: tuple[str, ...]
