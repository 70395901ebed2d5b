from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

import data_versioning
from data_versioning import MetricsComparator
from data_versioning.api.metrics_comparator import MetricChange, ValueChange
from data_versioning.errors import (
    AmbiguousMetric,
    DataVersioningError,
    FormatError,
    GitError,
    MetricNotFound,
    NoDifference,
    NotInRepository,
)
from tests.operations.work import Work

OLD: dict[str, Any] = {
    "accuracy": 0.9,
    "f1": 0.5,
    "name": "a",
    "gone": 1,
    "deep": {"one": {"loss": 1}, "two": {"loss": 2}},
    "nan": float("nan"),
    "inf": float("inf"),
    "count": 1,
}
NEW: dict[str, Any] = OLD | {
    "accuracy": 0.92,
    "name": "b",
    "new": 2,
    "deep": {"one": {"loss": 3}, "two": {"loss": 5}},
    "count": 3,
}
del NEW["gone"]


@pytest.fixture
def work_with(work: Work) -> Work:
    """Two commits with metrics/eval.json, and train.yaml, which holds the name f1 as well."""
    work.write("dvc.yaml", "metrics: [metrics/eval.json, train.yaml]\n")
    for values, loss in ((OLD, 0.5), (NEW, 0.25)):
        work.write("metrics/eval.json", json.dumps(values))
        work.write("train.yaml", f"f1: {loss}\nepoch: {loss}\n")
        work.save()
    return work


def test_a_change_is_a_number(work_with: Work) -> None:
    diff = MetricsComparator().diff()
    accuracy = diff["accuracy"]
    assert isinstance(accuracy, MetricChange)
    assert isinstance(accuracy, float)
    assert f"{accuracy:+.2%}" == "+2.00%"
    assert (accuracy.old, accuracy.new, accuracy.file, accuracy.metric) == (
        0.9, 0.92, "metrics/eval.json", "accuracy",
    )  # fmt: skip
    assert accuracy > 0.01
    assert diff["count"] == 2
    assert diff["epoch"] == -0.25
    assert data_versioning.MetricsComparator is MetricsComparator


def test_a_name_of_several_metrics(work_with: Work) -> None:
    diff = MetricsComparator().diff()
    with pytest.raises(
        AmbiguousMetric, match=r"several metrics: metrics/eval\.json:f1, train\.yaml:f1"
    ) as caught:
        diff["f1"]
    assert "diff['metrics/eval.json:f1']" in (caught.value.hint or "")
    assert diff["metrics/eval.json:f1"] == 0
    assert diff["train.yaml:f1"] == -0.25
    with pytest.raises(
        AmbiguousMetric, match=r"eval\.json:deep\.one\.loss, metrics/eval\.json:deep\.two\.loss"
    ):
        diff["loss"]
    assert diff["one.loss"] == diff["deep.one.loss"] == diff["metrics/eval.json:deep.one.loss"] == 2
    with pytest.raises(AmbiguousMetric):
        diff.get("f1")


def test_what_one_side_lacks(work_with: Work) -> None:
    diff = MetricsComparator().diff("HEAD~1", "HEAD")
    for name, side in (("gone", "HEAD"), ("new", "HEAD~1")):
        with pytest.raises(KeyError) as caught:
            diff[name]
        assert isinstance(caught.value, MetricNotFound)
        assert isinstance(caught.value, DataVersioningError)
        assert str(caught.value).startswith(f"{side} has no metric metrics/eval.json:{name}")
        assert caught.value.hint
        assert name not in diff
    with pytest.raises(
        MetricNotFound, match=r"neither HEAD~1 nor HEAD has a metric 'acuracy'; there are: .*:accuracy"
    ):
        diff["acuracy"]
    assert diff.removed == ("metrics/eval.json:gone",)
    assert diff.added == ("metrics/eval.json:new",)


