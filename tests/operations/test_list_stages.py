"""`dv stage list` shows what `dvc stage list` shows."""

from __future__ import annotations

import pytest

from data_versioning.errors import FormatError, NotTracked
from data_versioning.operations import list_stages
from tests.operations.work import Work
from tests.oracle import Tool

PIPELINE = f"""
stages:
  both: {{cmd: a, deps: [raw], outs: [o], metrics: [m.json], plots: [p.csv]}}
  described: {{cmd: a, desc: "\\n  first line  \\nsecond", outs: [x]}}
  reads: {{cmd: a, deps: [o], params: [lr, other.yaml: [k]]}}
  nothing: {{cmd: a}}
  long: {{cmd: a, outs: [{"long" * 30}]}}
  each: {{foreach: [q, p], do: {{cmd: 'a ${{item}}', metrics: ['n${{item}}']}}}}
"""
CALLS = [
    [], ["--name-only"], ["--names-only", "both", "each"], ["each@p", "raw.dvc"], ["dvc.yaml", "sub/dvc.yaml"],
    ["sub/dvc.yaml:inner", "dvc.yaml:both"], ["empty/dvc.yaml"], ["gone"], ["gone/dvc.yaml"], ["--all"],
    ["-R", "sub"], ["-R", ".", "--name-only"], ["both", "both"],
]  # fmt: skip


@pytest.fixture
def pipeline(work: Work) -> Work:
    work.write("raw", "1")
    work.add("raw")
    work.write("dvc.yaml", PIPELINE)
    work.write("sub/dvc.yaml", "stages: {inner: {cmd: f, deps: [../o], outs: [z]}}")
    work.write("empty/dvc.yaml", "metrics: [x.json]\n")
    return work


def rows(text: str) -> list[list[str]]:
    return sorted(line.split(maxsplit=1) for line in text.splitlines() if line)


def test_it_is_the_list_of_dvc(pipeline: Work, dvc: Tool, dv: Tool) -> None:
    for args in CALLS:
        theirs, ours = dvc(pipeline.root, "stage", "list", *args), dv(pipeline.root, "stage", "list", *args)
        assert theirs.code == ours.code, f"{theirs}\n{ours}"
        if "--all" in args or "-R" in args:  # directories are read in the file system's order
            assert rows(theirs.out) == rows(ours.out), f"{theirs}\n{ours}"
        else:
            lines = [[line.rstrip() for line in found.out.splitlines() if line] for found in (theirs, ours)]
            assert lines[0] == lines[1], f"{theirs}\n{ours}"


def test_from_a_directory(pipeline: Work, dvc: Tool, dv: Tool) -> None:
    for args in ([], ["--all"], ["../dvc.yaml:both"]):
        theirs, ours = (tool(pipeline.root / "sub", "stage", "list", *args) for tool in (dvc, dv))
        assert rows(theirs.ok().out) == rows(ours.ok().out)


def test_files_that_cannot_be_read_are_skipped(pipeline: Work, dvc: Tool, dv: Tool) -> None:
    pipeline.write("empty/dvc.yaml", "stages: {x: {}}\n")
    theirs, ours = (tool(pipeline.root, "stage", "list", "--all") for tool in (dvc, dv))
    assert rows(theirs.ok().out) == rows(ours.ok().out)
    assert "skipped: empty/dvc.yaml:1: " in ours.err
    for args in (["--all", "--fail"], ["empty/dvc.yaml"]):
        theirs, ours = (tool(pipeline.root, "stage", "list", *args) for tool in (dvc, dv))
        assert theirs.code == ours.code != 0, f"{theirs}\n{ours}"
    assert [stage.stage for stage in list_stages.list_stages(pipeline.repo(), ["both"]).stages] == ["both"]
    with pytest.raises(FormatError):
        list_stages.list_stages(pipeline.repo(), ["unknown"])


def test_json(work: Work, dv: Tool) -> None:
    work.write("dvc.yaml", "stages: {a: {cmd: x, outs: [o]}}")
    assert dv(work.root, "stage", "list", "--json").json == [{"stage": "a", "desc": "Outputs o"}]
    (work.root / "dvc.yaml").unlink()
    with pytest.raises(NotTracked, match=r"there is no 'dvc\.yaml'"):
        list_stages.list_stages(work.repo())
