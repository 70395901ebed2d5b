"""Read the operation log, and check that nobody changed it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from data_versioning.errors import UsageError
from data_versioning.eventlog.chain import Event, Flaw
from data_versioning.eventlog.local_log import Log
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """How many events the log has by the number of its last one, and where its chain does not hold."""

    events: int
    flaws: tuple[Flaw, ...]


def log(repo: Repo, *, limit: int | None = None) -> list[Event]:
    """Return the events, newest first, or only the newest `limit` ones.

    Raises `FormatError` at a damaged line; what was changed otherwise shows only in `verify`.
    """
    if limit is not None and limit < 1:
        raise UsageError("the number of operations must be at least 1", hint="dv log -n 10")
    return list(reversed(deque(_log(repo).read(), maxlen=limit)))


def verify(repo: Repo) -> LogCheck:
    """Check the whole log."""
    last = _log(repo).last()
    return LogCheck(events=last.seq if last else 0, flaws=tuple(_log(repo).verify()))


def _log(repo: Repo) -> Log:
    return Log(directory=f"{repo.durable_dir}/log")
