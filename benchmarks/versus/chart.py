"""A chart of ratios as SVG: one row for each name, one dot for each series, a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

# Okabe and Ito's colours, which can be told apart with any kind of colour vision.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999", "#8b4513")
_LEFT, _WIDTH, _ROW, _TOP = 190, 560, 24, 46
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def draw(title: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the text of an SVG image; `rows` is row -> series -> ratio, every ratio above 0."""
    values = [value for row in rows.values() for value in row.values()]
    low, high = _range(values)
    series = list(dict.fromkeys(name for row in rows.values() for name in row))
    bottom = _TOP + _ROW * len(rows)
    height = bottom + 34 + 18 * math.ceil(len(series) / 2)

    def x(value: float) -> float:
        return _LEFT + _WIDTH * math.log(value / low) / math.log(high / low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 30}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="12" y="22" font-size="15">{escape(title)}</text>',
    ]
    for tick in (tick for tick in _TICKS if low <= tick <= high):
        colour = "#444" if tick == 1 else "#ddd"
        parts.append(f'<path d="M{x(tick):.1f} {_TOP - 6}V{bottom}" stroke="{colour}"/>')
        parts.append(
            f'<text x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#444">{tick:g}x</text>'
        )
    for index, (name, row) in enumerate(rows.items()):
        y = _TOP + _ROW * index + _ROW / 2
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        for found, value in row.items():
            parts.append(_dot(x(value), y, series.index(found), f"{name}, {found}: {value:.1f}x"))
    for index, name in enumerate(series):
        left, y = 24 + (index % 2) * 380, bottom + 40 + 18 * (index // 2)
        parts.append(_dot(left, y - 4, index, name))
        parts.append(f'<text x="{left + 12}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _range(values: list[float]) -> tuple[float, float]:
    """Return the ticks around all values; 1 is always between them."""
    low = max((tick for tick in _TICKS if tick <= min(values, default=1)), default=_TICKS[0])
    high = min((tick for tick in _TICKS if tick >= max(values, default=1)), default=_TICKS[-1])
    return min(low, 1, *values), max(high, 2, *values)


def _dot(x: float, y: float, series: int, title: str) -> str:
    colour = _COLOURS[series % len(_COLOURS)]
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}" fill-opacity="0.8">'
        f"<title>{escape(title)}</title></circle>"
    )
