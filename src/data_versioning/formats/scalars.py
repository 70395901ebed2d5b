"""Scalars of YAML 1.2 as ruamel, which DVC reads with, understands them; without any YAML library."""

from __future__ import annotations

import re
from math import inf, nan

SPECIAL_FIRST = frozenset("-+.0123456789tTfFnN~<=")
WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
INT = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)")
FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
LOOKS_LIKE_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
_BASES = {"0b": 2, "0o": 8, "0x": 16}


def is_text(scalar: str) -> bool | None:
    """Whether the unquoted `scalar` is text to a YAML 1.2 reader; None for what looks like a date or a merge.

    >>> is_text("on"), is_text("1e-3"), is_text("2001-01-01")
    (True, False, None)
    """
    if scalar and scalar[0] not in SPECIAL_FIRST:
        return True
    if scalar in WORDS or FLOAT.fullmatch(scalar) or (scalar[0] != "_" and INT.fullmatch(scalar)):
        return False
    return None if scalar in ("<<", "=") or LOOKS_LIKE_DATE.match(scalar) else True


def integer(text: str) -> int:
    """Return the number that a scalar of the form `INT` is."""
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").replace("_", "")
    base = _BASES.get(digits[:2], 10)
    return sign * int(digits if base == 10 else digits[2:], base)


def real(text: str) -> float:
    """Return the number that a scalar of the form `FLOAT` is."""
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").replace("_", "").lower()
    return sign * inf if digits == ".inf" else nan if digits == ".nan" else sign * float(digits)
