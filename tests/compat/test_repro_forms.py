"""Every form that a stage can have: what runs and what is recorded is the same with both."""

from __future__ import annotations

import pytest
import yaml

from tests.compat.test_repro_flags import IN, both
from tests.compat.trees import remove
from tests.compat.twins import Twins, assert_same_disk, prune
from tests.oracle import Result

FORMS: dict[str, str] = {
    "foreach": """
stages:
  build:
    foreach: [uk, us]
    do:
      cmd: echo ${item} > ${item}.out
      outs: [{"${item}.out": {cache: true}}]
  more:
    foreach: {one: {lr: 1}, two: {lr: 1e-3}}
    do:
      cmd: echo ${key} ${item.lr} > ${key}
      deps: [uk.out]
      outs: ["${key}"]
""",
    "matrix": """
stages:
  train:
    matrix: {model: [cnn, xgb], feature: [1, 2]}
    cmd: echo ${item.model} ${item.feature} > ${key}.txt
    outs: ["${key}.txt"]
""",
    "wdir": """
stages:
  w:
    cmd: cp in x && cp ../in y
    wdir: sub
    deps: [in, ../in]
    params: [../params.yaml: [lr]]
    outs: [x]
    metrics: [y: {cache: false}]
""",
    "lines": """
stages:
  l:
    cmd: |
      echo 1 > one

      echo 2 > two
    deps: [in]
    outs: [one, two]
  m:
    cmd: ["echo 3 > three", "cat two three > four"]
    deps: [two]
    outs: [three, four]
""",
    "executables": """
stages:
  e:
    cmd: cp in tool && chmod +x tool && mkdir -p bin && cp tool bin/t
    deps: [in]
    outs: [tool, bin]
  use:
    cmd: cat tool > used
    deps: [tool, bin]
    outs: [used]
""",
    "callback and always": """
stages:
  callback: {cmd: echo x >> called}
  always: {cmd: cp in always, deps: [in], outs: [always], always_changed: true}
  after: {cmd: cat always called > after, deps: [always], outs: [after]}
  only: {cmd: "true", deps: [in]}
""",
    "frozen": """
stages:
  first: {cmd: cp in first, deps: [in], outs: [first]}
  ice: {cmd: cp first ice, deps: [first], outs: [ice], frozen: true}
  last: {cmd: cat ice > last, deps: [ice], outs: [last]}
  always: {cmd: "true", deps: [first], always_changed: true, frozen: true}
  callback: {cmd: "echo x >> called", frozen: true}
""",
    "persist": """
stages:
  keep: {cmd: mkdir -p k && cat in >> k/log && cat in >> p, deps: [in], outs: [k: {persist: true}, p: {persist: true}]}
""",
    "params": """
params: [other.json]
stages:
  p:
    cmd: cat params.yaml other.json tool.toml conf.py > p
    params: [lr, net.layers, other.json: [a.b], tool.toml: , conf.py: [C.x]]
    outs: [p]
""",
    "metrics and plots": """
stages:
  m:
    cmd: mkdir -p plots && echo '{"a":1}' > m.json && echo x,y > plots/p.csv && cp m.json n.json; cp in z.csv
    deps: [in]
    metrics: [m.json: {cache: false}, n.json]
    plots: [plots: {cache: false}, z.csv: {x: a}]
""",
    "empty": """
stages:
  e: {cmd: mkdir -p d/e && touch f, deps: [in], outs: [d, f]}
""",
    "names": """
stages:
  "ünï-1_x": {cmd: 'cp in "ö ut: #1"', deps: [in], outs: ["ö ut: #1"]}
""",
    "a directory as metric": """
stages:
  m: {cmd: mkdir m && cp in m/x.json, deps: [in], metrics: [m: {cache: false}]}
""",
    "no such directory": """
stages:
  m: {cmd: touch x, wdir: gone, outs: [x]}
""",
    "not made": """
stages:
  m: {cmd: touch x, outs: [x, y]}
""",
    "overlap": """
stages:
  a: {cmd: mkdir -p d && touch d/x, outs: [d]}
  b: {cmd: touch d/x, outs: [d/x]}
""",
    "an output inside of a dependency": """
stages:
  a: {cmd: cp in sub/made, deps: [sub, in], outs: [sub/made]}
""",
    "an input made by nobody": """
stages:
  a: {cmd: cp gone a, deps: [gone], outs: [a]}
""",
    "a dependency inside of an output": """
stages:
  a: {cmd: mkdir -p d && cp in d/x && cp in d/y, deps: [in], outs: [d]}
  b: {cmd: cp d/x b, deps: [d/x], outs: [b]}
  c: {cmd: cp -r e c, deps: [e], outs: [c]}
  e: {cmd: mkdir -p e && cp in e/one, deps: [in], outs: [e/one]}
""",
    "cycle": """
stages:
  a: {cmd: cp b a, deps: [b], outs: [a]}
  b: {cmd: cp a b, deps: [a], outs: [b]}
""",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(twins: Twins, form: str) -> None:
    """First run, nothing to do, a changed input, the old input again, an output that was edited, one that is gone."""
    for path, content in IN.items():
        twins.write(path, content)
    twins.write("params.yaml", "lr: 1e-3\nnet:\n  layers: [1, 2]\n")
    twins.write("other.json", '{"a": {"b": 0.1}}')
    twins.write("tool.toml", "when = '2020'\nx = 1\n")
    twins.write("conf.py", "class C:\n    x = (1, 2)\n")
    twins.write("dvc.yaml", FORMS[form])
    expected, _ = both_or_failed(twins)
    if expected.code:
        return
    both(twins, "repro")
    for content in ("2\n", "1\n"):
        for path in ("in", "sub/in"):
            twins.write(path, content)
        twins.write("params.yaml", f"lr: {content}net:\n  layers: [1, 2]\n")
        both(twins, "repro")
    for player in twins.players:
        for stage in yaml.safe_load((player.root / "dvc.lock").read_text())["stages"].values():
            for out in stage.get("outs", []):
                remove(player.root / ("sub" if form == "wdir" else "") / out["path"])
    both(twins, "repro")
    twins.compare_status(form)


def both_or_failed(twins: Twins) -> tuple[Result, Result]:
    expected, actual = (player.run("repro") for player in twins.players)
    assert actual.code == expected.code, f"{expected}\n{actual}"
    if expected.code == 0:
        assert_same_disk(prune(twins.theirs.disk()), prune(twins.ours.disk()), f"{expected}\n{actual}")
    return expected, actual


@pytest.mark.parametrize("path", ["sub/dvc.lock", "sub/dvc.yaml", "dvc.yaml", "x.dvc", ".dvc/x", ".git/x"])
def test_outputs_with_names_of_dvc(twins: Twins, path: str) -> None:
    """A lock file may be an output; pointer files, and what lies in .dvc and .git, may not."""
    stage = {"cmd": f"mkdir -p sub; echo 1 > {path}", "outs": [path]}
    twins.write("dvc.yaml", yaml.safe_dump({"stages": {"s": stage}}))
    assert bool(both_or_failed(twins)[0].code) is (path != "sub/dvc.lock")
    expected, actual = (player.run("status").code for player in twins.players)
    assert actual == expected
