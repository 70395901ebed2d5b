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
        for at, where, _ in _walk(text):
            if best < len(where) <= len(wanted) and where == wanted[: len(where)]:
                best, line = len(where), at
    except (yaml.YAMLError, ValueError):
        pass  # only ruamel reads this text
    return line


def span_of(text: str, place: Place) -> tuple[int, int] | None:
    """Return where the value at `place` begins and ends; None for none, or one that is laid out by indentation.

    >>> text = "a: [1, 2]  # why\\n"
    >>> text[slice(*span_of(text, ("a",)))], span_of(text, ("b",))
    ('[1, 2]', None)
    """
    wanted = [str(step) for step in place]
    try:
        events = [event for _, where, event in _walk(text) if where == wanted]
    except (yaml.YAMLError, ValueError):
        return None
    if not events or getattr(events[0], "style", None) in ("|", ">"):
        return None
    if getattr(events[0], "flow_style", True) is False:
        return None
    start, end = events[0].start_mark, events[-1].end_mark
    return (start.index, end.index) if start and end else None


def _walk(text: str) -> Iterable[tuple[int, list[str], yaml.Event]]:
    """Go through the values: the line of the key or item, the steps that lead there, where it begins and ends."""
    frames: list[_Frame] = []
    parser = CParser(text)
    while (event := parser.get_event()) is not None:
        if isinstance(event, yaml.CollectionEndEvent):
            frames.pop()
            yield 0, [frame.step for frame in frames], event
            _step(frames)
        elif isinstance(event, yaml.NodeEvent):
            line = event.start_mark.line + 1 if event.start_mark else 0
            top = frames[-1] if frames else None
            if top and top.is_mapping and top.wants_key:
                top.step, top.line = getattr(event, "value", ""), line
            else:
                at = top.line if top and top.is_mapping else line
                yield at, [frame.step for frame in frames], event
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