def test_text_and_nan_have_no_difference(work_with: Work) -> None:
    diff = MetricsComparator().diff()
    for name in ("name", "nan", "inf"):
        change = diff[name]
        assert isinstance(change, ValueChange)
        with pytest.raises(NoDifference, match=f"eval.json:{name} has no difference"):
            f"{change:+.2%}"
        with pytest.raises(TypeError):
            float(change)
    assert f"{diff['name']}" == "a -> b"
    assert (diff["name"].old, diff["name"].new) == ("a", "b")


def test_all_that_can_be_compared(work_with: Work) -> None:
    diff = MetricsComparator().diff()
    assert sorted(diff) == sorted(
        [
            *("accuracy", "count", "deep.one.loss", "deep.two.loss", "epoch", "inf", "name", "nan"),
            *("metrics/eval.json:f1", "train.yaml:f1"),
        ]
    )
    assert len(diff) == len(dict(diff)) == 10
    assert all(diff[name] is not None for name in diff)


@pytest.mark.parametrize("new", [None, "workspace"])
def test_the_workspace(work_with: Work, new: str | None) -> None:
    work_with.write("metrics/eval.json", json.dumps(NEW | {"accuracy": 1.0}))
    assert f"{MetricsComparator().diff('HEAD', new)['accuracy']:+.1%}" == "+8.0%"
    assert MetricsComparator(work_with.root / "metrics").show()["metrics/eval.json"]["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("m.json", '{"a": {"b": 1}}', '{"a": {"b": 3}}'),
        ("m.yaml", "a: {b: 1}\n", "a: {b: 3}\n"),
        ("m.toml", "[a]\nb = 1\n", "[a]\nb = 3\n"),
    ],
)
def test_formats(work: Work, file: str, old: str, new: str) -> None:
    work.write("dvc.yaml", f"metrics: [{file}]\n")
    for text in (old, new):
        work.write(file, text)
        work.save()
    assert MetricsComparator().diff()["b"] == 2
    assert MetricsComparator().show("HEAD~1") == {file: {"a.b": 1}}


def test_unreadable_files(work_with: Work) -> None:
    work_with.write("metrics/eval.json", "{")
    work_with.write("dvc.yaml", "metrics: [metrics/eval.json, train.yaml, later.json]\n")
    comparator = MetricsComparator()
    diff = comparator.diff("HEAD", None)
    assert diff["epoch"] == 0
    with pytest.raises(
        MetricNotFound, match=r"workspace has no metric metrics/eval\.json:accuracy \(metrics/eval\.json:1: "
    ):
        diff["accuracy"]
    with pytest.raises(MetricNotFound, match=r"not all could be read: workspace: metrics/eval\.json"):
        diff["unknown"]
    with pytest.raises(FormatError, match=r"eval\.json:1"):
        comparator.show()
    work_with.write("metrics/eval.json", "{}")
    assert comparator.show() == {"metrics/eval.json": {}, "train.yaml": {"f1": 0.25, "epoch": 0.25}}
    work_with.write("dvc.yaml", "metrics: {}\n")
    with pytest.raises(FormatError, match=r"dvc\.yaml"):
        comparator.diff("HEAD", None)


def test_history(work_with: Work) -> None:
    work_with.git("tag", "v1", "HEAD~1")
    points = MetricsComparator().history()
    assert [point.metrics["train.yaml"]["epoch"] for point in points[:2]] == [0.25, 0.5]
    assert [point.tags for point in points] == [(), ("v1",), ()]
    assert len(MetricsComparator().history("v1", num=1)) == 1


def test_refusals(work_with: Work, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(GitError, match="unknown Git revision 'v9'"):
        MetricsComparator().diff("v9")
    with pytest.raises(GitError, match="unknown Git revision 'v9'"):
        MetricsComparator().show("v9")
    for place in ("", "typo"):
        with pytest.raises(NotInRepository):
            MetricsComparator(tmp_path_factory.mktemp("none") / place)


def test_a_repository_of_git_alone(work_with: Work) -> None:
    """What `dv metrics show` and DVC's read there, too."""
    shutil.rmtree(work_with.root / ".dvc")
    expected = MetricsComparator().diff()
    assert expected["accuracy"] == pytest.approx(0.02)
    assert len(MetricsComparator(work_with.root / "metrics").history()) >= 2
