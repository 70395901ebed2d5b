"""Typed access to one mapping of a YAML file; every complaint names file, line and key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from data_versioning import formats
from data_versioning.errors import FormatError
from data_versioning.formats import yamltext

_T = TypeVar("_T")


class Fields:
    """The mapping at `place` in the file; what is missing reads as None."""

    __slots__ = ("file", "place", "text", "values")

    def __init__(
        self,
        values: object,
        known: Collection[str],
        *,
        text: str,
        file: str,
        place: tuple[str | int, ...] = (),
    ) -> None:
        self.text = text
        self.file = file
        self.place = place
        if not isinstance(values, dict):
            raise self.wrong(f"a mapping is expected, not {yamltext.kind_of(values)}")
        self.values: dict[Any, object] = values
        if not values.keys() <= (known if isinstance(known, (set, frozenset)) else set(known)):
            key = next(key for key in values if key not in known)
            raise formats.explain.unknown_key(key, known, text=text, file=file, place=place)

    def wrong(self, message: str, *below: str | int) -> FormatError:
        """Return the error about the value `below` here."""
        place = (*self.place, *below)
        return formats.explain.wrong_value(message, text=self.text, file=self.file, place=place)

    def _typed(self, key: str, kind: type[_T], name: str) -> _T | None:
        if key not in self.values:
            return None
        value = self.values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(f"{name} is expected, not {yamltext.kind_of(value)}", key)
        return value

    def string(self, key: str) -> str | None:
        """Return text."""
        return self._typed(key, str, "text")

    def number(self, key: str) -> int | None:
        """Return a whole number that is not negative."""
        value = self._typed(key, int, "a number")
        if value is not None and value < 0:
            raise self.wrong("must not be negative", key)
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self._typed(key, bool, "true or false")
        return default if value is None else value

    def mapping(self, key: str) -> Mapping[str, object] | None:
        """Return a mapping as it stands."""
        return self._typed(key, dict, "a mapping")

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of text."""
        items = self._typed(key, list, "a list") or []
        for index, item in enumerate(items):
            if not isinstance(item, str):
                raise self.wrong(f"text is expected, not {yamltext.kind_of(item)}", key, index)
        return tuple(items)

    def checksum(self, key: str, *, lower: bool = True) -> str | None:
        """Return a hash or backend id: text or a number of at least 3 characters; empty counts as missing."""
        value = self.values.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, (str, int)) or isinstance(value, bool) or len(str(value)) < 3:
            raise self.wrong("a checksum is expected: text of at least 3 characters", key)
        return str(value).lower() if lower else str(value)

    def path(self, key: str) -> str:
        """Return the path that must stand under `key`."""
        value = self.values.get(key)
        if key not in self.values:
            raise self.wrong(f"the key {key!r} is missing")
        if not isinstance(value, str) or not value:
            raise self.wrong(
                f"a path is expected, not {'nothing' if value == '' else yamltext.kind_of(value)}", key
            )
        if "\0" in value:
            raise self.wrong("a path cannot contain NUL", key)
        return value

    def items(self, key: str, known: Collection[str]) -> Iterator[Fields]:
        """Go through the mappings of the list under `key`; null counts as an empty list."""
        items = None if self.values.get(key) is None else self._typed(key, list, "a list")
        for index, item in enumerate(items or []):
            yield Fields(item, known, text=self.text, file=self.file, place=(*self.place, key, index))
