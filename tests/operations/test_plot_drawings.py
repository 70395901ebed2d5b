"""Charts that the last command drew are not drawn again, unless anything about them changed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import FormatError
from data_versioning.operations import plot_drawings
from data_versioning.operations.plot_drawings import Drawings
from tests.operations.work import Work

Make = Callable[[Any], str]


def chart(*values: object) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [{"x": index, "y": value} for index, value in enumerate(values)]},
        "mark": "line",
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "nominal"}},
    }


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The specifications that were really drawn."""
    drawing = importlib.import_module("data_versioning.metrics.drawing")
    real, seen = drawing.svg, []

    def svg(specification: Any) -> str:
        seen.append(specification)
        return str(real(specification))

    monkeypatch.setattr(drawing, "svg", svg)
    yield seen


def draw(work: Work, *specifications: Any) -> list[str]:
    """What one command draws."""
    drawings = Drawings(work.repo())
    found = [drawings.svg(one) for one in specifications]
    drawings.keep()
    return found


def test_what_the_last_command_drew_is_kept(work: Work, drawn: list[Any]) -> None:
    first = draw(work, chart(1, 2), chart(2, 1))
    assert draw(work, chart(1, 2), chart(2, 1)) == first and len(drawn) == 2
    assert draw(work, chart(2, 1)) == first[1:] and len(drawn) == 2
    assert draw(work, chart(1, 2)) == first[:1] and len(drawn) == 3, "what was not asked for was kept"


@pytest.mark.parametrize("value", ["1", 1.5, float("nan"), None, True, Path("1")])
def test_whatever_is_different_is_drawn(work: Work, drawn: list[Any], value: object) -> None:
    draw(work, chart(1))
    draw(work, chart(value))
    assert len(drawn) == 2


def test_what_cannot_be_drawn_is_refused_each_time(work: Work, drawn: list[Any]) -> None:
    for _ in range(2):
        with pytest.raises(FormatError, match="offline"):
            draw(work, chart(1) | {"data": {"url": "http://127.0.0.1/x.csv"}})


def test_another_vl_convert_draws_anew(work: Work, drawn: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    draw(work, chart(1))
    real = plot_drawings._version
    monkeypatch.setattr(plot_drawings, "_version", lambda name: (*real(name)[:2], 7))
    draw(work, chart(1))
    assert len(drawn) == 2


def test_where_nothing_can_be_kept(work: Work, drawn: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Path(work.repo().temp_dir) / "drawings"
    kept.mkdir(parents=True)
    assert draw(work, chart(1)) == draw(work, chart(1)) and len(drawn) == 2
    kept.rmdir()
    monkeypatch.setattr(plot_drawings, "_MOST", 100)
    assert draw(work, chart(1)) == draw(work, chart(1)) and len(drawn) == 4 and not kept.exists()


def test_a_damaged_file_is_ignored(work: Work, drawn: list[Any]) -> None:
    first = draw(work, chart(1))
    kept = Path(work.repo().temp_dir) / "drawings"
    kept.write_bytes(kept.read_bytes()[:-1])
    assert draw(work, chart(1)) == first and len(drawn) == 2
