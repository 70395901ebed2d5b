"""What garbage collection decides to remove, and what it removes."""

from __future__ import annotations

import os
import stat
from hashlib import md5
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_versioning.errors import DiskError
from data_versioning.localfs.walk import RECORD, Listing, walk
from data_versioning.objects import gc

NOW = 2_000_000_000.0
OLD = NOW - 2 * gc.GRACE
A, B, C = (md5(text).hexdigest() for text in (b"a", b"b", b"c"))


def listing(*files: tuple[str, float], inodes: dict[str, int] | None = None, flags: int = 0) -> Listing:
    """Files of three bytes with these names and times of change."""
    names, stats = b"", b""
    for number, (name, touched) in enumerate(sorted(files)):
        time = int(touched * 1e9)
        inode = (inodes or {}).get(name, number)
        names += name.encode() + b"\0"
        stats += RECORD.pack(inode, 3, time, time, stat.S_IFREG | 0o444, flags)
    return Listing.of(names, stats)


def name(value: str) -> str:
    return f"{value[:2]}/{value[2:]}"


def plan(files: Listing, *used: str, grace: float = 0.0) -> gc.Sweep:
    return gc.plan("/cache", files, {value.encode() for value in used}, now=NOW, grace=grace)


def test_ids_are_found_in_every_spelling_and_commit_ids_are_not() -> None:
    text = f"outs:\n- md5: {A}.dir\n- {{md5: '{B.upper()}'}}\n  rev_lock: {'a' * 40}\n  sha: {'b' * 64}\n"
    assert gc.ids_in(text.encode()) == {f"{A}.dir".encode(), B.encode()}


def test_members_are_the_files_of_a_listing_with_the_right_content_only() -> None:
    content = f'[{{"md5": "{A}", "relpath": "{C}"}}, {{"md5": "{B}", "relpath": "y"}}]'.encode()
    oid = md5(content).hexdigest().encode() + b".dir"
    assert set(gc.members(content, oid) or []) >= {A.encode(), B.encode()}
    assert gc.members(content + b" ", oid) is None


def test_members_of_a_listing_with_odd_spelling_are_not_missed() -> None:
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in A)
    content = f'[{{"md5":"{escaped}","relpath":"x"}}, {{"relpath": "{{", "md5": "{B}"}}]'.encode()
    oid = md5(content).hexdigest().encode() + b".dir"
    assert gc.members(content, oid) == [A.encode(), B.encode()]
    broken = b'{"md5": 1}'
    assert gc.members(broken, md5(broken).hexdigest().encode() + b".dir") is None


def test_used_objects_stay_and_unused_ones_go_listings_apart() -> None:
    files = listing((name(A), OLD), (name(B), OLD), (name(C) + ".dir", OLD), (name(A) + ".dir", OLD))
    sweep = plan(files, A, A + ".dir")
    assert sweep.objects() == [C + ".dir", B]
    assert (sweep.count, sweep.kept, sweep.size) == (2, 2, 6)


def test_what_is_no_object_is_left_alone() -> None:
    strange = [
        "README",
        "ab/README",
        "abc/" + "0" * 29,
        "AB/" + "0" * 30,
        "ab/" + "0" * 30 + ".dir.unpacked/x",
    ]
    assert plan(listing(*((text, OLD) for text in strange))).count == 0


def test_unfinished_writes_go_after_a_day() -> None:
    token = ".abcdefghij-_klmnopqrstu.tmp"
    files = listing((f"ab/{token}", OLD), (f"cd/{token}", NOW - 3600), (token, OLD))
    sweep = plan(files)
    assert sweep.leftovers.paths() == [token, f"ab/{token}"]
    assert sweep.count == 0


def test_grace_keeps_what_was_touched_lately() -> None:
    files = listing((name(A), NOW - gc.GRACE + 60), (name(B), NOW - gc.GRACE - 60))
    sweep = plan(files, grace=gc.GRACE)
    assert sweep.objects() == [B]
    assert (sweep.young, sweep.kept) == (1, 1)


def test_without_grace_even_an_object_of_the_future_goes() -> None:
    assert plan(listing((name(A), NOW + 60))).objects() == [A]


def test_what_a_used_link_points_to_stays() -> None:
    link = listing((name(A), OLD), inodes={name(A): 7}, flags=1)
    other = listing((name(B), OLD), (name(C), OLD), inodes={name(B): 7, name(C): 8})
    names = sorted(
        [(n, i, f) for f in (link, other) for i, n in enumerate(f.raw_paths())], key=lambda e: e[0]
    )
    both = Listing.of(
        b"".join(n + b"\0" for n, _, _ in names),
        b"".join(f.stats[i * RECORD.size : (i + 1) * RECORD.size] for _, i, f in names),
    )
    assert plan(both, A).objects() == [C]


HEX = st.text("01", min_size=32, max_size=32)
OID = st.one_of(HEX, HEX.map(lambda value: value + ".dir"))


@given(objects=st.sets(OID), used=st.sets(OID))
def test_exactly_the_unused_objects_go(objects: set[str], used: set[str]) -> None:
    sweep = plan(listing(*((name(value), OLD) for value in objects)), *used)
    assert set(sweep.objects()) == objects - used
    assert sweep.kept == len(objects & used)


def test_apply_removes_and_tolerates_what_is_gone(tmp_path: Path) -> None:
    for value in (A, B, C + ".dir"):
        path = tmp_path / name(value)
        path.parent.mkdir()
        path.write_bytes(b"x")
    sweep = gc.plan(str(tmp_path), walk(str(tmp_path)), {B.encode()}, now=NOW, grace=0)
    os.unlink(tmp_path / name(A))
    gc.apply(sweep)
    assert walk(str(tmp_path)).paths() == [name(B)]


def test_apply_names_what_cannot_be_removed(tmp_path: Path) -> None:
    path = tmp_path / name(A)
    path.parent.mkdir()
    path.write_bytes(b"x")
    sweep = gc.plan(str(tmp_path), walk(str(tmp_path)), set(), now=NOW, grace=0)
    path.unlink()
    path.mkdir()
    with pytest.raises(DiskError, match=name(A)):
        gc.apply(sweep)
