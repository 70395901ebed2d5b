"""Order of stages."""

from __future__ import annotations

import pytest

from data_versioning.errors import FormatError
from data_versioning.pipeline import graph
from data_versioning.pipeline.project import Project
from tests.pipeline.oracle import project


@pytest.fixture(scope="module")
def diamond() -> Project:
    return project(
        raw_dvc="outs:\n- path: raw\n",
        dvc_yaml="""
stages:
  last: {cmd: d, deps: [left, right/file]}
  left: {cmd: b, deps: [raw/part], outs: [left]}
  right: {cmd: c, deps: [raw], params: [lr, made/params.yaml: [a]], outs: [right]}
  maker: {cmd: m, outs: [made/params.yaml]}
  whole: {cmd: w, deps: [made, 's3://b/k/x']}
  cloud: {cmd: x, outs: ['s3://b/k': {cache: false}]}
""",
    )


def names(stages: list[graph.Stage]) -> list[str]:
    return [stage.address for stage in stages]


def test_needs(diamond: Project) -> None:
    needs = graph.build(diamond.stages).needs
    assert needs["dvc.yaml:last"] == ["dvc.yaml:left", "dvc.yaml:right"]
    assert needs["dvc.yaml:right"] == ["raw.dvc", "dvc.yaml:maker"]
    assert needs["dvc.yaml:whole"] == ["dvc.yaml:maker", "dvc.yaml:cloud"]


def test_upstream_comes_first(diamond: Project) -> None:
    built = graph.build(diamond.stages)
    assert names(built.upstream([built.stages["dvc.yaml:last"]])) == [
        "raw.dvc",
        "left",
        "maker",
        "right",
        "last",
    ]


def test_downstream_keeps_the_order(diamond: Project) -> None:
    built = graph.build(diamond.stages)
    assert names(built.downstream([built.stages["raw.dvc"]])) == ["raw.dvc", "left", "right", "last"]


def test_long_chain_does_not_exhaust_the_stack() -> None:
    count = 3_000
    stages = "\n".join(f"  s{i}: {{cmd: x, deps: [f{i}], outs: [f{i + 1}]}}" for i in reversed(range(count)))
    loaded = project(dvc_yaml=f"stages:\n{stages}\n")
    built = graph.build(loaded.stages)
    assert names(built.upstream([built.stages[f"dvc.yaml:s{count - 1}"]])) == [f"s{i}" for i in range(count)]


def test_circle_is_named() -> None:
    text = "stages: {a: {cmd: x, deps: [p], outs: [q]}, b: {cmd: x, deps: [q], outs: [p]}}"
    with pytest.raises(FormatError, match=r"circle: dvc\.yaml:a → dvc\.yaml:b → dvc\.yaml:a"):
        project(dvc_yaml=text)


def test_what_is_cut_off_goes_in_the_order_of_the_plan(diamond: Project) -> None:
    """`last` is frozen: it comes before `left`, which it would need, and after `right`."""
    whole = graph.build(diamond.stages)
    frozen = graph.Graph(whole.stages, {**whole.needs, "dvc.yaml:last": []})
    plan = ["raw.dvc", "dvc.yaml:right", "dvc.yaml:last", "dvc.yaml:left"]
    assert graph.apart(plan, whole, frozen) == {
        "dvc.yaml:left": ["dvc.yaml:last"],
        "dvc.yaml:last": ["dvc.yaml:right"],
    }
    assert graph.apart(plan, whole, whole) == {}
