"""A drawing shows the graph and nothing else: whoever follows its lines finds the edges again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from data_versioning.errors import UsageError
from data_versioning.pipeline import boxes, graph
from tests.pipeline.graphs import graphs

UP, DOWN, LEFT, RIGHT = (-1, 0), (1, 0), (0, -1), (0, 1)
BIT = {1: UP, 2: DOWN, 4: LEFT, 8: RIGHT}
WAYS = {
    letter: {way for bit, way in BIT.items() if mask & bit} for mask, letter in enumerate(boxes.LINES[:16])
}


def edges(drawing: str) -> set[tuple[str, str]]:
    """Return (needed, user) by following every line from below a box to the arrows that it leads to."""
    rows = drawing.split("\n")
    width = max(map(len, rows))
    rows = [row.ljust(width) for row in rows]
    names = {}  # (row, column) of every cell of a box -> name
    for at, row in enumerate(rows):
        for found in re.finditer(r"│ +([^\s│┌┐└┘├┤┬┴┼─]+) +│", row):
            if rows[at - 1][found.start()] == "┌" and rows[at + 1][found.start()] == "└":
                cells = [(line, column) for line in (at - 1, at, at + 1) for column in range(*found.span())]
                names.update(dict.fromkeys(cells, found[1]))
    starts = [place for place in names if rows[place[0]][place[1]] == "┬"]
    return {(names[start], end) for start in starts for end in follow(rows, names, start)}


def follow(rows: list[str], names: dict[tuple[int, int], str], start: tuple[int, int]) -> set[str]:
    found, seen, waiting = set(), set(), [(start, DOWN)]
    while waiting:
        (row, column), way = waiting.pop()
        here = (row + way[0], column + way[1])
        if (here, way) in seen:
            continue
        seen.add((here, way))
        letter = rows[here[0]][here[1]]
        if letter == "▼":
            found.add(names[here])
        elif letter == "│" and way in (LEFT, RIGHT):
            waiting.append((here, way))  # a bridge
        else:
            back = (-way[0], -way[1])
            assert back in WAYS[letter], f"a line ends at {here}"
            waiting += [(here, on) for on in WAYS[letter] - {back}]
    return found


@settings(max_examples=400, deadline=None)
@given(graphs())
def test_the_lines_are_the_edges(needs: dict[str, list[str]]) -> None:
    for part in graph.connected(needs):
        drawing = boxes.draw(part)
        expected = {(need, name) for name, needed in part.items() for need in needed}
        assert edges(drawing) == expected, f"\n{drawing}"
        assert all(f" {name} " in drawing for name in part)
        assert len(boxes.draw(part, characters=boxes.ASCII).encode("ascii")) == len(drawing)


def test_a_chain_longer_than_the_stack_is_deep() -> None:
    needs = {str(at): [str(at - 1)] if at else [] for at in range(3000)}
    assert len(edges(boxes.draw(needs))) == 2999


def test_too_large_to_be_looked_at() -> None:
    needs = {str(at): [str(at - 1)] if at else [] for at in range(400)}
    needs.update({f"all{at}": [str(at), "399"] for at in range(300)})
    needs.update({f"x{at}": ["399"] for at in range(50_000)})
    with pytest.raises(UsageError, match="too large"):
        boxes.draw(needs)


def test_a_circle_of_groups() -> None:
    with pytest.raises(UsageError, match="in a circle"):
        boxes.draw({"a": ["b"], "b": ["a"], "c": []})
