"""Errors of dvc.yaml say where and what; acceptance is compared with DVC in tests/pipeline."""

from __future__ import annotations

import pytest

from data_versioning.errors import FormatError
from data_versioning.formats import pipelinefile


def test_sections_are_kept_as_written() -> None:
    parsed = pipelinefile.parse(
        "vars: [a.yaml, {b: 1}]\nstages: {s: {cmd: 'x ${b}'}}\nparams: [p]\nmetrics: [m]\nplots: [q, r: ]\n"
        "artifacts: {a: {path: b}}\ndatasets: [{name: d}]\n",
        file="dvc.yaml",
    )
    assert parsed.stages == {"s": {"cmd": "x ${b}"}}
    assert parsed.vars == ["a.yaml", {"b": 1}]
    assert (parsed.params, parsed.metrics, parsed.plots) == (("p",), ("m",), ["q", {"r": None}])
    assert (parsed.artifacts, parsed.datasets) == ({"a": {"path": "b"}}, [{"name": "d"}])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "stages:\n  a:\n    cmd: x\n    dep: [y]\n",
            4,
            "unknown key 'dep' in stages.a; did you mean 'deps'?",
        ),
        ("stages:\n  a:\n    deps: [y]\n", 2, "stages.a: the key 'cmd' is missing"),
        (
            "stages:\n  a:\n    cmd: x\n    deps:\n    - y\n    - 3\n",
            6,
            "stages.a.deps.1: text is expected, not a number",
        ),
        (
            "stages:\n  a:\n    cmd: x\n    outs:\n    - o:\n        cache: 1\n",
            6,
            "stages.a.outs.0.o.cache: true or false is expected, not a number",
        ),
        (
            "stages:\n  a:\n    foreach: [1]\n    do:\n      cmd: 3\n",
            5,
            "stages.a.do.cmd: a command or a list of commands",
        ),
        (
            "stages:\n  a:\n    cmd: x\n    matrix:\n      m: 3\n",
            5,
            "stages.a.matrix.m: a list or a template is expected",
        ),
        ("stages:\n- a\n", 1, "stages: a mapping is expected, not a list"),
        ("stages:\n  1:\n    cmd: x\n", 1, "the key 1 is not text"),
        ("vars:\n- 3\n", 2, "vars.0: a file name or a mapping is expected, not a number"),
        ("plots:\n- a:\n    y: {f: 3}\n", 3, "plots.0.a.y.f: a field name is expected, not a number"),
        ("artifacts:\n  a:\n    type: x\n", 2, "artifacts.a: the key 'path' is missing"),
    ],
)
def test_error_names_line_and_expectation(text: str, line: int, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        pipelinefile.parse(text, file="sub/dvc.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"sub/dvc.yaml:{caught.value.line}: ")
    assert abs((caught.value.line or 0) - line) <= 1
    assert caught.value.hint


@pytest.mark.parametrize(
    ("outs", "is_meant"),
    [("[o${x}]", True), ("[a, ${x}]", True), ("{a${x}: {cache: false}}", True), ("['${x}', ]]", False)],
)
def test_a_template_without_quotes(outs: str, is_meant: bool) -> None:
    with pytest.raises(FormatError) as caught:
        pipelinefile.parse(f"stages:\n  a:\n    cmd: x\n    outs: {outs}\n", file="dvc.yaml")
    assert caught.value.line == 4
    assert ("needs quotes" in (caught.value.hint or "")) is is_meant


def test_tabs() -> None:
    with pytest.raises(FormatError) as caught:
        pipelinefile.parse("stages:\n\ta:\n", file="dvc.yaml")
    assert (caught.value.line, "spaces" in (caught.value.hint or "")) == (2, True)
