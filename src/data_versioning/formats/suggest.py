"""What was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of an error message that names the most similar known word, or "".

    >>> nearest("remot", ["remote", "cache"])
    "; did you mean 'remote'?"
    """
    found = get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
