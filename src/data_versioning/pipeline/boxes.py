"""Draws a graph as boxes and lines of characters, every node below what it needs.

Lines of different nodes never join: where they cross, the vertical one goes over the horizontal one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from data_versioning.pipeline import layers
from data_versioning.pipeline.layers import Point

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_VERTICAL, _HORIZONTAL = _UP | _DOWN, _LEFT | _RIGHT
_COLUMNS = 2  # of a unit: what leaves a box is in an even column, what could be mistaken for it in an odd one
_BOX = 3  # lines
# Indexed by the directions that meet in a cell.
LINES = " ╵╷│╴┘┐┤╶└┌├─┴┬┼▼"
ASCII = " |||-+++-+++-+++v"
_ARROW = 16


def draw(needs: Mapping[str, Sequence[str]], *, characters: str = LINES) -> str:
    """Return the drawing of one connected graph; `characters` are `LINES` or, for old terminals, `ASCII`.

    >>> print(draw({"train": ["split"], "split": [], "test": ["split", "train"]}, characters=ASCII))
        +-------+
        | split |
        +---+---+
        +---+---+
    +---v---+   |
    | train |   |
    +---+---+   |
        +--+ +--+
        +--v-v--+
        | test  |
        +-------+
    """
    arranged = layers.arrange(needs, width_of=lambda name: _width(name, len(needs[name])), gap=1)
    canvas = _Canvas(characters=characters)
    top = 0
    above: Sequence[Point] = ()
    for layer in arranged.layers:
        ports = _ports(layer, above)
        if above:
            top += _draw_channel(canvas, ports, top)
        for point in layer:
            _draw_point(canvas, point, ports[id(point)], top)
        top += _BOX
        above = layer
    return canvas.text()


def _width(name: str, arriving: int) -> int:
    return (max(len(name) + 4, 2 * arriving + 3) + _COLUMNS) // _COLUMNS


def _column(point: Point) -> int:
    return _COLUMNS * point.x


Ports: TypeAlias = "dict[int, list[tuple[int, Point]]]"
"""For every point, by `id`: the columns where lines arrive, with where they come from."""


def _ports(layer: Sequence[Point], above: Sequence[Point]) -> Ports:
    """Choose the columns where lines arrive: none in which a line of another point comes down."""
    sources = {_column(point): point for point in above if point.below}
    ports: Ports = {}
    for point in layer:
        arriving = sorted(point.above, key=_column)
        first = _column(point) - len(arriving) + 1
        chosen = [(first + 2 * index, upper) for index, upper in enumerate(arriving)]
        if any(sources.get(column, upper) is not upper for column, upper in chosen):
            chosen = [(column + 1, upper) for column, upper in chosen]
        ports[id(point)] = chosen
    return ports


@dataclass(slots=True, kw_only=True)
class _Canvas:
    """Cells by place; a cell knows which directions meet in it, and whose line it is."""

    characters: str
    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    lines: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)

    def put(self, row: int, column: int, text: str) -> None:
        self.cells.setdefault(row, {}).update(enumerate(text, column))

    def line(self, row: int, column: int, directions: int, owner: int) -> None:
        here = self.lines.setdefault(row, {})
        known, known_owner = here.get(column, (0, owner))
        if known_owner == owner:
            here[column] = (known | directions, owner)
        elif known == _HORIZONTAL:
            here[column] = (directions, owner)
        elif directions != _HORIZONTAL:
            here[column] = (known | directions, owner)

    def text(self) -> str:
        for row, line in self.lines.items():
            drawn = {column: self.characters[directions] for column, (directions, _) in line.items()}
            self.cells[row] = drawn | self.cells.get(row, {})
        height = max(self.cells, default=-1) + 1
        left = min((column for row in self.cells.values() for column in row), default=0)
        return "\n".join(self._row(self.cells.get(row, {}), left) for row in range(height))

    @staticmethod
    def _row(cells: Mapping[int, str], left: int) -> str:
        return "".join(cells.get(column, " ") for column in range(left, max(cells, default=left - 1) + 1))


def _draw_point(canvas: _Canvas, point: Point, ports: Sequence[tuple[int, Point]], top: int) -> None:
    middle = _column(point)
    if point.name is None:
        _draw_passing(canvas, point, ports[0][0], top)
        return
    shown = canvas.characters
    inner = _COLUMNS * point.width - 3
    left = middle - inner // 2 - 1
    edge = shown[_HORIZONTAL] * inner
    corners = [shown[corner] for corner in (_DOWN | _RIGHT, _DOWN | _LEFT, _UP | _RIGHT, _UP | _LEFT)]
    canvas.put(top, left, f"{corners[0]}{edge}{corners[1]}")
    canvas.put(top + 1, left, f"{shown[_VERTICAL]}{point.name:^{inner}}{shown[_VERTICAL]}")
    canvas.put(top + 2, left, f"{corners[2]}{edge}{corners[3]}")
    for port, _ in ports:
        canvas.put(top, port, shown[_ARROW])
    if point.below:
        canvas.put(top + 2, middle, shown[_DOWN | _HORIZONTAL])


def _draw_passing(canvas: _Canvas, point: Point, port: int, top: int) -> None:
    middle, owner = _column(point), id(point)
    canvas.line(top, port, _UP, owner)
    if port == middle:
        canvas.line(top, middle, _DOWN, owner)
    else:
        canvas.line(top, port, _LEFT, owner)
        canvas.line(top, middle, _RIGHT | _DOWN, owner)
    for row in range(top + 1, top + _BOX):
        canvas.line(row, middle, _VERTICAL, owner)


@dataclass(slots=True, kw_only=True)
class _Net:
    """The lines from one column to all below it: a horizontal line at `track` that connects its `ends`."""

    source: int
    ends: list[int] = field(default_factory=list)
    track: int = 0

    @property
    def is_straight(self) -> bool:
        return self.ends == [self.source]

    @property
    def span(self) -> tuple[int, int]:
        return min(self.source, *self.ends), max(self.source, *self.ends)


def _draw_channel(canvas: _Canvas, ports: Ports, top: int) -> int:
    """Draw the lines between two layers; return how many rows they take."""
    nets: dict[int, _Net] = {}
    for arriving in ports.values():
        for port, upper in arriving:
            nets.setdefault(id(upper), _Net(source=_column(upper))).ends.append(port)
    height = _set_tracks(list(nets.values()))
    for owner, net in nets.items():
        _draw_net(canvas, net, owner, range(top, top + height))
    return height


def _set_tracks(nets: Sequence[_Net]) -> int:
    """Give horizontal lines that overlap rows of their own; return how many rows there are."""
    rows: list[list[tuple[int, int]]] = [[]]
    for net in sorted(nets, key=lambda net: net.source):
        if net.is_straight:
            continue
        left, right = net.span
        while any(low <= right + 1 and left <= high + 1 for low, high in rows[net.track]):
            net.track += 1
            if net.track == len(rows):
                rows.append([])
        rows[net.track].append((left, right))
    return len(rows)


def _draw_net(canvas: _Canvas, net: _Net, owner: int, rows: range) -> None:
    if net.is_straight:
        for row in rows:
            canvas.line(row, net.source, _VERTICAL, owner)
        return
    track = rows[net.track]
    left, right = net.span
    for column in range(left, right + 1):
        directions = (_LEFT if column > left else 0) | (_RIGHT if column < right else 0)
        canvas.line(track, column, directions, owner)
    canvas.line(track, net.source, _UP, owner)
    for row in range(rows[0], track):
        canvas.line(row, net.source, _VERTICAL, owner)
    for end in net.ends:
        canvas.line(track, end, _DOWN, owner)
        for row in range(track + 1, rows[-1] + 1):
            canvas.line(row, end, _VERTICAL, owner)
