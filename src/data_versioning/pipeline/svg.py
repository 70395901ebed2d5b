"""Draws graphs as one SVG image, every node below what it needs; it follows the reader's dark or light theme."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from data_versioning.pipeline import layers
from data_versioning.pipeline.layers import Point

_LETTER = 8  # pixels a letter of the font takes at most
_PADDING = 14
_HEIGHT = 36  # of a box
_BETWEEN = 52  # two layers
_GAP = 28  # between two boxes
_BEND = 12
_MARGIN = 16
_ARROW = 7

_ESCAPED = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}

_STYLE = """\
:root { color-scheme: light dark }
rect { fill: #eef4fb; stroke: #3b6ea5 }
.data rect { fill: #f4f1e8; stroke: #94825a }
text { fill: #1b2733; font: 13px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle }
path { fill: none; stroke: #7a8794; stroke-width: 1.4 }
#arrow path { fill: #7a8794; stroke: none }
@media (prefers-color-scheme: dark) {
rect { fill: #1d2b3a; stroke: #6fa8dc }
.data rect { fill: #2e2a1e; stroke: #b8a877 }
text { fill: #e6edf3 }
}"""


def draw(groups: Sequence[Mapping[str, Sequence[str]]]) -> str:
    """Return the image of connected graphs, one beside the other; a node whose name ends in ".dvc" is data."""
    body: list[str] = []
    left, height = _MARGIN, 0
    for needs in groups:
        arranged = layers.arrange(needs, width_of=_width, gap=_GAP, bend=_BEND)
        body.append(f'<g transform="translate({left} {_MARGIN})">')
        for layer in arranged.layers:
            for point in layer:
                body += _edges(point)
        for layer in arranged.layers:
            body += [_box(point, point.name) for point in layer if point.name is not None]
        body.append("</g>")
        left += arranged.width + _GAP
        height = max(height, _bottom(len(arranged.layers) - 1))
    width = max(left - _GAP + _MARGIN, 2 * _MARGIN)
    height += 2 * _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="pipeline">',
            f"<style>\n{_STYLE}\n</style>",
            f'<defs><marker id="arrow" viewBox="0 0 {_ARROW} {_ARROW}" refX="{_ARROW}" refY="{_ARROW / 2}" '
            f'markerWidth="{_ARROW}" markerHeight="{_ARROW}" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 0 {_ARROW} {_ARROW / 2} 0 {_ARROW}z"/></marker></defs>',
            *body,
            "</svg>\n",
        ]
    )


def _width(name: str) -> int:
    return _LETTER * len(name) + 2 * _PADDING


def _top(layer: int) -> int:
    return layer * (_HEIGHT + _BETWEEN)


def _bottom(layer: int) -> int:
    return _top(layer) + _HEIGHT


def _box(point: Point, name: str) -> str:
    kind = "data" if name.endswith(".dvc") else "stage"
    text = name.translate(_ESCAPED)
    left, top = point.x - point.width // 2, _top(point.layer)
    return (
        f'<g class="{kind}"><title>{text}</title>'
        f'<rect x="{left}" y="{top}" width="{point.width}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{point.x}" y="{top + _HEIGHT // 2 + 5}">{text}</text></g>'
    )


def _edges(point: Point) -> Iterator[str]:
    """Draw the lines that arrive at a point, side by side, and the line through it."""
    arriving = sorted(point.above, key=lambda upper: upper.x)
    step = min(2 * _PADDING, point.width // (len(arriving) + 1))
    marker = "" if point.name is None else ' marker-end="url(#arrow)"'
    for index, upper in enumerate(arriving):
        x = point.x + round((index - (len(arriving) - 1) / 2) * step)
        start, end = _bottom(upper.layer), _top(point.layer)
        middle = (start + end) // 2
        through = f"V{_bottom(point.layer)}" if point.name is None else ""
        yield f'<path d="M{upper.x} {start}C{upper.x} {middle} {x} {middle} {x} {end}{through}"{marker}/>'
