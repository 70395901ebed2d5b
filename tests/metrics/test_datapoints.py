from __future__ import annotations

from typing import Any

import pytest

from data_versioning.errors import FormatError, MetricNotFound
from data_versioning.metrics.datapoints import Series, datapoints, series

LOSS = [{"step": 5, "loss": 1.0}, {"step": 6, "loss": 0.5}]


def drawn(name: str, properties: dict[str, Any], **contents: Any) -> Series:
    return series(
        name, properties, {f"{file}.csv": content for file, content in contents.items()}, revision="r"
    )


def test_the_last_field_is_y_and_the_number_of_a_point_is_x() -> None:
    found = drawn("a.csv", {}, a=[{"loss": 1, "acc": 2}, {"loss": 3, "acc": 4}])
    assert (found.x, found.y, found.x_label, found.y_label) == ("step", "acc", "step", "acc")
    assert found.points[1] == {
        "loss": 3,
        "acc": 4,
        "step": 1,
        "rev": "r",
        "filename": "a.csv",
        "field": "acc",
    }
    assert found.fields == [("a.csv", "acc")]


def test_several_fields_share_an_axis() -> None:
    found = drawn("both", {"x": {"d/a.csv": "step"}, "y": {"d/a.csv": ["loss", "step"]}}, **{"d/a": LOSS})
    assert (found.x, found.y, found.y_label) == ("step", "dvc_inferred_y_value", "y")
    assert [point["dvc_inferred_y_value"] for point in found.points] == [1.0, 0.5, 5, 6]
    assert [point["field"] for point in found.points] == ["loss", "loss", "step", "step"]


def test_several_files_are_named_without_what_they_share() -> None:
    found = drawn("both", {"y": {"d/a.csv": "loss", "d/b.csv": "loss"}}, **{"d/a": LOSS, "d/b": LOSS})
    assert found.fields == [("a.csv", "loss"), ("b.csv", "loss")]
    assert found.y == found.y_label == "loss"


def test_x_of_another_file() -> None:
    properties = {"x": {"x.csv": "time"}, "y": {"a.csv": "loss"}}
    found = drawn("joined", properties, a=LOSS, x=[{"time": 10}, {"time": 20}])
    assert [(point["time"], point["loss"]) for point in found.points] == [(10, 1.0), (20, 0.5)]
    with pytest.raises(FormatError, match="1 points, and 2"):
        drawn("joined", properties, a=LOSS, x=[{"time": 10}])


def test_an_x_for_each_y() -> None:
    properties = {"x": {"a.csv": "step", "b.csv": "epoch"}, "y": {"a.csv": "loss", "b.csv": "loss"}}
    found = drawn("each", properties, a=LOSS, b=[{"epoch": 1, "loss": 2}])
    assert (found.x, found.x_label) == ("dvc_inferred_x_value", "x")
    assert [point["dvc_inferred_x_value"] for point in found.points] == [5, 6, 1]
    properties["y"] = {"a.csv": ["loss", "step"], "b.csv": "loss"}  # type: ignore[dict-item]
    with pytest.raises(FormatError, match="2 fields are x, 3 are y"):
        drawn("each", properties, a=LOSS, b=[{"epoch": 1, "loss": 2}])


def test_labels_that_are_given_win() -> None:
    found = drawn("a.csv", {"x": "step", "y": "loss", "x_label": "X", "y_label": "Y"}, a=LOSS)
    assert (found.x_label, found.y_label) == ("X", "Y")
    assert drawn("a.csv", {"x_label": ""}, a=LOSS).x_label == ""


def test_a_field_that_is_not_there() -> None:
    with pytest.raises(MetricNotFound, match="its fields: step, loss"):
        drawn("a.csv", {"y": "gone"}, a=LOSS)
    with pytest.raises(MetricNotFound, match="no points"):
        drawn("a.csv", {"y": "gone"}, a=["text"])
    with pytest.raises(MetricNotFound, match="lack what others have"):
        drawn("a.csv", {"y": "loss"}, a=[{"loss": 1}, {"loss": 2, None: ["3"]}])


def test_a_file_that_is_not_there_has_no_points() -> None:
    found = drawn("both", {"x": "step", "y": {"a.csv": "loss", "gone.csv": "loss"}}, a=LOSS)
    assert len(found.points) == 2
    assert drawn("gone.csv", {}).points == []


@pytest.mark.parametrize("content", ["text", 5, None, True])
def test_what_is_no_list_or_mapping(content: Any) -> None:
    with pytest.raises(FormatError, match="points are expected"):
        datapoints(content, file="a.json")


def test_what_is_no_point_is_left_out() -> None:
    content = {
        "a": [{"x": 1}, {"y": 2}],
        "b": [],
        "c": [1],
        "d": [{}, 3],
        "e": {"f": [{"z": 4}]},
        "g": "text",
    }
    assert datapoints(content, file="a.json") == [{"z": 4}]


def test_the_points_of_the_file_are_not_changed() -> None:
    content = [{"loss": 1}]
    drawn("a.csv", {}, a=content)
    assert content == [{"loss": 1}]
