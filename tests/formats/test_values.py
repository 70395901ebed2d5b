"""Parameter files: the values that DVC finds in them."""

from __future__ import annotations

import math

import dpath
import pytest
from dvc.utils.serialize import PARSERS
from hypothesis import given, settings
from hypothesis import strategies as st

from data_versioning.errors import FormatError
from data_versioning.formats import values

PYTHON = '''
"""Docstring."""
import os
LR = 1e-3
EPOCHS: int = 10
name: str
a = b = 1
x, y = 1, 2
LAYERS = [64, 32]
PAIR = (1, 2)
CHOICE = {1, 2}
OPTIONS = {"a": 1, "b": {"c": [None, True]}}
BAD = {"a": os.getcwd()}
SPREAD = {**OPTIONS}
CALL = len("x")
SUM = 1 + 2
NEGATIVE = -1
COMPLEX = 1 + 2j
TEXT = "a" "b"
F = f"{LR}"
UNHASHABLE = {[1]: 2}
EMPTY = set()
os.x = 1
self.z = 3
class Train:
    epochs = 3
    class Inner:
        deep = "x"
    def __init__(self, n):
        self.lr = 0.1
        self.n = n
        local = 5
        self.annotated: int = 7
        self.a.b = 1
    def other(self):
        self.no = 1
def __init__():
    self.top = 9
def function():
    inside = 1
if True:
    conditional = 1
LR = 2e-3
'''

TOML = """
lr = 1e-3
big = 1_000
hex = 0xff
day = 2001-01-01
when = 2001-01-01T10:00:00Z
clock = 10:00:00
special = [inf, nan]
list = [1, "a", {x = 1}]
[train]
epochs = 3
"a.b" = 1
[[items]]
n = 1
[[items]]
n = 2
"""

JSON = '{"lr": 1e-3, "list": [1, null, {"a": true}], "nan": NaN, "big": 12345678901234567890, "é": "\\u00e9"}'


def same(ours: object, theirs: object) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(map(same, ours.values(), theirs.values()))
    if isinstance(ours, (list, tuple)) and type(ours) is type(theirs):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and math.isnan(ours):
        return isinstance(theirs, float) and math.isnan(theirs)
    return type(ours) is type(theirs) and ours == theirs


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".py", PYTHON.replace("UNHASHABLE", "# UNHASHABLE")),  # DVC ends there with a traceback
        (".py", ""),
        (".toml", TOML),
        (".toml", ""),
        (".json", JSON),
        (".json", "[]"),
        (".json", "0"),
        (".yaml", "a: 1e-3\nb: on\nc: [1, 2]\n"),
        (".yaml", ""),
        (".yml", "a: 017\n"),
        ("", "a: 1\n"),
        (".cfg", "a: 1\n"),
    ],
)
def test_values_are_those_of_dvc(suffix: str, text: str) -> None:
    ours, theirs = values.parse(text, suffix=suffix, file="p"), PARSERS[suffix](text, "p")
    assert same(ours, theirs or {}), (ours, theirs)


def test_python_file_is_not_run_and_what_is_no_constant_is_left_out() -> None:
    found = values.parse(PYTHON, suffix=".PY", file="p.py")
    assert isinstance(found, dict)
    assert "UNHASHABLE" not in found and "CALL" not in found
    assert found["Train"] == {"epochs": 3, "Inner": {"deep": "x"}, "lr": 0.1, "annotated": 7}
    assert next(iter(found)) == "LR" and found["LR"] == 2e-3


@pytest.mark.parametrize(
    ("suffix", "text", "line"),
    [
        (".py", "a = 1\nb = (\n", 2),
        (".py", "a = " + "(" * 50_000, 1),
        (".py", "a = " + "-" * 100_000 + "1", None),
        (".py", "a = 1\0", None),
        (".py", "a = " + "9" * 10_000, 1),
        (".toml", "a = 1\nb = \n", 2),
        (".toml", "a = " + "[" * 50_000, None),
        (".json", '{"a": 1,\n}', 2),
        (".json", "", 1),
        (".json", "[" * 100_000, None),
        (".json", "9" * 10_000, None),
        (".yaml", "a: 1\nb: [\n", 3),
    ],
)
def test_bad_file_is_refused_with_its_line(suffix: str, text: str, line: int | None) -> None:
    with pytest.raises(FormatError) as caught:
        values.parse(text, suffix=suffix, file=f"params{suffix}")
    assert caught.value.file == f"params{suffix}"
    assert line is None or caught.value.line == line


NESTED = st.recursive(
    st.integers(0, 9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c-d", 1]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=300)
@given(
    NESTED,
    st.lists(st.sampled_from(["a", "b", "c-d", "1", "0", "-1", "7"]), min_size=1, max_size=3).map(".".join),
)
def test_lookup_finds_what_dvc_finds(tree: object, key: str) -> None:
    tree = {"a": tree}
    missing = object()
    theirs = dpath.get(tree, key, separator=".", default=missing)
    try:
        assert values.lookup(tree, key) == theirs
    except KeyError:
        assert theirs is missing
