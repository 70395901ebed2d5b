from __future__ import annotations

import json

import pytest

from data_versioning.errors import DiskError, FormatError, PathError
from data_versioning.metrics import charts
from data_versioning.operations import plot_template
from tests.operations.work import Work

OWN = {"mark": "bar", "data": {"values": "<DVC_METRIC_DATA>"}}


def test_ones_own_come_first(work: Work) -> None:
    assert plot_template.find(work.repo(), None) == charts.TEMPLATES["linear"]()
    work.write("some/path.json", json.dumps({"mark": "point"}))
    assert plot_template.find(work.repo(), "some/path.json") == {"mark": "point"}
    for name in ("linear.json", "mine.json", "exact.vl"):
        work.write(f".dvc/plots/{name}", json.dumps(OWN))
    for name in ("linear", "mine", "mine.json", "exact.vl"):
        assert plot_template.find(work.repo(), name) == OWN


@pytest.mark.parametrize("content", ["{", "[1]", b"\xff", "[" * 100_000])
def test_what_is_no_template(work: Work, content: str | bytes) -> None:
    work.write(".dvc/plots/bad.json", content)
    with pytest.raises(FormatError, match="bad"):
        plot_template.find(work.repo(), "bad")


def test_names_that_lead_to_no_file(work: Work) -> None:
    (work.root / ".dvc/plots").mkdir()
    for name in ("absent", "..", "", "\0", "x" * 5000):
        with pytest.raises((PathError, DiskError)):
            plot_template.find(work.repo(), name or "absent")
