"""The built-in templates of plots: Vega-Lite with DVC's names and anchors, and filled in to the same charts.

An anchor is text such as `<DVC_METRIC_X>` that stands where a value comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Template: TypeAlias = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
DEFAULT = "linear"
_NUMBER, _WORD = "quantitative", "nominal"
_CLOSE = {"scale": {"zero": False}}  # the axis begins near the lowest value, not at 0
_BY_REVISION = {"field": "rev", "type": _WORD}


def anchor(name: str) -> str:
    """Return the text that stands for a value in templates.

    >>> anchor("x_label")
    '<DVC_METRIC_X_LABEL>'
    """
    return f"<DVC_METRIC_{name.upper()}>"


X, Y = anchor("x"), anchor("y")
_ZOOM = {"params": [anchor("zoom_and_pan")]}
_SIZE = {"width": anchor("plot_width"), "height": anchor("plot_height")}


def _chart(**parts: Any) -> Template:
    head = {
        "$schema": SCHEMA,
        "data": {"values": anchor("data")},
        "title": {"text": anchor("title"), "anchor": "middle"},
    }
    return head | parts


def _axis(name: str, kind: str | None = None, **more: Any) -> dict[str, Any]:
    found = {"field": anchor(name), "title": anchor(f"{name}_label")}
    return found | ({"type": kind} if kind else {}) | more


def _encoding(x: object, y: object, *anchors: str, **more: Any) -> dict[str, Any]:
    names = {"stroke_dash": "strokeDash"}
    return {"x": x, "y": y, **{names.get(name, name): anchor(name) for name in anchors}, **more}


def _simple() -> Template:
    axes = (_axis("x", _NUMBER), _axis("y", _NUMBER, **_CLOSE))
    return _chart(
        **_SIZE,
        **_ZOOM,
        mark={"type": "line", "tooltip": {"content": "data"}},
        encoding=_encoding(*axes, "color", "stroke_dash", "tooltip"),
    )


def _lines() -> Template:
    """Smoothed lines over pale ones as they are, a dot at the last value, and a rule where the pointer is."""
    x, y = _axis("x", _NUMBER), _axis("y", _NUMBER, **_CLOSE)
    bandwidth = {"input": "range", "min": 0.001, "max": 1, "step": 0.001}
    smoothed = {
        "transform": [
            {"loess": Y, "on": X, "groupby": anchor("group_by"), "bandwidth": {"signal": "smooth"}}
        ],
        "encoding": {"y": y, "color": _BY_REVISION},
        "layer": [
            {**_ZOOM, "mark": "line"},
            {"mark": "point", "transform": [{"filter": {"param": "hover", "empty": False}}]},
        ],
    }
    pale = {
        "mark": {"type": "line", "opacity": 0.2},
        "encoding": _encoding(x, y, color=_BY_REVISION),
    }
    last = {
        "mark": {"type": "circle", "size": 10},
        "encoding": _encoding(
            {"aggregate": "max", **x}, {"aggregate": {"argmax": X}, **y}, color=_BY_REVISION
        ),
    }
    return _chart(
        **_SIZE,
        params=[{"name": "smooth", "value": 0.001, "bind": bandwidth}],
        encoding={"x": x, "color": anchor("color"), "strokeDash": anchor("stroke_dash")},
        layer=[smoothed, pale, last, _hovered()],
    )


def _hovered() -> dict[str, Any]:
    nearest = {"type": "point", "fields": [X], "nearest": True, "on": "mouseover", "clear": "mouseout"}
    shown = {"condition": {"param": "hover", "empty": False, "value": 0.3}, "value": 0}
    return {
        "params": [{"name": "hover", "select": nearest}],
        "transform": [
            {"calculate": anchor("pivot_field"), "as": "pivot_field"},
            {"pivot": "pivot_field", "value": Y, "op": "mean", "groupby": [X]},
        ],
        "mark": {"type": "rule", "tooltip": {"content": "data"}, "stroke": "grey"},
        "encoding": {"opacity": shown},
    }


def _scatter() -> Template:
    return _chart(
        **_SIZE,
        **_ZOOM,
        mark={"type": "point", "tooltip": {"content": "data"}},
        encoding=_encoding(_axis("x", _NUMBER), _axis("y", _NUMBER), "color", "shape", "tooltip"),
    )


def _scatter_jitter() -> Template:
    offsets = {f"{axis}Offset": {"field": f"random{axis.upper()}", "type": _NUMBER} for axis in "xy"}
    return _chart(
        **_SIZE,
        transform=[{"calculate": "random()", "as": offset["field"]} for offset in offsets.values()],
        mark={"type": "point", "tooltip": {"content": "data"}},
        encoding=_encoding(_axis("x"), _axis("y"), "color", "shape", "tooltip", **offsets),
    )


def _bars(**order: str) -> Template:
    axes = (_axis("x", _NUMBER, **_CLOSE), _axis("y", _WORD, **order))
    return _chart(
        **_SIZE,
        **_ZOOM,
        mark={"type": "bar"},
        encoding=_encoding(*axes, "color", "column", yOffset={"field": "rev", "sort": []}),
    )


def _bars_sorted() -> Template:
    return _bars(sort="-x")


def _confusion() -> Template:
    share = [
        {"joinaggregate": [{"op": "max", "field": "xy_count", "as": "max_count"}], "groupby": []},
        {"calculate": "datum.xy_count / datum.max_count", "as": "percent_of_max"},
    ]
    counted = {"condition": {"param": "showValues", "field": "xy_count", "type": _NUMBER}}
    matrix = _matrix(
        transform=[*_counts(anchor("group_by_y")), *share],
        colour={"field": "xy_count", "scale": {"domainMin": 0, "nice": True}},
        tooltip={"field": "xy_count", "type": _NUMBER},
        text={"text": counted, **_readable("percent_of_max")},
    )
    return matrix | {"params": [{"name": "showValues", "bind": {"input": "checkbox"}}]}


def _confusion_normalized() -> Template:
    share = [
        {"joinaggregate": [{"op": "sum", "field": "xy_count", "as": "sum_y"}], "groupby": [Y]},
        {"calculate": "datum.xy_count / datum.sum_y", "as": "percent_of_y"},
    ]
    return _matrix(
        transform=[*_counts(["rev", Y]), *share],
        colour={"field": "percent_of_y", "scale": {"domain": [0, 1]}},
        tooltip={"field": "percent_of_y", "type": _NUMBER, "format": ".2f"},
        text=_readable("percent_of_y"),
    )


def _counts(of_y: object) -> list[dict[str, Any]]:
    """Count the points of each pair; 0 for pairs that never come."""
    missing = ((of_y, X), (anchor("group_by_x"), Y))
    return [
        {"aggregate": [{"op": "count", "as": "xy_count"}], "groupby": [Y, X]},
        *({"impute": "xy_count", "value": 0, "groupby": group, "key": key} for group, key in missing),
    ]


def _readable(share: str) -> dict[str, Any]:
    """White text on dark cells."""
    return {"color": {"condition": {"test": f"datum.{share} > 0.5", "value": "white"}, "value": "black"}}


def _matrix(*, transform: object, colour: dict[str, Any], tooltip: object, text: object) -> Template:
    under_pointer = {"type": "single", "on": "mouseover", "clear": "mouseout", "empty": "none"}
    told = {
        "selection": {"label": {**under_pointer, "encodings": ["x", "y"]}},
        "mark": "rect",
        "encoding": {
            "tooltip": [{"field": X, "type": _WORD}, {"field": Y, "type": _WORD}, tooltip],
            "opacity": {"condition": {"selection": "label", "value": 1}, "value": 0},
        },
    }
    marked = {
        "transform": [{"filter": {"selection": "label"}}],
        "layer": [{"mark": {"type": "rect", "color": "lightpink"}}],
    }
    cells = {"mark": "rect", **_SIZE, "encoding": {"color": {"type": _NUMBER, "title": "", **colour}}}
    return _chart(
        facet={"column": {"field": "rev", "sort": []}, "row": anchor("row")},
        spec={
            "transform": transform,
            "encoding": {name: _axis(name, _WORD, sort="ascending") for name in "xy"},
            "layer": [cells, told, marked, {"mark": "text", "encoding": text}],
        },
    )


TEMPLATES: Mapping[str, Callable[[], Template]] = {
    "simple": _simple,
    "linear": _lines,
    "confusion": _confusion,
    "confusion_normalized": _confusion_normalized,
    "scatter": _scatter,
    "scatter_jitter": _scatter_jitter,
    "smooth": _lines,
    "bar_horizontal_sorted": _bars_sorted,
    "bar_horizontal": _bars,
}
"""By name, in DVC's order."""
