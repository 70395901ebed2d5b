"""Pictures of charts, as XML: what is on them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from data_versioning.errors import FormatError
from data_versioning.metrics import charts, drawing, vega
from data_versioning.metrics.vega import Chart

HOSTILE = "</text><script>alert(1)</script>\0\x1b\ud800&\"'"


def chart(points: list[dict[str, Any]], **changes: Any) -> Chart:
    revisions = list(dict.fromkeys(point["rev"] for point in points))
    plain = Chart(
        title="Title", x="step", y="loss", x_label="Step", y_label="Loss",
        points=points, revisions=revisions, fields=[("a.csv", "loss")],
    )  # fmt: skip
    return plain._replace(**changes)


def points(revisions: str = "ab", count: int = 5) -> list[dict[str, Any]]:
    return [
        {"step": step, "loss": str(1 / (step + 1)), "rev": revision, "filename": "a.csv", "field": "loss"}
        for revision in revisions
        for step in range(count)
    ]


def texts(svg: str) -> list[str]:
    return [
        "".join(node.itertext()) for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("}text")
    ]


@pytest.mark.parametrize("name", charts.TEMPLATES)
def test_every_template_has_title_axes_and_revisions(name: str) -> None:
    svg = drawing.svg(vega.specification(charts.TEMPLATES[name](), chart(points())))
    assert {"Title", "Step", "Loss", "a", "b"} <= set(texts(svg))


def test_a_confusion_matrix_shows_its_numbers() -> None:
    classes = [{"step": a, "loss": b, "rev": "r"} for a, b in ("xx", "xx", "xx", "yy", "yx")]
    svg = drawing.svg(vega.specification(charts.TEMPLATES["confusion"](), chart(classes)))
    assert {"3", "1", "0"} <= set(texts(svg))


def test_several_series_have_a_legend_of_lines() -> None:
    fields = [("a.csv", "loss"), ("b.csv", "loss")]
    both = [{**point, "filename": file} for file, _ in fields for point in points("r")]
    svg = drawing.svg(vega.specification(charts.TEMPLATES["linear"](), chart(both, fields=fields)))
    assert {"a.csv", "b.csv"} <= set(texts(svg))
    assert svg.count("stroke-dasharray") >= 2


def test_text_stays_text() -> None:
    hostile = [{**point, "rev": HOSTILE} for point in points("r")]
    svg = drawing.svg(vega.specification(charts.TEMPLATES["simple"](), chart(hostile, title=HOSTILE)))
    assert "<script" not in svg
    assert any("<script>alert(1)</script>" in text for text in texts(svg))


def test_what_is_no_number_is_not_drawn() -> None:
    odd = points("r")
    for value, point in zip((float("nan"), float("inf"), None, [1], 10**400), odd, strict=True):
        point["loss"] = value
    ElementTree.fromstring(drawing.svg(vega.specification(charts.TEMPLATES["simple"](), chart(odd))))


def test_marks_that_only_a_pointer_shows_are_left_out() -> None:
    svg = drawing.svg(vega.specification(charts.TEMPLATES["linear"](), chart(points("r", 50))))
    assert ' opacity="0"' not in svg


@pytest.mark.parametrize(
    "data", [{"url": "http://127.0.0.1:9/x.csv"}, {"url": "file:///etc/passwd", "format": {"type": "csv"}}]
)
def test_nothing_is_fetched(data: dict[str, Any]) -> None:
    lookup = [{"lookup": "a", "from": {"key": "a", "data": data}}]
    for specification in ({"data": data}, {"data": {"values": []}, "transform": lookup}):
        with pytest.raises(FormatError, match="URL"):
            drawing.svg({"mark": "point", **specification})


def test_a_field_may_be_named_as_a_part_of_a_specification() -> None:
    odd = [{**point, "data": {"url": "http://127.0.0.1:9/"}} for point in points("r")]
    assert "Loss" in texts(drawing.svg(vega.specification(charts.TEMPLATES["simple"](), chart(odd))))


@pytest.mark.parametrize(
    "specification",
    [{}, {"mark": "nonsense"}, {"mark": "point", "transform": [{"calculate": "nope(", "as": "b"}]}],
)
def test_what_vega_refuses_is_told_without_its_inner_places(specification: dict[str, Any]) -> None:
    with pytest.raises(FormatError) as caught:
        drawing.svg({"data": {"values": [{"a": 1}]}, **specification})
    assert "cdn" not in caught.value.message and "\n" not in caught.value.message


def test_what_vega_refuses_is_told_without_all_points() -> None:
    with pytest.raises(FormatError, match=r'at least one of.*"mark"') as caught:
        drawing.svg({"data": {"values": points(count=1000)}})
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("schema", ["v4", "v5", "v6", "v99", "nonsense"])
def test_templates_of_any_version_are_drawn(schema: str) -> None:
    specification = {
        "$schema": f"https://vega.github.io/schema/vega-lite/{schema}.json",
        "data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a", "title": "A"}},
    }  # fmt: skip
    assert "A" in texts(drawing.svg(specification))
