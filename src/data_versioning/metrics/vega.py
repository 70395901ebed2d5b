"""Templates filled in: Vega-Lite specifications of charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple, TypeAlias

from data_versioning.errors import FormatError, MetricNotFound
from data_versioning.metrics.charts import Template, anchor
from data_versioning.metrics.datapoints import FIELD, FILE, REVISION, WRONG_AXIS, Field, Point

Specification: TypeAlias = dict[str, Any]

_BETWEEN = "::"  # file and field, where both tell series apart
_SIDE = 300  # pixels
_COLOURS = ("#945dd6", "#13adc7", "#f46837", "#48bb78", "#4299e1", "#ed8936", "#f56565")
_SHAPES = ("circle", "square", "triangle", "diamond")
_DASHES = ([1, 0], [8, 8], [8, 4], [4, 4], [4, 2], [2, 1], [1, 1])
_EMPTY_SYMBOL = {"legend": {"symbolFillColor": "transparent", "symbolStrokeColor": "grey"}}
_ANCHOR = re.compile(r"<DVC_METRIC_\w+>")
# What a program that draws the charts of several repositories alike fills in itself (`--split`).
_SPLIT = frozenset(
    {"color", "data", "plot_height", "plot_width", "shape", "stroke_dash"}
    | {"title", "tooltip", "x_label", "y_label", "zoom_and_pan"}
)
# What tells series of one revision apart; empty where there is only one.
_TELLING_APART = ("row", "column", "stroke_dash", "shape")


class Chart(NamedTuple):
    """What a template is filled with: points, the fields on the axes, and by what series differ."""

    title: str
    x: str
    y: str | None
    x_label: str | None
    y_label: str | None
    points: Sequence[Point]
    revisions: Sequence[str]
    fields: Sequence[Field]


def specification(template: Template, chart: Chart) -> Specification:
    """Return the template with everything filled in.

    Raises `FormatError` for a template without a place for the points, `MetricNotFound` for an axis that no point has.
    """
    if anchor("data") not in _anchors(template):
        raise FormatError(
            f"the template has no {anchor('data')}: nothing would be drawn",
            hint="dv plots templates simple   shows where it stands",
        )
    values = _values(template, chart)
    found: Specification = _filled(template, {anchor(name): value for name, value in values.items()})
    return found


def split(template: Template, chart: Chart) -> tuple[Specification, dict[str, Any]]:
    """Return the template with only that filled in which depends on the plot, and by anchor what is not."""
    values = _values(template, chart)
    kept = {anchor(name): value for name, value in values.items() if name in _SPLIT and value != {}}
    return (
        _filled(
            template, {anchor(name): value for name, value in values.items() if anchor(name) not in kept}
        ),
        kept,
    )


def _values(template: Template, chart: Chart) -> dict[str, Any]:
    """Return the values of anchors: those that the template has, and those that every chart has."""
    for field in (chart.x, chart.y):
        if field and not any(field in point for point in chart.points):
            raise MetricNotFound(f"no point has the field '{field}'", hint=WRONG_AXIS)
    optional = _optional(chart)
    there = _anchors(template)
    found = {name: value for name, value in optional.items() if anchor(name) in there}
    always = {
        "title": chart.title,
        "x": _escaped(chart.x),
        "y": chart.y and _escaped(chart.y),
        "x_label": chart.x_label,
        "y_label": chart.y_label,
        "data": _telling_apart(chart) if found else chart.points,
    }
    return found | {name: value for name, value in always.items() if value is not None}


def _optional(chart: Chart) -> dict[str, Any]:
    key = _BETWEEN.join(_varied(chart.fields))
    group = [REVISION, *([key] if key else [])]
    told = [REVISION, chart.x, chart.y, *group[1:]]
    parts = [f"datum.{name}" for name in (REVISION, *_varied(chart.fields))]
    return {
        "color": _scale(REVISION, chart.revisions, _COLOURS),
        "zoom_and_pan": {"name": "grid", "select": "interval", "bind": "scales"},
        "plot_height": _SIDE,
        "plot_width": _SIDE,
        "group_by": group,
        "group_by_x": [*group, chart.x],
        "group_by_y": [*group, chart.y],
        "pivot_field": f" + '{_BETWEEN}' + ".join(parts),
        "tooltip": [{"field": field} for field in told],
        **(_series(key, chart.fields) if key else {name: {} for name in _TELLING_APART}),
    }


def _series(key: str, fields: Sequence[Field]) -> dict[str, Any]:
    names = sorted({_BETWEEN.join(_of(field, key) for key in _varied(fields)) for field in fields})
    return {
        "row": {"field": key, "sort": []},
        "column": {"field": key, "sort": []},
        "stroke_dash": _scale(key, names, _DASHES) | _EMPTY_SYMBOL,
        "shape": _scale(key, names, _SHAPES) | _EMPTY_SYMBOL,
    }


def _scale(field: str, domain: Sequence[str], looks: Iterable[Any]) -> dict[str, Any]:
    return {
        "field": field,
        "scale": {"domain": list(domain), "range": list(islice(cycle(looks), len(domain)))},
    }


def _varied(fields: Sequence[Field]) -> list[str]:
    """Return by what the series of one revision differ: file, field, both or nothing."""
    return [key for key in (FILE, FIELD) if len({_of(field, key) for field in fields}) > 1]


def _of(field: Field, key: str) -> str:
    return field[0] if key == FILE else field[1]


def _telling_apart(chart: Chart) -> list[Point]:
    """Return the points without the file and field, unless series differ by them; both become one field."""
    varied = _varied(chart.fields)
    dropped = {FILE, FIELD}.difference(varied if len(varied) == 1 else ())
    found = [{key: value for key, value in point.items() if key not in dropped} for point in chart.points]
    if len(varied) > 1:
        for point, known in zip(found, chart.points, strict=True):
            point[_BETWEEN.join(varied)] = _BETWEEN.join(known[key] for key in varied)
    return found


def _escaped(field: str) -> str:
    """Vega takes dots and brackets for a way into nested values."""
    return field.replace(".", "\\.").replace("[", "\\[").replace("]", "\\]")


def _anchors(value: Any) -> set[str]:
    """Return all texts in a template; an anchor that fills one alone is among them."""
    return set(_texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """Put values in place of anchors; within a longer text only text. What was put in is not looked at again."""
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, str):
        return value
    if value in values:
        return values[value]
    return _ANCHOR.sub(lambda found: _as_text(found[0], values), value)


def _as_text(name: str, values: Mapping[str, Any]) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else name
