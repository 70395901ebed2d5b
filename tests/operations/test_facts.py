"""What a pointer file can hold of what a user calls a fact."""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Any

import pytest

from data_versioning.errors import UsageError
from data_versioning.operations.facts import plain


class Size(enum.IntEnum):
    LARGE = 3


class Name(enum.StrEnum):
    NET = "net"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), (True, True), (3, 3), (0.5, 0.5), ("text", "text"), ((1, (2,)), [1, [2]]), ([], []),
        (OrderedDict(b=1, a=OrderedDict(c=2)), {"b": 1, "a": {"c": 2}}), ({1: 2, None: 3}, {"1": 2, "None": 3}),
        (Size.LARGE, 3), (Name.NET, "net"), (range(3), [0, 1, 2]),
    ],
)  # fmt: skip
def test_plain(value: object, expected: object) -> None:
    found = plain(value, "params")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [object(), len, b"bytes", {1, 2}, 1j, iter([])])
def test_what_cannot_be_written_is_named(value: Any) -> None:
    with pytest.raises(UsageError, match=r"params\.deep\.1 is a") as caught:
        plain({"deep": [0, value]}, "params")
    assert caught.value.hint
