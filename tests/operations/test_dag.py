"""`dv dag` shows the graph that `dvc dag` shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import DiskError, NotTracked
from data_versioning.operations import dag
from data_versioning.operations.dag import Nodes
from tests.operations.work import Work
from tests.oracle import Tool

PIPELINE = """
stages:
  prep:
    cmd: a
    deps: [raw, in/dir/file]
    outs: [prep/a, other, prep/b]
  train:
    cmd: b
    deps: [prep/a, code.py]
    params: [made.yaml: [x]]
    outs: [model]
    frozen: true
  params:
    cmd: c
    outs: [made.yaml: {cache: false}]
  each:
    foreach: [one, two]
    do:
      cmd: d
      deps: [model, prep]
      metrics: ["m/${item}.json": {cache: false}]
  lone:
    cmd: e
    deps: [nothing]
"""
FORMS = [
    ["--dot"], ["--dot", "--outs"], ["--mermaid"], ["--mermaid", "--outs"], ["--md", "train"],
    ["--dot", "train"], ["--dot", "train", "--full"], ["--mermaid", "--full", "lone"], ["--dot", "each"],
    ["--dot", "each@one"], ["--dot", "prep/a"], ["--dot", "--outs", "train"], ["--dot", "--outs", "prep", "--full"],
    ["--dot", "raw.dvc"], ["--dot", "--outs", "each@two"], ["--dot", "--collapse-foreach-matrix"],
    ["--mermaid", "--collapse-foreach-matrix", "each@one"], ["--dot", "nothing"], ["--dot", "sub/dvc.yaml:inner"],
]  # fmt: skip


@pytest.fixture
def pipeline(work: Work) -> Work:
    work.write("raw", "1")
    work.write("in/dir/file", "2")
    work.add("raw", "in/dir")
    work.write("dvc.yaml", PIPELINE)
    work.write("sub/dvc.yaml", "stages: {inner: {cmd: f, deps: [../model], outs: [o]}}")
    return work


@pytest.mark.parametrize("below", [".", "sub"])
def test_it_is_the_graph_of_dvc(pipeline: Work, dvc: Tool, dv: Tool, below: str) -> None:
    here = pipeline.root / below
    for form in FORMS if below == "." else FORMS[:4]:
        theirs, ours = dvc(here, "dag", *form), dv(here, "dag", *form)
        assert theirs.code == ours.code, f"{theirs}\n{ours}"
        # In which order directories are read is the file system's, so numbers and order may differ.
        assert _content(theirs.out) == _content(ours.out), f"{theirs}\n{ours}"


def _content(text: str) -> list[str]:
    for line in text.splitlines():
        if '["' in line:
            number, _, name = line.strip().partition("[")
            text = text.replace(f"{number}-", f"{name}-").replace(f">{number}\n", f">{name}\n")
            text = text.replace(f"{number}[", "[")
    return sorted(text.splitlines())


def test_one_file_gives_the_same_bytes(work: Work, dvc: Tool, dv: Tool) -> None:
    work.write("dvc.yaml", PIPELINE)
    for form in (["--dot"], ["--dot", "--outs"], ["--mermaid"], ["--md", "--outs"], ["--dot", "train"]):
        assert dvc(work.root, "dag", *form).ok().out == dv(work.root, "dag", *form).ok().out


def test_the_image_replaces_a_file(pipeline: Work) -> None:
    found = dag.dag(pipeline.repo())
    pipeline.write("p.svg", "old")
    dag.write_svg(found, "p.svg")
    assert pipeline.read("p.svg").decode() == found.svg()
    with pytest.raises(DiskError):
        dag.write_svg(found, "gone/p.svg")


def test_part_of_an_output(pipeline: Work) -> None:
    found = dag.dag(pipeline.repo(), "in/dir/file", nodes=Nodes.OUTPUTS)
    assert found.needs == {"in/dir": []}


def test_no_record_is_left(pipeline: Work, dv: Tool) -> None:
    before = pipeline.everything()
    assert dv(pipeline.root, "dag", "--json").json["nodes"][0] == "prep"
    assert pipeline.everything() == before
    with pytest.raises(NotTracked):
        dag.dag(pipeline.repo(), "unknown")


def test_an_old_terminal(work: Work, dv: Tool, place: Path) -> None:
    work.write("dvc.yaml", "stages: {a: {cmd: x, outs: [o]}, b: {cmd: y, deps: [o]}}")
    assert dv(work.root, "dag").ok().out == "┌───┐\n│ a │\n└─┬─┘\n  │\n┌─▼─┐\n│ b │\n└───┘\n"
    plain = dv.real(work.root, "dag", env={"PYTHONIOENCODING": "ascii"}).ok().out
    assert plain == "+---+\n| a |\n+-+-+\n  |\n+-v-+\n| b |\n+---+\n"
