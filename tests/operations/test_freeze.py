"""Freezing changes one key and nothing else; the result is what DVC writes where DVC can."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import NotTracked, UsageError
from data_versioning.operations import freeze
from tests.operations.work import Work
from tests.oracle import Tool, copy_repository, difference, snapshot
from tests.tracking import records

PIPELINE = """\
stages:
  # The first.
  one:
    cmd: a   # beside
    deps: [b,  a]
    outs:
    - o
  two: {cmd: 'c ${x}', vars: [x: 1]}
  group:
    foreach: [p, q]
    do:
      cmd: d ${item}
  cube:
    matrix: {m: [p, q]}
    cmd: e ${item.m}
"""
CANONICAL = PIPELINE.replace("[b,  a]", "[a, b]")


@pytest.fixture
def pipeline(work: Work) -> Work:
    work.write("dvc.yaml", PIPELINE)
    work.write("data", "1")
    work.add("data")
    return work


def test_dvc_writes_the_same(template: Path, place: Path, dvc: Tool, dv: Tool) -> None:
    roots = [copy_repository(template, place / name) for name in ("dvc", "dv")]
    for command in ("freeze", "unfreeze"):
        for tool, root in zip((dvc, dv), roots, strict=True):
            if command == "freeze":
                (root / "sub").mkdir()
                (root / "dvc.yaml").write_text(CANONICAL)
                (root / "data").write_text("1")
                dvc(root, "add", "-q", "data").ok()
            tool(root / "sub", command, "../dvc.yaml:one", "../data.dvc").ok()
        left, right = map(snapshot, roots)
        assert not difference(left, right), command


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("one", "    - o\n", "    - o\n    frozen: true\n"),
        ("two", "vars: [x: 1]}", "vars: [x: 1], frozen: true}"),
        ("group", "do:\n      cmd: d ${item}\n", "do:\n      cmd: d ${item}\n      frozen: true\n"),
        ("cube", "cmd: e ${item.m}\n", "cmd: e ${item.m}\n    frozen: true\n"),
    ],
)
def test_only_one_key_changes(pipeline: Work, name: str, old: str, new: str) -> None:
    # ruamel writes flow lists with one space, so that is where the file begins.
    pipeline.write("dvc.yaml", CANONICAL)
    frozen = freeze.freeze(pipeline.repo(), [name])
    assert (frozen.edited, pipeline.read("dvc.yaml").decode()) == (("dvc.yaml",), CANONICAL.replace(old, new))
    assert freeze.freeze(pipeline.repo(), [name]).edited == ()
    freeze.unfreeze(pipeline.repo(), [name])
    assert pipeline.read("dvc.yaml").decode() == CANONICAL


def test_all_names_or_none(pipeline: Work, dvc: Tool, dv: Tool) -> None:
    before = pipeline.everything()
    for name in ("gone", "data", "o", "group@p", "dvc.yaml:gone"):
        with pytest.raises((NotTracked, UsageError)):
            freeze.freeze(pipeline.repo(), ["one", name])
        assert dv(pipeline.root, "freeze", "one", name).code == 1
    assert pipeline.everything() == before
    assert dvc(pipeline.root, "freeze", "gone").code == 1


def test_several_and_undo(pipeline: Work, dv: Tool) -> None:
    before = pipeline.everything()
    done = dv(pipeline.root, "freeze", "--json", "one", "data.dvc", "group").json
    assert done == {
        "stages": ["one", "data.dvc", "group@p", "group@q"],
        "edited": ["dvc.yaml", "data.dvc"],
    }
    assert records(pipeline.root)[-1]["verb"] == "freeze"
    dv(pipeline.root, "undo").ok()
    assert pipeline.everything() == before
