"""Errors about keys and values of a YAML file: where they stand, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import yaml
from yaml._yaml import CParser

from data_versioning.errors import FormatError
from data_versioning.formats import suggest

Place = tuple[str | int, ...]


def wrong_value(message: str, *, text: str, file: str, place: Place) -> FormatError:
    """Return the error about the value at `place`."""
    where = ".".join(map(str, place))
    full = f"{where}: {message}" if where else message
    return FormatError(full, file=file, line=line_of(text, place))


def unknown_key(key: object, known: Iterable[str], *, text: str, file: str, place: Place) -> FormatError:
    """Return the error about a key of the mapping at `place` that does not belong there."""
    where = f" in {'.'.join(map(str, place))}" if place else ""
    return FormatError(
        f"unknown key {key!r}{where}{suggest.nearest(str(key), known)}",
        file=file,
        line=line_of(text, (*place, str(key))),
    )


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is open; `step` is the key or index of the value that comes next."""

    is_mapping: bool
    step: str = "0"
    line: int = 0
    wants_key: bool = True


def line_of(text: str, place: Place) -> int | None:
    """Return the line (from 1) of the value at `place`, or of the nearest mapping or list around it.

    >>> line_of("a: 1\\nb:\\n- x\\n- {y: 1,\\n   z: 2}\\n", ("b", 1, "z"))
    5
    """
    wanted = [str(step) for step in place]
    best, line = -1, None
    try:
        for at, where in _walk(text):
            if best < len(where) <= len(wanted) and where == wanted[: len(where)]:
                best, line = len(where), at
    except (yaml.YAMLError, ValueError):
        pass  # only ruamel reads this text
    return line


def _walk(text: str) -> Iterable[tuple[int, list[str]]]:
    """Go through the values: the line of the key or item, and the steps that lead there."""
    frames: list[_Frame] = []
    parser = CParser(text)
    while (event := parser.get_event()) is not None:
        if isinstance(event, yaml.CollectionEndEvent):
            frames.pop()
            _step(frames)
        elif isinstance(event, yaml.NodeEvent):
            line = event.start_mark.line + 1 if event.start_mark else 0
            top = frames[-1] if frames else None
            if top and top.is_mapping and top.wants_key:
                top.step, top.line = getattr(event, "value", ""), line
            else:
                yield (top.line if top and top.is_mapping else line), [frame.step for frame in frames]
            if isinstance(event, yaml.CollectionStartEvent):
                frames.append(_Frame(isinstance(event, yaml.MappingStartEvent)))
            else:
                _step(frames)


def _step(frames: list[_Frame]) -> None:
    """Go on after a key or value that is complete."""
    if frames and frames[-1].is_mapping:
        frames[-1].wants_key = not frames[-1].wants_key
    elif frames:
        frames[-1].step = str(int(frames[-1].step) + 1)
