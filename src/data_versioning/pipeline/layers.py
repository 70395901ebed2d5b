"""Places the nodes of an acyclic graph for drawing: in layers from the top down, every edge through each layer.

The method is Sugiyama's: layers by the longest path, edges that span several layers cut into pieces, few
crossings by sorting each layer by the mean place of its neighbours, then places as near to that mean as the
widths allow.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data_versioning.errors import UsageError

_SWEEPS = 8
_MOST_POINTS = 50_000  # boxes and bends; beyond that nobody could look at it


@dataclass(slots=True, kw_only=True)
class Point:
    """A node, or where an edge passes through a layer (`name` is None); `x` is its middle."""

    name: str | None
    layer: int
    width: int
    x: int = 0
    above: list[Point] = field(default_factory=list)
    below: list[Point] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The points of every layer, from left to right; `width` is what they take."""

    layers: Sequence[Sequence[Point]]
    width: int


def arrange(
    needs: Mapping[str, Sequence[str]], *, width_of: Callable[[str], int], gap: int, bend: int = 1
) -> Layers:
    """Place the nodes of a graph, below what they need.

    `width_of` a node, `gap` between two, and `bend`, the width of an edge that passes, are in one unit. Raises
    `UsageError` when the graph is too large to be looked at, or has a circle.
    """
    layers = _points(needs, _ranks(needs), width_of, bend)
    _order(layers)
    width = _place(layers, gap)
    return Layers(layers=layers, width=width)


def _ranks(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the layer of each node: below all it needs; what needs nothing lies just above its users."""
    ranks: dict[str, int] = {}
    for name in _needed_first(needs):
        ranks[name] = max((ranks[need] + 1 for need in needs[name]), default=0)
    first_user: dict[str, int] = {}
    for name, needed in needs.items():
        for need in needed:
            first_user[need] = min(ranks[name], first_user.get(need, ranks[name]))
    return {
        name: first_user[name] - 1 if not needs[name] and name in first_user else rank
        for name, rank in ranks.items()
    }


def _needed_first(needs: Mapping[str, Sequence[str]]) -> Iterable[str]:
    waiting = {name: len(set(needed)) for name, needed in needs.items()}
    users: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for need in set(needed):
            users[need].append(name)
    ready = [name for name, count in waiting.items() if not count]
    for name in ready:
        yield name
        for user in users[name]:
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    if len(ready) < len(needs):
        raise UsageError(
            "these groups of stages need each other in a circle, which has no top and no bottom",
            hint="dv dag   draws the stages themselves",
        )


def _points(
    needs: Mapping[str, Sequence[str]], ranks: Mapping[str, int], width_of: Callable[[str], int], bend: int
) -> list[list[Point]]:
    lowest = dict(ranks)
    for name, needed in needs.items():
        for need in needed:
            lowest[need] = max(lowest[need], ranks[name])
    if sum(1 + lowest[name] - ranks[name] for name in needs) > _MOST_POINTS:
        raise UsageError(
            f"the graph is too large to be drawn: {len(needs):,} boxes",
            hint="dv dag TARGET, or for another program: dv dag --dot",
        )
    layers: list[list[Point]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    nodes = {name: Point(name=name, layer=ranks[name], width=width_of(name)) for name in needs}
    for point in nodes.values():
        layers[point.layer].append(point)
    passing: dict[tuple[str, int], Point] = {}
    for name, needed in needs.items():
        for need in needed:
            last = nodes[need]
            # Edges from one node stay together for as long as they can.
            for layer in range(last.layer + 1, ranks[name]):
                if (need, layer) not in passing:
                    passing[need, layer] = Point(name=None, layer=layer, width=bend)
                    layers[layer].append(passing[need, layer])
                    _connect(last, passing[need, layer])
                last = passing[need, layer]
            _connect(last, nodes[name])
    return layers


def _connect(upper: Point, lower: Point) -> None:
    upper.below.append(lower)
    lower.above.append(upper)


def _order(layers: list[list[Point]]) -> None:
    """Sort every layer so that few edges cross; the best of several sweeps stays."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        for layer in layers[1:] if down else layers[-2::-1]:
            beside = layers[layer[0].layer - 1 if down else layer[0].layer + 1]
            place = {id(point): index for index, point in enumerate(beside)}
            own = {id(point): index for index, point in enumerate(layer)}
            layer.sort(
                key=lambda point, down=down, place=place, own=own: _mean(  # type: ignore[misc]
                    [place[id(other)] for other in (point.above if down else point.below)], own[id(point)]
                )
            )
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _mean(places: Sequence[int], otherwise: int) -> float:
    return sum(places) / len(places) if places else otherwise


def _crossings(layers: Sequence[Sequence[Point]]) -> int:
    count = 0
    for layer in layers[1:]:
        place = {id(point): index for index, point in enumerate(layers[layer[0].layer - 1])}
        passed: list[int] = []
        for point in layer:
            ends = sorted(place[id(upper)] for upper in point.above)
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count


def _place(layers: Sequence[Sequence[Point]], gap: int) -> int:
    """Set `x` of every point; return the width of all."""
    for layer in layers:
        _settle(layer, [0.0] * len(layer), gap)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            beside = [point.above if sweep % 2 == 0 else point.below for point in layer]
            wishes = [
                _mean([other.x for other in others], point.x)
                for point, others in zip(layer, beside, strict=True)
            ]
            _settle(layer, wishes, gap)
    left = min((point.x - point.width // 2 for layer in layers for point in layer), default=0)
    for layer in layers:
        for point in layer:
            point.x -= left
    return max((point.x - point.width // 2 + point.width for layer in layers for point in layer), default=0)


def _settle(layer: Sequence[Point], wishes: Sequence[float], gap: int) -> None:
    """Place a layer as near to `wishes` as the widths allow: the least squares of the distances."""
    offsets, offset = [], 0
    for index, point in enumerate(layer):
        if index:
            before = layer[index - 1]
            offset += before.width - before.width // 2 + gap + point.width // 2
        offsets.append(offset)
    # Pool neighbours that would overlap: together they stand at the mean of what they wish.
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            pool = pools.pop()
            total, count = total + pool[0], count + pool[1]
        pools.append((total, count))
    places = (round(total / count) for total, count in pools for _ in range(count))
    for point, offset, place in zip(layer, offsets, places, strict=True):
        point.x = place + offset
