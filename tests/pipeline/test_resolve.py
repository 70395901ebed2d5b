"""Templates mean what they mean to DVC: every case is given to both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.oracle import compare

PARAMS = """
lr: 1.0e-3
name: net
empty:
flag: true
list: [a, b, 3, true, null]
deep: [{n: 1, m: [x, y]}, {n: 2, m: []}]
models:
  us: {epochs: 10, dirs: [p, q]}
  gb: {epochs: 20, dirs: []}
train:
  lr: 0.5
  verbose: true
  quiet: false
  layers: [1, 2]
  name: it's
  opt: {kind: adam, decay: }
"""

GOOD = {
    "text": "{cmd: 'echo ${name} ${lr} ${empty} ${flag}'}",
    "whole value": "{cmd: a, deps: ['${name}', '${list[0]}', '${ list[1] }'], desc: '${name} ${flag}'}",
    "escaped": r"{cmd: 'echo \${name} ${name} \${'}",
    "nested key": "{cmd: 'echo ${models.us.dirs[1]} ${models[us][epochs]} ${models.us.dirs.0}'}",
    "negative index": "{cmd: 'echo ${list[-1]}'}",
    "several lines": '{cmd: "one ${name}\\ntwo"}',
    "list of commands": "{cmd: ['a ${name}', b]}",
    "flags": "{cmd: 'run ${train}'}",
    "flags of an inner mapping": "{cmd: 'run ${train.opt} ${models}'}",
    "keys": "{cmd: a, outs: ['${name}.bin': {cache: false, desc: '${lr}'}]}",
    "wdir": "{cmd: a, wdir: '${name}/x', outs: [o, ../p], deps: [../../q, /abs/r], params: [lr]}",
    "output options": "{cmd: a, outs: [o: {cache: false, persist: true, push: false, remote: r, desc: d,"
    " type: t, labels: [l], meta: {k: 1}, checkpoint: true}]}",
    "metrics and plots": "{cmd: a, metrics: [m.json: {cache: false}], plots: [p.csv: {x: a, y: b,"
    " template: t, x_label: u, y_label: v, title: w, header: false, cache: false}, q]}",
    "same output twice": "{cmd: a, outs: [o, o: {cache: false}]}",
    "params": "{cmd: a, params: [lr, train.lr, lr, o.yaml: [a, b], p.json: , o.yaml: [c]]}",
    "params whole then keys": "{cmd: a, params: [other.yaml: [a], params.yaml: , lr, other.yaml: []]}",
    "templated params": "{cmd: a, params: ['${name}', '${name}.toml': ['${list[0]}']]}",
    "urls": "{cmd: a, deps: ['https://h/y', ../outside, /abs]}",
    "external output": "{cmd: a, outs: ['https://h/x': {cache: false}]}",
    "other keys": "{cmd: a, frozen: true, always_changed: true, desc: d, meta: {a: '${name}'}}",
    "no dependencies": "{cmd: a}",
    "number as command": "{cmd: '${list[2]}x'}",
    "foreach list": "{foreach: [1, x, true, 1.5, null, x], do: {cmd: 'echo ${item}'}}",
    "foreach list of mappings": "{foreach: [{a: 1}, 2], do: {cmd: x}}",
    "foreach mappings inside": "{foreach: '${deep}', do: {cmd: 'echo ${item.n} ${item[n]}'}}",
    "foreach mapping": "{foreach: {a: 1, b: {c: 2}, 3: 4}, do: {cmd: 'echo ${key}'}}",
    "foreach template list": "{foreach: '${list}', do: {cmd: 'echo ${item}'}}",
    "foreach templates in list": "{foreach: ['${flag}', true, '${name}-x'], do: {cmd: 'echo ${item}'}}",
    "foreach template mapping": "{foreach: '${models}', do: {cmd: 'x ${item.epochs}', outs: ['o${key}']}}",
    "foreach template in mapping": "{foreach: {a: '${lr}', '${name}x': [1]}, do: {cmd: 'echo ${key}'}}",
    "foreach nothing": "{foreach: [], do: {cmd: a}}",
    "foreach wdir and vars": "{foreach: [p, q], do: {wdir: '${item}', cmd: 'x ${v}', vars: [{v: 1}]}}",
    "matrix": "{matrix: {m: [a, b], n: [1, true]}, cmd: 'echo ${item.m} ${item.n} ${key}'}",
    "matrix of templates": "{matrix: {m: '${list}', n: ['${flag}', false, '${name}']}, cmd: 'echo ${key}'}",
    "matrix of mappings": "{matrix: {m: '${deep}', n: [[1, 2], {a: b}, c]}, cmd: 'echo ${key} ${item.m.n}'}",
    "matrix over keys": "{matrix: {m: '${models}'}, cmd: 'echo ${item.m}'}",
    "matrix of nothing": "{matrix: {m: [], n: [1]}, cmd: a}",
    "empty matrix": "{matrix: {}, cmd: a}",
    "matrix outputs": "{matrix: {m: [a, b]}, cmd: c, outs: ['${item.m}.txt': {cache: false}]}",
    "stage vars": "{vars: [{mine: 1, train: {own: 2}}, more.json], cmd: '${mine} ${train.own} ${lr} ${j}'}",
    "stage vars of wdir": "{wdir: sub, vars: [inner.yaml], cmd: 'echo ${inner}'}",
    "stage vars, some keys": "{vars: ['more.json:j,k'], cmd: 'echo ${j} ${k}'}",
}

BAD = {
    "unknown": "{cmd: '${nothing}'}",
    "index too large": "{cmd: '${list[9]}'}",
    "index is no number": "{cmd: '${list[a]}'}",
    "below a scalar": "{cmd: '${name.x}'}",
    "list in text": "{cmd: 'echo ${list}'}",
    "mapping in deps": "{cmd: a, deps: ['${train}']}",
    "list as output": "{cmd: a, outs: ['${list}']}",
    "nested list as flags": "{cmd: 'run ${bad}'}",
    "empty expression": "{cmd: 'echo ${}'}",
    "open bracket": "{cmd: 'echo ${a[0}'}",
    "two dots": "{cmd: 'echo ${a..b}'}",
    "text after bracket": "{cmd: 'echo ${list[0]x}'}",
    "no command": "{deps: [a]}",
    "unknown key": "{cmd: a, dep: [b]}",
    "deps is text": "{cmd: a, deps: b}",
    "outs of null": "{cmd: a, outs: [o: ]}",
    "unknown option": "{cmd: a, outs: [o: {cached: true}]}",
    "option is text": "{cmd: a, outs: [o: {cache: 'yes'}]}",
    "template for a flag": "{cmd: a, frozen: '${flag}'}",
    "plot option on output": "{cmd: a, outs: [o: {x: y}]}",
    "list of plot options": "{cmd: a, plots: [o: [{x: y}]]}",
    "null stage": "",
    "text stage": "x",
    "wdir is a list": "{cmd: a, wdir: [x]}",
    "foreach of text": "{foreach: abc, do: {cmd: a}}",
    "foreach of scalar": "{foreach: '${name}', do: {cmd: a}}",
    "foreach of a number": "{foreach: 3, do: {cmd: a}}",
    "foreach without do": "{foreach: [1]}",
    "do without foreach": "{do: {cmd: a}}",
    "foreach and cmd": "{foreach: [1], do: {cmd: a}, cmd: b}",
    "foreach and matrix": "{foreach: [1], do: {cmd: a}, matrix: {a: [1]}}",
    "key in foreach of a list": "{foreach: [1], do: {cmd: '${key}'}}",
    "item outside": "{cmd: '${item}'}",
    "unknown in matrix": "{matrix: {a: [1]}, cmd: '${item.b}'}",
    "matrix axis is a number": "{matrix: {a: 1}, cmd: a}",
    "matrix axis of scalar": "{matrix: {a: '${lr}'}, cmd: a}",
    "vars redefine": "{vars: [{lr: 1}], cmd: a}",
    "vars redefine inside": "{vars: [{train: {lr: 1}}], cmd: a}",
    "vars file missing": "{vars: [nothing.yaml], cmd: a}",
    "vars key missing": "{vars: ['more.json:nothing'], cmd: a}",
    "vars file is a list": "{vars: [list.yaml], cmd: a}",
    "vars file twice in parts": "{vars: ['more.json:j', more.json], cmd: a}",
    "vars part after whole": "{vars: [more.json, 'more.json:j'], cmd: a}",
    "vars same key twice": "{vars: ['more.json:j', 'more.json:j,k'], cmd: a}",
    "vars with template": "{vars: [{x: '${name}'}], cmd: a}",
    "vars set item": "{foreach: [1], do: {vars: [{item: 2}], cmd: a}}",
    "vars set key in matrix": "{matrix: {a: [1]}, vars: [{key: 2}], cmd: a}",
    "params of text": "{cmd: a, params: [f: x]}",
    "params of a number": "{cmd: a, params: [3]}",
    "dependency on a pointer file": "{cmd: a, deps: [x.dvc]}",
    "output is a pointer file": "{cmd: a, outs: [sub/dvc.yaml]}",
    "duplicate output": "{cmd: a, outs: [o], metrics: [o]}",
    "overlapping outputs": "{cmd: a, outs: [o, o/p]}",
    "own output needed": "{cmd: a, deps: [o/p], outs: [o]}",
    "output around dvc.yaml": "{cmd: a, outs: [.]}",
}

FILES = {
    "params.yaml": PARAMS,
    "more.json": '{"j": 5, "k": {"l": [1]}}',
    "list.yaml": "[1, 2]",
    "sub/inner.yaml": "inner: 7",
}


@pytest.mark.parametrize("case", GOOD)
def test_stage_is_resolved_as_by_dvc(dvc_root: Path, case: str) -> None:
    compare(dvc_root, {**FILES, "dvc.yaml": f"stages:\n  one: {GOOD[case]}\n"})


@pytest.mark.parametrize("case", BAD)
def test_stage_is_refused_as_by_dvc(dvc_root: Path, case: str) -> None:
    compare(dvc_root, {**FILES, "dvc.yaml": f"vars: [{{bad: {{a: [[1]]}}}}]\nstages:\n  one: {BAD[case]}\n"})


NAMES = [
    "a",
    "a",
    "b",
    "flag",
    "deep",
    "deep.x",
    "deep[x]",
    "list",
    "list[0]",
    "list.1.y",
    "none",
    "gone",
    "own",
]
ITEMS = ["item", "item", "item.x", "key"]
SCALARS = st.sampled_from([1, 2.5, -3, True, False, None, "text", "two words", "", "0x10", "it's"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
    max_leaves=4,
)


def templates(names: list[str]) -> st.SearchStrategy[str]:
    whole = st.sampled_from(names).map(lambda name: f"${{{name}}}")
    pieces = st.lists(whole | st.sampled_from(["t", "-", " ", "\\${a}", "$", "}"]), min_size=1, max_size=3)
    return pieces.map("".join)


def bodies(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    text = templates(names)
    command = text.map(lambda it: f"run {it}")
    path = text.map(lambda it: f"d/{it}")
    options = st.fixed_dictionaries(
        {}, optional={"cache": st.booleans(), "persist": st.booleans(), "desc": text}
    )
    output = path | st.builds(lambda name, chosen: {f"{name}o": chosen}, path, options)
    params = text | st.builds(
        lambda name, keys: {f"{name}.yaml": keys}, text, st.lists(text, max_size=2) | st.none()
    )
    return st.fixed_dictionaries(
        {"cmd": command | st.lists(command, min_size=1, max_size=2)},
        optional={
            "deps": st.lists(path, max_size=2),
            "outs": st.lists(output, max_size=2),
            "metrics": st.lists(path.map("m{}".format), max_size=1),
            "params": st.lists(params, max_size=3),
            "vars": st.lists(
                st.dictionaries(st.sampled_from(["own", "a", "deep", "item"]), VALUES, max_size=1), max_size=2
            ),
            "desc": text,
            "frozen": st.booleans(),
        },
    )


LISTED = st.lists(SCALARS | VALUES | templates(NAMES), max_size=3)
GROUPS = st.one_of(
    bodies(NAMES),
    st.builds(
        lambda items, body: {"foreach": items, "do": body},
        LISTED
        | st.dictionaries(st.sampled_from("pqr"), VALUES, max_size=2)
        | st.sampled_from(["${list}", "${deep}"]),
        bodies(NAMES + ITEMS * 4),
    ),
    st.builds(
        lambda axes, body: {"matrix": axes, **body},
        st.dictionaries(st.sampled_from("xy"), LISTED | st.sampled_from(["${list}", "${deep}"]), max_size=2),
        bodies(NAMES + ITEMS * 4),
    ),
)
PARAMETERS = st.fixed_dictionaries(
    {
        "a": SCALARS,
        "deep": st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=2),
        "list": st.lists(VALUES, max_size=3),
    },
    optional={"b": VALUES, "flag": st.booleans(), "none": st.none()},
)


@settings(max_examples=250)
@given(PARAMETERS, st.dictionaries(st.sampled_from(["one", "two"]), GROUPS, min_size=1))
def test_generated_pipelines_are_what_dvc_says(dvc_root: Path, params: Any, stages: Any) -> None:
    compare(dvc_root, {"params.yaml": json.dumps(params), "dvc.yaml": json.dumps({"stages": stages})})
