"""The image: well-formed, every box inside of it, none over another, one arrow for every edge."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings

from data_versioning.pipeline import graph, svg
from tests.pipeline.graphs import graphs

NS = "{http://www.w3.org/2000/svg}"


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_boxes_lie_apart_and_inside(needs: dict[str, list[str]]) -> None:
    image = ElementTree.fromstring(svg.draw(graph.connected(needs)))
    width, height = int(image.attrib["width"]), int(image.attrib["height"])
    boxes = []
    for group in image.findall(f"{NS}g"):
        left = int(group.attrib["transform"].removeprefix("translate(").split()[0])
        for rect in group.iter(f"{NS}rect"):
            x, y, w, h = (int(rect.attrib[key]) for key in ("x", "y", "width", "height"))
            boxes.append((left + x, y, left + x + w, y + h))
    assert sorted(text.text or "" for text in image.iter(f"{NS}text")) == sorted(needs)
    assert all(x >= 0 and y >= 0 and r <= width and b <= height for x, y, r, b in boxes)
    for at, (x, y, r, b) in enumerate(boxes):
        assert not any(x < r2 and x2 < r and y < b2 and y2 < b for x2, y2, r2, b2 in boxes[:at])
    arrows = [path for path in image.iter(f"{NS}path") if "marker-end" in path.attrib]
    assert len(arrows) == sum(map(len, needs.values()))


def test_names_are_text() -> None:
    image = ElementTree.fromstring(svg.draw([{"<b>&\"'": [], "data.dvc": ["<b>&\"'"]}]))
    assert [text.text for text in image.iter(f"{NS}text")] == ["<b>&\"'", "data.dvc"]
    assert [group.attrib.get("class") for group in image.iter(f"{NS}g")][1:] == ["stage", "data"]


def test_nothing_to_draw() -> None:
    assert ElementTree.fromstring(svg.draw([])).attrib["width"] == "32"
