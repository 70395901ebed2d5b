"""What was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of an error message that names the most similar known word, or "".

    >>> nearest("remot", ["remote", "cache"])
    "; did you mean 'remote'?"
    """
    found = closest(word, known)
    return f"; did you mean {found!r}?" if found else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the most similar known word, if one is similar.

    >>> closest("hardlin", ["hardlink", "symlink"]), closest("foo", ["hardlink"])
    ('hardlink', None)
    """
    found = get_close_matches(word, list(known), n=1)
    return found[0] if found else None
