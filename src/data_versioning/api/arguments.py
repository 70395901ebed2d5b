"""What scripts give to methods: checked at the door, so that a mistake is named and not met deep inside."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from data_versioning.errors import UsageError

_PATH, _TEXT = "a string or a pathlib.Path", "a string"


def path(name: str, value: object) -> str:
    """Return a path as text; raises `UsageError` with the name of the argument, as all of these do.

    >>> path("path", "data.csv")
    'data.csv'
    >>> path("path", 5)
    Traceback (most recent call last):
    data_versioning.errors.UsageError: path must be a string or a pathlib.Path, not int
    """
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(found, str):
        raise _wrong(name, _PATH, value)
    return found


def text(name: str, value: object) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise _wrong(name, _TEXT, value)
    return value


def optional_text(name: str, value: object) -> str | None:
    """Return text, or None."""
    if value is not None and not isinstance(value, str):
        raise _wrong(name, f"{_TEXT} or None", value)
    return value


def optional_mapping(name: str, value: object) -> Mapping[str, Any] | None:
    """Return names with their values, or None; what the values are is for others to check."""
    if value is not None and not isinstance(value, Mapping):
        raise _wrong(name, "a mapping of names to values or None", value)
    return value


def paths(name: str, value: object) -> list[str]:
    """Return one path or several."""
    if isinstance(value, str | os.PathLike):
        return [path(name, value)]
    return [path(f"{name}[{index}]", one) for index, one in enumerate(_several(name, _PATH, value))]


def texts(name: str, value: object) -> list[str]:
    """Return one string or several."""
    if isinstance(value, str):
        return [value]
    return [text(f"{name}[{index}]", one) for index, one in enumerate(_several(name, _TEXT, value))]


def _several(name: str, what: str, value: object) -> Iterable[object]:
    if not isinstance(value, Iterable) or isinstance(value, bytes | Mapping):
        raise _wrong(name, f"{what}, or a sequence of these", value)
    return value


def _wrong(name: str, expected: str, value: object) -> UsageError:
    given = "None" if value is None else type(value).__name__
    return UsageError(f"{name} must be {expected}, not {given}", hint="help(data_versioning.DVCTracker)")
