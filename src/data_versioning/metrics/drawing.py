"""Charts as pictures: Vega-Lite specifications to SVG, by vl-convert. Nothing is fetched, no browser is needed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import vl_convert

from data_versioning.errors import FormatError

# What may not stand in an XML document, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LARGEST = sys.float_info.max
_UNKNOWN = "\ufffd"
_VERSION = re.compile(r"/vega-lite/v(\d+)")
_LONG = re.compile(r"^(.{100}).{100,}(.{200})$")
# Marks that appear under a pointer only: of many points, most of the image.
_INVISIBLE = re.compile(r'<(?:line|path) [^<>]* opacity="0"/>')
# What a specification leaves open: names at x stay legible, also long ones, and so do dashes in a legend. Texts are
# measured here and set by the reader's fonts: these are equally wide, and there is room for a wider one.
_CONFIG = {
    "font": "Arial, 'Liberation Sans', Helvetica, sans-serif",
    "axisXDiscrete": {"labelAngle": -40},
    "axisY": {"titlePadding": 14},
    "padding": {"left": 5, "top": 5, "right": 20, "bottom": 5},
}
_DASHES = {"symbolType": "stroke", "symbolSize": 900}


def svg(specification: Mapping[str, Any]) -> str:
    """Return a chart as an SVG image; what is not known of a point (NaN, for one) is not drawn.

    Raises `FormatError` for a specification that asks for data from elsewhere, or that Vega-Lite does not accept.
    """
    if any("url" in data for data in _data(specification)):
        raise FormatError(
            "its template asks for data from a URL, and charts are drawn offline",
            hint="put <DVC_METRIC_DATA> into the template in place of the URL",
        )
    text = json.dumps(_drawable(_settled(specification)), allow_nan=False)
    try:
        found: str = vl_convert.vegalite_to_svg(
            text,
            vl_version=_version(str(specification.get("$schema"))),
            config=_CONFIG,
            allowed_base_urls=[],
        )
    except ValueError as error:
        raise FormatError(
            f"Vega-Lite does not accept its template: {_reason(error)}", hint="dv plots templates"
        ) from error
    return _INVISIBLE.sub("", found)


def _version(schema: str) -> str:
    """Return the newest release of Vega-Lite for a schema, of the newest major version when it is not known."""
    releases = [str(release) for release in vl_convert.get_vegalite_versions()]
    wanted = _VERSION.search(schema)
    fitting = [release for release in releases if wanted and release.partition(".")[0] == wanted[1]]
    return (fitting or releases)[-1]


def _data(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield where data comes from, wherever it is needed; the points themselves are not looked at."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "data" and isinstance(item, Mapping):
                yield item
            elif key != "values":
                yield from _data(item)
    elif isinstance(value, list):
        for item in value:
            yield from _data(item)


def _settled(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Tick the checkboxes, which nobody can do in a picture, and show dashes as lines."""
    found = dict(specification)
    if isinstance(params := found.get("params"), list):
        found["params"] = [_ticked(param) for param in params]
    if isinstance(encoding := found.get("encoding"), dict):
        found["encoding"] = {key: _dashed(key, channel) for key, channel in encoding.items()}
    return found


def _dashed(key: str, channel: Any) -> Any:
    legend = channel.get("legend") if key == "strokeDash" and isinstance(channel, dict) else None
    return channel | {"legend": _DASHES | legend} if isinstance(legend, dict) else channel


def _ticked(param: Any) -> Any:
    bind = param.get("bind") if isinstance(param, dict) else None
    return {"value": True, **param} if isinstance(bind, dict) and bind.get("input") == "checkbox" else param


def _drawable(value: Any) -> Any:
    """Return what JSON and XML can say; a value of any other kind as text."""
    if isinstance(value, Mapping):
        return {_drawable(str(key)): _drawable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_drawable(item) for item in value]
    if value is None or isinstance(value, int | float):
        return value if value is not None and -_LARGEST <= value <= _LARGEST else None
    return _NOT_XML.sub(_UNKNOWN, str(value))


def _reason(error: ValueError) -> str:
    """Return the line that says what is wrong, without the places in Vega's own source."""
    lines = [line.strip() for line in str(error).splitlines() if not line.strip().startswith("at ")]
    # Some reasons hold the whole specification, with all points.
    return _LONG.sub(r"\1 … \2", lines[-1]) if lines else "no reason given"
