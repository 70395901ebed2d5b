"""Numbered events, each sealed with the hash of the one before: changing, dropping or inserting one shows.

An event is one line: a JSON object with sorted keys, ASCII only, no spaces. `seq` counts from 1, `prev` is
the `hash` of the event before ("" for the first), `hash` the SHA-256 of the same line without `hash`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from data_versioning.errors import FormatError

_HINT = "compare the line with docs/design/operation-log.md"
_END = 1 << 53  # whole numbers up to here are the same to everybody who reads JSON
_RESERVED = frozenset(("seq", "prev", "hash"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One sealed record; `record` is what was appended, without the three fields of the chain."""

    seq: int
    prev: str
    hash: str
    record: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Where a chain does not hold: the number the event should have, and what is wrong with it."""

    seq: int
    what: str


def seal(record: Mapping[str, object], *, after: Event | None) -> tuple[Event, bytes]:
    """Return the event that follows `after` and its line."""
    if _RESERVED & record.keys():
        raise ValueError(f"{sorted(_RESERVED & record.keys())} belong to the chain")
    seq, prev = (after.seq + 1, after.hash) if after else (1, "")
    body = dict(record) | {"seq": seq, "prev": prev}
    digest = hashlib.sha256(_canonical(body)).hexdigest()
    event = Event(seq=seq, prev=prev, hash=digest, record=dict(record))
    return event, _canonical(body | {"hash": digest}) + b"\n"


def parse(line: bytes) -> Event:
    """Read one line without checking its hash. Raises `FormatError` when it is no event."""
    try:
        values = json.loads(line)
        chain = (values.pop("seq"), values.pop("prev"), values.pop("hash"))
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise FormatError("not an event", hint=_HINT) from error
    match chain:
        case (int(seq), str(prev), str(digest)) if not isinstance(seq, bool) and 0 < seq < _END:
            return Event(seq=seq, prev=prev, hash=digest, record=values)
    raise FormatError("not an event", hint=_HINT)


def verify(lines: Iterable[bytes]) -> Iterator[Flaw]:
    """Report every place where the chain does not hold; nothing when it is whole.

    After a flaw the check goes on from the event that stands there, so each damage is reported once.
    """
    last: Event | None = None
    for number, line in enumerate(lines, 1):
        expected = last.seq + 1 if last else number
        try:
            event = parse(line)
        except FormatError:
            yield Flaw(seq=expected, what="the line is damaged")
            last = Event(seq=expected, prev="", hash="", record={})
            continue
        if flaw := _flaw(event, line, last, expected):
            yield Flaw(seq=expected, what=flaw)
        last = event


def _flaw(event: Event, line: bytes, last: Event | None, expected: int) -> str | None:
    previous = last.hash if last else ""
    if event.seq != expected:
        return f"event {event.seq} stands in its place"
    if last and not last.hash:
        previous = event.prev  # the line before is damaged and was reported
    if event.prev != previous:
        return "it does not follow the event before it"
    body = dict(event.record) | {"seq": event.seq, "prev": event.prev}
    try:
        sealed, whole = _canonical(body), _canonical(body | {"hash": event.hash})
    except (ValueError, RecursionError):  # "NaN", for example: never written
        return "its content was changed"
    if hashlib.sha256(sealed).hexdigest() != event.hash:
        return "its content was changed"
    if whole != line.rstrip(b"\n"):
        return "it is written differently than it was sealed"
    return None


def _canonical(values: Mapping[str, object]) -> bytes:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")
