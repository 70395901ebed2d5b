"""Points of a chart out of what its files hold; which fields are drawn is inferred as DVC infers it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from data_versioning.errors import FormatError, MetricNotFound

Point: TypeAlias = dict[Any, Any]
Field: TypeAlias = tuple[str, str]
"""A file, and the name of a field in its points."""

REVISION, FILE, FIELD = "rev", "filename", "field"
WRONG_AXIS = "name other fields: x and y in dvc.yaml, or -x and -y"
_INDEX = "step"  # the field with the number of a point, from 0, where nothing else is x
_X, _Y = "dvc_inferred_x_value", "dvc_inferred_y_value"  # where several fields share an axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of one revision, one field after the other; `x` and `y` are in all of them.

    Every point has its revision, file and field, too; `fields` are all that y stands for.
    """

    points: Sequence[Point]
    x: str
    y: str | None
    x_label: str | None
    y_label: str | None
    fields: Sequence[Field]


def series(name: str, properties: Mapping[str, Any], contents: Mapping[str, Any], *, revision: str) -> Series:
    """Return what the plot `name` (its file, unless `properties` tell of others) shows of one revision.

    Raises `MetricNotFound` for a field that the points do not have, `FormatError` for files without points, or
    that do not fit together.
    """
    points = {file: datapoints(content, file=file) for file, content in contents.items()}
    y = properties.get("y")
    ys = _last_field(name, contents) if y is None else _fields(y, name)
    xs = _x_fields(properties.get("x"), y, name)
    for file, field in (*xs, *ys):
        _check_field(points, file, field)
    if len(xs) > 1 and len(xs) != len(ys):
        raise FormatError(
            f"{len(xs)} fields are x, {len(ys)} are y: one x is expected, or one for each y", hint=WRONG_AXIS
        )
    x_name = _common(xs, _INDEX, _X)
    y_name = _common(ys, None, _Y)
    short = _shorter({file for file, _ in ys})
    found: list[Point] = []
    for number, (file, field) in enumerate(ys):
        drawn = [dict(point) for point in points.get(file, ())]
        if y_name == _Y:
            _copy(field, drawn, _Y, drawn)
        x_field = xs[number if len(xs) > 1 else 0] if xs else None
        _put_x(drawn, (file, field), points, x_field, name=x_name or _INDEX)
        for point in drawn:
            point.update({REVISION: revision, FILE: short[file], FIELD: field})
        found += drawn
    return Series(
        points=found,
        x=x_name or _INDEX,
        y=y_name,
        x_label=_given(properties.get("x_label"), _common(xs, _INDEX, "x")),
        y_label=_given(properties.get("y_label"), _common(ys, None, "y")),
        fields=[(short[file], field) for file, field in ys],
    )


def datapoints(content: Any, *, file: str) -> list[Point]:
    """Return the points in a file: lists of mappings with the same keys, put together item by item.

    >>> datapoints({"train": [{"loss": 2}, {"loss": 1}], "test": {"all": [{"acc": 0.5}]}, "names": ["a"]}, file="")
    [{'loss': 2, 'acc': 0.5}, {'loss': 1}]
    """
    if not isinstance(content, list | dict):
        raise FormatError("points are expected: a list of mappings", file=file)
    found: list[Point] = []
    for items in _lists(content):
        if _are_points(items):
            found += [{} for _ in range(len(items) - len(found))]
            for point, item in zip(found, items, strict=False):
                point.update(item)
    return found


def _lists(content: Any) -> Iterator[list[Any]]:
    if isinstance(content, list):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from _lists(value)


def _are_points(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) and item.keys() == items[0].keys() for item in items)


def _fields(axis: Any, name: str) -> list[Field]:
    """Return the fields of an axis, which names one or several, of one file or, in a mapping, of each."""
    files = axis if isinstance(axis, dict) else {name: axis}
    return [
        (file, str(field))
        for file, fields in files.items()
        for field in (fields if isinstance(fields, list) else [fields])
        if isinstance(field, str | int | float)
    ]


def _x_fields(x: Any, y: Any, name: str) -> list[Field]:
    if x is None:
        return []
    if isinstance(y, dict) and not isinstance(x, dict):
        return [(file, field) for file, _ in _fields(y, name) for _, field in _fields(x, name)]
    return _fields(x, name)


def _last_field(name: str, contents: Mapping[str, Any]) -> list[Field]:
    for items in _lists(contents.get(name)):
        if items and all(isinstance(item, dict) for item in items):
            field = next(reversed(items[0]), None)
            return [(name, field)] if isinstance(field, str) else []
    return []


def _check_field(points: Mapping[str, Sequence[Point]], file: str, field: str) -> None:
    if file not in points:
        return
    if not points[file]:
        raise MetricNotFound(
            f"'{file}' has no field '{field}': it has no points, or some of them lack what others have",
            hint="give every row as many values as the first one, every item of a list the same keys",
        )
    if field not in points[file][0]:
        there = ", ".join(map(str, points[file][0]))
        raise MetricNotFound(f"'{file}' has no field '{field}'; its fields: {there}", hint=WRONG_AXIS)


def _common(fields: Sequence[Field], none: str | None, several: str) -> str | None:
    """Return the name that all fields share, or what stands for `several`, or for `none`."""
    names = {field for _, field in fields}
    return several if len(names) > 1 else next(iter(names), none)


def _given(label: str | None, inferred: str | None) -> str | None:
    return inferred if label is None else label


def _shorter(files: set[str]) -> dict[str, str]:
    """Return the names of files without the directory that all of them share."""
    shared = len(posixpath.commonpath(files)) if len(files) > 1 else 0
    return {file: file[shared:].strip("/\\") for file in files}


def _put_x(
    drawn: list[Point],
    y_field: Field,
    points: Mapping[str, Sequence[Point]],
    x_field: Field | None,
    *,
    name: str,
) -> None:
    if x_field is None:
        for number, point in enumerate(drawn):
            point[name] = number
        return
    others = points.get(x_field[0], ())
    if len(others) != len(drawn):
        raise FormatError(
            f"'{x_field[1]}' of '{x_field[0]}' cannot be x of '{y_field[1]}' of '{y_field[0]}': "
            f"{len(others)} points, and {len(drawn)}",
            hint=WRONG_AXIS,
        )
    _copy(x_field[1], others, name, drawn)


def _copy(field: str, others: Sequence[Point], name: str, drawn: list[Point]) -> None:
    for point, other in zip(drawn, others, strict=True):
        if field in other:
            point[name] = other[field]
