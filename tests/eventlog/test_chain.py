from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_versioning.errors import FormatError
from data_versioning.eventlog import chain
from data_versioning.eventlog.chain import Event

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(
    st.text().filter(lambda key: key not in ("seq", "prev", "hash")), VALUES, max_size=4
)


def sealed(records: list[dict[str, object]]) -> list[bytes]:
    lines, last = [], None
    for record in records:
        last, line = chain.seal(record, after=last)
        lines.append(line)
    return lines


LINES = sealed([{"verb": f"v{number}"} for number in range(6)])


@given(st.lists(RECORDS, max_size=5))
def test_what_is_sealed_is_read_back_and_whole(records: list[dict[str, object]]) -> None:
    lines = sealed(records)
    assert [chain.parse(line).record for line in lines] == records
    assert [chain.parse(line).seq for line in lines] == list(range(1, len(records) + 1))
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 and line.isascii() for line in lines)
    assert list(chain.verify(lines)) == []


def test_the_line_byte_by_byte() -> None:
    """The example of docs/design/operation-log.md."""
    (line,) = sealed([{"verb": "add", "argv": ["add", "é"]}])
    digest = "2f34a2c8ba210d18fdc5eb3ed2a7323d9d2419cdadfbae75b80ddf18c6993bab"
    assert line.decode() == f'{{"argv":["add","\\u00e9"],"hash":"{digest}","prev":"","seq":1,"verb":"add"}}\n'
    unsealed = b'{"argv":["add","\\u00e9"],"prev":"","seq":1,"verb":"add"}'
    assert hashlib.sha256(unsealed).hexdigest() == digest


def flaws(lines: list[bytes]) -> list[tuple[int, str]]:
    return [(flaw.seq, flaw.what) for flaw in chain.verify(lines)]


def test_a_changed_event() -> None:
    changed = LINES[2].replace(b"v2", b"v9")
    assert flaws([*LINES[:2], changed, *LINES[3:]]) == [(3, "its content was changed")]


def test_a_changed_event_with_its_hash_made_to_fit() -> None:
    event = chain.parse(LINES[2])
    before = chain.parse(LINES[1])
    _, forged = chain.seal({"verb": "forged"}, after=before)
    assert event.seq == chain.parse(forged).seq
    assert flaws([*LINES[:2], forged, *LINES[3:]]) == [(4, "it does not follow the event before it")]


def test_a_dropped_an_inserted_and_a_repeated_event() -> None:
    assert flaws([*LINES[:2], *LINES[3:]]) == [(3, "event 4 stands in its place")]
    assert flaws(LINES[1:]) == [(1, "event 2 stands in its place")]
    assert flaws([*LINES[:3], LINES[2], *LINES[3:]])[0] == (4, "event 3 stands in its place")
    assert flaws([LINES[1], LINES[0], *LINES[2:]])[0] == (1, "event 2 stands in its place")


@pytest.mark.parametrize(
    "garbage", [b"garbage\n", b"\0\0\0\n", b"[]\n", b'{"seq":true,"prev":"","hash":""}\n', b"\n", b"\xff\n"]
)
def test_a_damaged_line(garbage: bytes) -> None:
    assert flaws([*LINES[:2], garbage, *LINES[3:]]) == [(3, "the line is damaged")]
    assert flaws([garbage, *LINES[1:]]) == [(1, "the line is damaged")]
    with pytest.raises(FormatError):
        chain.parse(garbage)


def test_another_spelling_of_the_same_event() -> None:
    spaced = LINES[2].replace(b'"seq":3', b'"seq": 3')
    assert flaws([*LINES[:2], spaced, *LINES[3:]]) == [(3, "it is written differently than it was sealed")]


@given(position=st.integers(0, sum(map(len, LINES)) - 1), bit=st.integers(0, 7))
def test_every_flipped_bit_shows(position: int, bit: int) -> None:
    text = bytearray(b"".join(LINES))
    text[position] ^= 1 << bit
    assert list(chain.verify(bytes(text).splitlines(keepends=True)))


def test_a_record_may_not_use_the_fields_of_the_chain() -> None:
    with pytest.raises(ValueError, match="seq"):
        chain.seal({"seq": 9}, after=None)
    with pytest.raises(ValueError, match="JSON"):
        chain.seal({"x": float("nan")}, after=Event(seq=1, prev="", hash="a", record={}))
