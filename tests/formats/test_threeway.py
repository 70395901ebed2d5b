"""Merging by parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_versioning.errors import FormatError
from data_versioning.formats import lockfile, threeway
from data_versioning.formats.threeway import Texts

MAPPINGS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4)


@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_laws(base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]) -> None:
    merged, conflicts = threeway.merge(base, ours, theirs)
    other, same = threeway.merge(base, theirs, ours)
    assert set(conflicts) == set(same)
    if not conflicts:
        assert merged == other
    assert threeway.merge(base, ours, base) == (ours, [])
    assert threeway.merge(base, base, theirs)[0] == theirs
    assert threeway.merge(base, ours, ours) == (ours, [])


def pointer(md5: str, *, desc: str = "", meta: str = "", kind: str = ".dir") -> str:
    extra = (f"  desc: {desc}\n" if desc else "") + (f"meta:\n  by: {meta}\n" if meta else "")
    content = f"md5: {md5 * 32}{kind}\n  size: 1\n  nfiles: 1\n  hash: md5"
    return f"# notes\nouts:\n- {content}\n  path: data # here\n{extra}"


def combined(*sides: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"md5": "f" * 32 + ".dir", "nfiles": 9, "hash": "md5"}


def nothing(*sides: Mapping[str, Any]) -> None:
    return None


def test_both_sides_of_a_pointer() -> None:
    texts = Texts(base=pointer("a"), ours=pointer("b", desc="x"), theirs=pointer("a", meta="me"))
    merged = threeway.pointer(texts, nothing, file="data.dvc")
    assert merged == pointer("b", desc="x", meta="me")
    texts = Texts(base=pointer("a"), ours=pointer("b"), theirs=pointer("c"))
    assert threeway.pointer(texts, nothing, file="data.dvc") is None
    merged = threeway.pointer(texts, combined, file="data.dvc")
    assert merged is not None
    assert "# notes" in merged
    assert f"md5: {'f' * 32}.dir\n  nfiles: 9\n" in merged
    assert "size" not in merged
    assert (
        threeway.pointer(Texts(base="", ours=pointer("b"), theirs=pointer("b")), nothing, file="x")
        is not None
    )


def test_pointers_that_are_no_match() -> None:
    for ours, theirs in (
        (pointer("b", desc="x"), pointer("b", desc="y")),
        (pointer("b").replace("path: data", "path: one"), pointer("b").replace("path: data", "path: other")),
        (pointer("b"), "outs: []\n"),
        (pointer("b"), pointer("c") + "deps:\n- path: x\n"),
    ):
        texts = Texts(base=pointer("a"), ours=ours, theirs=theirs)
        assert threeway.pointer(texts, nothing, file="data.dvc") is None
    with pytest.raises(FormatError):
        threeway.pointer(Texts(base="", ours="a: [", theirs=""), nothing, file="data.dvc")


def lock(**commands: str) -> str:
    stages = "".join(f"  {name}:\n    cmd: run {cmd}\n" for name, cmd in commands.items())
    return f"schema: '2.0'\nstages:\n{stages}"


def test_a_lock_file_by_stages() -> None:
    texts = Texts(
        base=lock(a="1", b="1", c="1"), ours=lock(a="2", b="1", c="1"), theirs=lock(b="2", d="1", a="1")
    )
    merged = threeway.lock_file(texts, file="dvc.lock")
    assert merged.conflicts == ()
    assert merged.texts.ours == merged.texts.base == merged.texts.theirs
    assert {name: one.cmd for name, one in lockfile.parse(merged.texts.ours, file="").items()} == {
        "a": "run 2", "b": "run 2", "d": "run 1",
    }  # fmt: skip


def test_a_stage_that_ran_on_both_sides() -> None:
    texts = Texts(base=lock(a="1", b="1"), ours=lock(a="2", b="1"), theirs=lock(a="3", b="2"))
    merged = threeway.lock_file(texts, file="dvc.lock")
    assert merged.conflicts == ("a",)
    assert merged.texts == Texts(base=lock(a="1", b="2"), ours=lock(a="2", b="2"), theirs=lock(a="3", b="2"))
    removed = threeway.lock_file(
        Texts(base=lock(a="1"), ours=lock(a="2"), theirs="schema: '2.0'\n"), file="x"
    )
    assert removed.conflicts == ("a",)
    assert "cmd" not in removed.texts.theirs


def test_lock_files_that_begin() -> None:
    merged = threeway.lock_file(Texts(base="", ours=lock(a="1"), theirs=lock(b="1")), file="dvc.lock")
    assert merged.conflicts == ()
    assert merged.texts.ours == lock(a="1", b="1")
