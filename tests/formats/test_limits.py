"""Values of any file stay within what can be shown, compared and kept."""

from __future__ import annotations

import pytest

from data_versioning.errors import FormatError
from data_versioning.formats import values

DEEP = "[" * 101 + "]" * 101


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".json", f'{{"a": {DEEP}}}'),
        (".toml", f"a = {DEEP}"),
        (".toml", "a = 0x" + "f" * 4000),
        (".py", "a = " + "[" * 99 + "[[1]]" + "]" * 99),
        (".py", "a = 0x" + "f" * 4000),
        (".yaml", f"a: {DEEP}"),
        (".yaml", "a: 0x" + "f" * 4000),
        (".yaml", "a: -0b" + "1" * 14_001),
        (".yaml", "a: {2001-01-01: 0o" + "7" * 9000 + "}"),
    ],
)
def test_beyond(suffix: str, text: str) -> None:
    with pytest.raises(FormatError, match=r"nested|digits") as caught:
        values.parse(text, suffix=suffix, file="params")
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_up_to(suffix: str) -> None:
    text = f'{{"a": {"[" * 99}{10**4000}{"]" * 99}}}'
    assert values.parse(text, suffix=suffix, file="params")
