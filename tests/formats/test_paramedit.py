"""Parameters set in the text of their files."""

from __future__ import annotations

import doctest

import pytest

from data_versioning.errors import UsageError
from data_versioning.formats import explain, paramedit

YAML = """# top
a:   1
lr: 0.10   # rate
none:
net: &net {layers: [1, 2,  3]}
same: *net
nested:
  - x: 'single'
    "y": "double"
  - n: null
é: "ü"   # ö
text: |
  two
  lines
"""
JSON = '{\n    "a": 1.50,\n\t"b": {"c": [1, 2], "é": 1e-4}\n}'


def test_doctests() -> None:
    assert doctest.testmod(explain).failed == doctest.testmod(paramedit).failed == 0


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("lr", "1e-4", "lr: 0.10 ", "lr: 1e-4 "),
        ("a", "true", "a:   1", "a:   true"),
        ("none", "5", "none:", "none: 5"),
        ("net.layers", "[4]", "[1, 2,  3]", "[4]"),
        ("net.layers.1", "9", "[1, 2,  3]", "[1, 9,  3]"),
        ("nested.0.x", "it is", "'single'", "it is"),
        ("nested.1.n", "0x10", "null", "0x10"),
        ("é", "ä", '"ü"', "ä"),
        ("lr", "", "lr: 0.10 ", "lr: '' "),
    ],
)
def test_only_the_value_changes_in_yaml(key: str, value: str, old: str, new: str) -> None:
    assert _set(YAML, key, value, ".yaml") == YAML.replace(old, new)


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("a", "2.50", "1.50", "2.50"),
        ("b.é", "5e-5", "1e-4", "5e-5"),
        ("b.c", "[3]", "[1, 2]", "[3]"),
        ("b.c.0", "7", "[1, 2]", "[7, 2]"),
    ],
)
def test_only_the_value_changes_in_json(key: str, value: str, old: str, new: str) -> None:
    text = JSON.replace("\t", "    ")
    assert _set(text, key, value, ".json") == text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "key", "value", "suffix", "expected"),
    [
        # Text that would mean something else where it is put.
        ("a: [x, y]\n", "a.0", "p, q", ".yaml", "a: ['p, q', y]\n"),
        ("{a: 1}\n", "a", "b}", ".yaml", "{a: 'b}'}\n"),
        ("a: &x 1\nb: *x\n", "a", "2", ".yaml", "a: 2\nb: &x 1\n"),
        ('{"a": 1}', "a", "hello", ".json", '{"a": "hello"}'),
        ('{"a": 1}', "a", "0x10", ".json", '{"a": 16}'),
    ],
)
def test_what_has_to_be_written_in_another_way(
    text: str, key: str, value: str, suffix: str, expected: str
) -> None:
    assert _set(text, key, value, suffix) == expected


@pytest.mark.parametrize(
    ("suffix", "value"),
    [(".toml", "null"), (".yaml", "!!python/object:os.system x"), (".json", "2024-01-01")],
)
def test_a_value_that_the_format_does_not_have(suffix: str, value: str) -> None:
    text = {".toml": "a = 1\n", ".yaml": "a: 1\n", ".json": '{"a": 1}'}[suffix]
    with pytest.raises(UsageError):
        _set(text, "a", value, suffix)


def _set(text: str, key: str, value: str, suffix: str) -> str:
    return paramedit.set_value(text, key, value, suffix=suffix, file=f"p{suffix}")
