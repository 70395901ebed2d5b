"""`${…}` in dvc.yaml: the values it may name, and putting them in place. Nothing is computed or run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

Kinds: TypeAlias = tuple[type, ...]
SCALARS: Kinds = (str, int, float, NoneType)
COMMAND: Kinds = (*SCALARS, dict)  # a mapping becomes command-line flags
ANYTHING: Kinds = (object,)

MAX_SIZE = 1 << 25  # characters and values that the templates of one dvc.yaml may stand for
MAX_SHOWN = 200

# Nothing is tried twice, so hostile text takes linear time: where no "}" follows in the line, the second branch
# takes the rest of it, and a possessive "++" gives nothing back.
_TEMPLATE = re.compile(r"(?<!\\)\$\{(?:([^}\n]*+)\}|[^}\n]++)")
_WELL_FORMED = re.compile(r"[^.\[\]]++(?:\s*+\.[^.\[\]]++|\s*+\[[^.\[\]]++\])*+\s*+")


class Unresolved(Exception):
    """A template or `vars` cannot be understood; the caller knows the file and the line."""


class Room:
    """How much the templates of one file may still stand for: each can name a long text, or many values."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_SIZE) -> None:
        self.left = left

    def take(self, count: int) -> None:
        """Use some; `Unresolved` when there is not as much."""
        self.left -= count
        if self.left < 0:
            raise Unresolved("the templates of this file stand for too much")


class FlagStyle(NamedTuple):
    """How mappings become flags: `parsing.bool` and `parsing.list` of the configuration."""

    bool: str = "store_true"
    list: str = "nargs"


DVC_STYLE = FlagStyle()


class Context(NamedTuple):
    """The values that templates may name; never changed, only extended."""

    values: Mapping[str, object] = {}
    layers: tuple[tuple[str, Mapping[str, object]], ...] = ()  # what was merged, with where it came from
    loaded: Mapping[str, tuple[str, ...] | None] = {}  # file -> the keys taken from it, None: all
    reserved: frozenset[str] = frozenset()

    def extended(self, values: Mapping[Any, object], source: str) -> Context:
        """Return the context with more values; mappings are merged, anything else may be defined once."""
        usable = _with_text_keys(values)
        if taken := self.reserved & usable.keys():
            raise Unresolved(f"{source}: {' and '.join(sorted(taken))} cannot be set here, the group sets it")
        merged = self._merged(self.values, usable, source, ())
        return self._replace(values=merged, layers=(*self.layers, (source, usable)))

    def _merged(
        self, into: Mapping[str, object], update: Mapping[str, object], source: str, place: tuple[str, ...]
    ) -> dict[str, object]:
        merged = dict(into)
        for key, value in update.items():
            here = into.get(key)
            if isinstance(here, dict) and isinstance(value, dict):
                merged[key] = self._merged(here, value, source, (*place, key))
            elif key in into:
                name = ".".join((*place, key))
                where = self._source_of((*place, key))
                raise Unresolved(f"cannot redefine '{name}' from {source}, it is set in {where}")
            else:
                merged[key] = value
        return merged

    def _source_of(self, place: tuple[str, ...]) -> str:
        return next((source for source, values in self.layers if _holds(values, place)), "vars")

    def with_items(self, items: Mapping[str, object]) -> Context:
        """Return the context of one generated stage; what it hides is hidden until the next."""
        usable = _with_text_keys(items)
        return self._replace(values={**self.values, **usable}, reserved=self.reserved | usable.keys())

    def lookup(self, expression: str) -> object:
        """Return the value that "a.b[0]" names."""
        found: object = self.values
        for step in expression.replace("[", ".").replace("]", "").split("."):
            try:
                found = found[int(step)] if isinstance(found, list) else found[step.strip()]  # type: ignore[index]
            except (LookupError, ValueError, TypeError):
                raise Unresolved(f"could not find '{expression}'") from None
        return found

    def origin(self, expression: str) -> tuple[str, str, object] | None:
        """Return file, dotted key and value of the single value that "a.b[0]" names, if it comes from a file.

        As for DVC, what is a mapping or an item of a group has no origin.
        """
        steps = tuple(step.strip() for step in expression.replace("[", ".").replace("]", "").split("."))
        try:
            value = self.lookup(expression)
        except Unresolved:
            return None
        inside = next(at for at in range(len(steps), -1, -1) if _holds(self.values, steps[:at]))
        source = self._source_of(steps[:inside])
        if source not in self.loaded or isinstance(value, (dict, list)):
            return None
        return source, ".".join(steps), value


