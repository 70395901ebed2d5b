"""Errors about keys and values of a YAML file: where they stand, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

from data_versioning.errors import FormatError
from data_versioning.formats import roundtrip, suggest

_HINT = "correct it, or take the file back from Git: git checkout -- {file}"


def wrong_value(message: str, *, text: str, file: str, place: tuple[str | int, ...]) -> FormatError:
    """Return the error about the value at `place`."""
    where = ".".join(map(str, place))
    return FormatError(
        f"{where}: {message}" if where else message,
        file=file,
        line=roundtrip.line_of(text, place),
        hint=_HINT.format(file=file or "FILE"),
    )


def unknown_key(
    key: object, known: Iterable[str], *, text: str, file: str, place: tuple[str | int, ...]
) -> FormatError:
    """Return the error about a key of the mapping at `place` that does not belong there."""
    suggestion = suggest.nearest(str(key), known)
    step = key if isinstance(key, (str, int)) else str(key)
    line = roundtrip.line_of(text, (*place, step))
    where = ".".join(map(str, place))
    return FormatError(
        f"unknown key {key!r}{f' in {where}' if where else ''}{suggestion}",
        file=file,
        line=line,
        hint=_HINT.format(file=file or "FILE"),
    )
