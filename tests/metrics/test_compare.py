from __future__ import annotations

import math
from typing import Any

import pytest

from data_versioning.errors import PathError
from data_versioning.metrics import compare
from data_versioning.metrics.compare import Change


def one(old: Any, new: Any) -> dict[str, Change]:
    return compare.compare({"f": old}, {"f": new}).get("f", {})


def test_numbers_have_a_difference() -> None:
    found = one(
        {"int": 1, "float": 0.5, "flag": True, "text": "a"}, {"int": 3, "float": 1, "flag": False, "text": 2}
    )
    assert found == {
        "flag": Change(True, False, -1),
        "float": Change(0.5, 1, 0.5),
        "int": Change(1, 3, 2),
        "text": Change("a", 2),
    }
    assert list(found) == sorted(found)


def test_absent_and_unchanged_values() -> None:
    found = one({"gone": 1, "same": 1}, {"new": 2, "same": 1.0})
    assert found == {"gone": Change(1, None), "new": Change(None, 2), "same": Change(1, 1.0, 0)}
    assert [key for key, change in found.items() if change.is_change] == ["gone", "new"]


def test_beyond_what_floats_are() -> None:
    huge = 10**400
    found = one(
        {"nan": math.nan, "inf": math.inf, "huge": 0.5, "ints": huge},
        {"nan": math.nan, "inf": math.inf, "huge": huge, "ints": huge + 1},
    )
    assert found["nan"].is_change
    assert not found["inf"].is_change
    assert math.isnan(found["inf"].difference)
    assert found["huge"] == Change(0.5, huge)
    assert found["ints"].difference == 1


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (0.5, 0.75, {"": Change(0.5, 0.75, 0.25)}),
        ("text", "other", {"": Change("text", "other")}),
        ("1", "2", {"": Change(1, 2, 1)}),
        (0.5, {"a": 1}, {"a": Change("unable to parse", 1)}),
        ({"a": 1}, 0.5, {"a": Change(1, "unable to parse")}),
        ([1], [2], {"": Change(1, 2, 1)}),
        ([1, 2], [1, 3], {"": Change([1, 2], [1, 3])}),
        ({"a": [1]}, {"a": [2]}, {"a": Change("[1]", "[2]")}),
        ({}, {}, {}),
        (PathError("x"), {"a": 1}, {"a": Change(None, 1)}),
    ],
)
def test_shapes(old: Any, new: Any, found: dict[str, Change]) -> None:
    assert one(old, new) == found


def test_files_of_one_side() -> None:
    assert compare.compare({"b": {"x": 1}}, {"a": {"y": 2}}) == {
        "a": {"y": Change(None, 2)},
        "b": {"x": Change(1, None)},
    }