def _holds(value: object, place: tuple[str, ...]) -> bool:
    for key in place:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _with_text_keys(value: Mapping[Any, object]) -> dict[str, object]:
    """Leave out keys that no template could name."""
    return {key: _usable(item) for key, item in value.items() if isinstance(key, str)}


def _usable(value: object) -> object:
    if isinstance(value, dict):
        return _with_text_keys(value)
    return [_usable(item) for item in value] if isinstance(value, list) else value


def expressions(value: object) -> Iterable[str]:
    """Return what stands inside `${}` anywhere in `value`, checking its form."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from expressions(item)
    if isinstance(value, str):
        for match in _TEMPLATE.finditer(value):
            inner = match[1]
            if inner is None:
                continue  # never closed
            if not _WELL_FORMED.fullmatch(inner):
                shown = inner if len(inner) < MAX_SHOWN else f"{inner[:MAX_SHOWN]}…"
                raise Unresolved(
                    f"'${{{shown}}}' is not of the form ${{name}}, ${{name.key}} or ${{name[0]}}"
                )
            yield inner


def is_whole(value: object) -> bool:
    """Whether `value` is one `${}` and nothing else: then what it names keeps its type."""
    match = _TEMPLATE.fullmatch(value) if isinstance(value, str) else None
    return match is not None and match[1] is not None


def fill(
    value: object, context: Context, *, kinds: Kinds, flags: FlagStyle = DVC_STYLE, room: Room | None = None
) -> object:
    """Return `value` with every template, also in keys, replaced by a value of one of `kinds`.

    What is put in is taken from `room`.
    """
    room = Room() if room is None else room
    if isinstance(value, dict):
        return {
            _as_key(fill(key, context, kinds=kinds, flags=flags, room=room)): fill(
                item, context, kinds=kinds, flags=flags, room=room
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [fill(item, context, kinds=kinds, flags=flags, room=room) for item in value]
    if not isinstance(value, str):
        return value
    room.take(len(value))
    if "${" not in value:
        return value
    for _ in expressions(value):
        pass
    if is_whole(value):
        found = _allowed(context.lookup(value[2:-1]), kinds)
        room.take(_weight(found))
        return found

    def replaced(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        text = to_text(_allowed(context.lookup(match[1]), kinds), flags)
        room.take(len(text))
        return text

    return _TEMPLATE.sub(replaced, value).replace("\\${", "${")


def _as_key(value: object) -> object:
    if isinstance(value, (list, dict)):
        raise Unresolved(f"a {type(value).__name__} cannot be a key")
    return value


def _weight(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_weight, value.values()))
    return 1 + sum(map(_weight, value)) if isinstance(value, list) else 1


def _allowed(value: object, kinds: Kinds) -> object:
    if not isinstance(value, kinds):
        raise Unresolved(f"a {type(value).__name__} cannot be put here")
    return value


def to_text(value: object, flags: FlagStyle = DVC_STYLE) -> str:
    """Return how a value is written into text.

    >>> to_text(True), to_text(1e-3), to_text({"lr": 0.1, "layers": [1, 2], "x": {"on": True, "off": False}})
    ('true', '0.001', '--lr 0.1 --layers 1 2 --x.on')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return " ".join(part for key, item in _flat(value, "") for part in _flag(key, item, flags))
    return str(value)


def _flat(value: Mapping[str, object], prefix: str) -> Iterable[tuple[str, object]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _flag(key: str, value: object, flags: FlagStyle) -> Iterable[str]:
    if isinstance(value, bool):
        if value:
            yield f"--{key}"
        elif flags.bool == "boolean_optional":
            yield f"--no-{key}"
    elif isinstance(value, list):
        if any(isinstance(item, (list, dict)) for item in value):
            raise Unresolved(f"'{key}' holds a list or mapping inside a list: no flags can say that")
        items = [shlex.quote(item) if isinstance(item, str) else str(item) for item in value]
        if flags.list == "append":
            yield from (f"--{key} {item}" for item in items)
        elif items:
            yield f"--{key} {' '.join(items)}"
    else:
        yield f"--{key} {shlex.quote(value) if isinstance(value, str) else value}"
