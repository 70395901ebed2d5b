from __future__ import annotations

from typing import Any

import pytest

from data_versioning.errors import FormatError, MetricNotFound
from data_versioning.metrics import charts, vega
from data_versioning.metrics.vega import Chart

POINT = {"step": 1, "loss": 0.5, "rev": "r", "filename": "a", "field": "loss"}


def chart(**changes: Any) -> Chart:
    plain = Chart(
        title="T", x="step", y="loss", x_label="X", y_label="Y",
        points=[dict(POINT)], revisions=["r"], fields=[("a", "loss")],
    )  # fmt: skip
    return plain._replace(**changes)


def filled(template: Any, **changes: Any) -> Any:
    return vega.specification({"data": {"values": "<DVC_METRIC_DATA>"}, **template}, chart(**changes))


def test_anchors_alone_and_within_text() -> None:
    found = filled(
        {"title": ["<DVC_METRIC_TITLE>"], "calculate": "datum.<DVC_METRIC_X> + '<DVC_METRIC_UNKNOWN>'"}
    )
    assert found["title"] == ["T"]
    assert found["calculate"] == "datum.step + '<DVC_METRIC_UNKNOWN>'"
    assert found["data"]["values"] == [POINT]


def test_what_was_filled_in_is_not_filled_again() -> None:
    found = filled({"title": "<DVC_METRIC_TITLE>"}, title="<DVC_METRIC_DATA> of <DVC_METRIC_X>")
    assert found["title"] == "<DVC_METRIC_DATA> of <DVC_METRIC_X>"


def test_dots_and_brackets_are_no_way_into_a_point() -> None:
    point = POINT | {"a.b[0]": 1}
    assert filled({"x": "<DVC_METRIC_X>"}, x="a.b[0]", points=[point])["x"] == r"a\.b\[0\]"


def test_a_template_needs_a_place_for_points() -> None:
    with pytest.raises(FormatError, match="<DVC_METRIC_DATA>"):
        vega.specification({"mark": "bar"}, chart())


def test_an_axis_that_no_point_has() -> None:
    with pytest.raises(MetricNotFound, match="'gone'"):
        filled({}, x="gone")


def test_series_of_one_revision_differ_in_look() -> None:
    two = {"fields": [("a", "loss"), ("b", "acc")]}
    found = filled({"shape": "<DVC_METRIC_SHAPE>", "row": "<DVC_METRIC_ROW>"}, **two)
    assert found["row"] == {"field": "filename::field", "sort": []}
    assert found["shape"]["scale"] == {"domain": ["a::loss", "b::acc"], "range": ["circle", "square"]}
    assert found["data"]["values"] == [{"step": 1, "loss": 0.5, "rev": "r", "filename::field": "a::loss"}]
    assert filled({"shape": "<DVC_METRIC_SHAPE>"})["shape"] == {}


def test_colours_begin_again_after_the_last() -> None:
    revisions = [str(number) for number in range(9)]
    found = filled({"color": "<DVC_METRIC_COLOR>"}, revisions=revisions)["color"]["scale"]
    assert found["domain"] == revisions
    assert found["range"][7:] == found["range"][:2]


def test_split_leaves_what_depends_on_the_data() -> None:
    found, values = vega.split(charts.TEMPLATES["simple"](), chart())
    assert found["data"] == {"values": "<DVC_METRIC_DATA>"}
    assert found["encoding"]["x"]["field"] == "step"
    assert values["<DVC_METRIC_X_LABEL>"] == "X"
    assert len(values["<DVC_METRIC_DATA>"]) == 1


def test_templates_are_filled_without_being_changed() -> None:
    for make in charts.TEMPLATES.values():
        template = make()
        vega.specification(template, chart())
        assert template == make()
