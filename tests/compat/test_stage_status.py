"""`dv status` of stages is what `dvc status` says, after any combination of changes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool, copy_repository

PIPELINE = """
vars:
- name: net
stages:
  prep:
    cmd: mkdir -p parts && cp raw parts/a && cp raw parts/b && cp raw single
    deps: [raw, script.sh]
    params: [lr, deep.x, other.json: [k, l.m], whole.toml: , code.py: [SIZE]]
    outs: [parts, single: {persist: true}]
  train:
    cmd: cp parts/a ${name}.bin && echo 1 > m.json && echo 2 > p.csv
    deps: [parts/a]
    outs: [net.bin]
    metrics: [m.json: {cache: false}]
    plots: [p.csv]
    wdir: .
  inside:
    cmd: cat ../parts/* > made
    wdir: sub
    deps: [../parts]
    outs: [made]
  test:
    cmd: [cp net.bin t1, cp sub/made t2]
    deps: [net.bin, sub/made]
    outs: [t1, t2: {push: false}]
    frozen: true
  always:
    cmd: echo 1 > always
    outs: [always]
    always_changed: true
  callback:
    cmd: echo hello
  never:
    cmd: cp raw never
    deps: [raw, gone]
    outs: [never]
  each:
    foreach: {one: 1, two: 2}
    do:
      cmd: echo ${item} > each-${key}
      deps: [raw]
      outs: ["each-${key}"]
"""


def replace(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text, (file, old)
        (root / file).write_text(text.replace(old, new, 1))

    return change


def write(file: str, text: str = "changed\n") -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / file).unlink(missing_ok=True)
        (root / file).write_text(text)

    return change


def remove(file: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / file
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    return change


CHANGES: dict[str, Callable[[Path], None]] = {
    "dependency": write("raw"),
    "dependency gone": remove("raw"),
    "script mode": lambda root: (root / "script.sh").chmod(0o755),
    "script": write("script.sh"),
    "file in a directory": write("parts/b"),
    "file removed in a directory": remove("parts/a"),
    "new file in a directory": write("parts/new"),
    "directory gone": remove("parts"),
    "directory is a file": lambda root: (remove("parts")(root), write("parts")(root))[0],
    "output": write("net.bin"),
    "output gone": remove("single"),
    "output below wdir": write("sub/made"),
    "uncached metric": write("m.json", "3\n"),
    "plot gone": remove("p.csv"),
    "param": replace("params.yaml", "lr: 1", "lr: 2"),
    "param of another type": replace("params.yaml", "lr: 1", "lr: 1.0"),
    "nested param gone": replace("params.yaml", "x: 1", "z: 1"),
    "params file gone": remove("other.json"),
    "params of json": replace("other.json", '"m": [1, 2]', '"m": [1, 3]'),
    "whole params file": replace("whole.toml", "a = 1", "a = 2\nnew = 1"),
    "params of python": replace("code.py", "(1, 2)", "[1, 2]"),
    "params of python changed": replace("code.py", "(1, 2)", "(1, 3)"),
    "command": replace("dvc.yaml", "cp raw single", "cp -f raw single"),
    "command by a variable": replace("dvc.yaml", "name: net", "name: other"),
    "commands": replace("dvc.yaml", "cp net.bin t1,", "cp -f net.bin t1,"),
    "item": replace("dvc.yaml", "two: 2", "two: 3"),
    "new item": replace("dvc.yaml", "two: 2", "two: 2, three: 3"),
    "new dependency": replace("dvc.yaml", "deps: [parts/a]", "deps: [parts/a, script.sh]"),
    "fewer dependencies": replace("dvc.yaml", "deps: [raw, script.sh]", "deps: [script.sh]"),
    "new output": replace("dvc.yaml", "outs: [net.bin]", "outs: [net.bin, more]"),
    "new param": replace("dvc.yaml", "params: [lr,", "params: [lr, gone, deep,"),
    "new params file": replace("dvc.yaml", "other.json: [k", "new.yaml: [x], other.json: [k"),
    "frozen": replace("dvc.yaml", "wdir: sub", "frozen: true\n    wdir: sub"),
    "not frozen": replace("dvc.yaml", "frozen: true", "frozen: false"),
    "cached no more": replace("dvc.yaml", "outs: [always]", "outs: [always: {cache: false}]"),
    "cached now": replace("dvc.yaml", "m.json: {cache: false}", "m.json"),
    "stage gone": replace("dvc.yaml", "  callback:\n    cmd: echo hello\n", ""),
    "lock gone": remove("dvc.lock"),
    "cache gone": remove(".dvc/cache"),
    "description": replace("dvc.yaml", "wdir: sub", "desc: x\n    meta: {a: 1}\n    wdir: sub"),
}


@pytest.fixture(scope="module")
def ran(template: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """A repository in which all stages ran that can."""
    root = copy_repository(template, sandbox.base / "ran")
    (root / "sub").mkdir()
    for name, text in {
        "dvc.yaml": PIPELINE,
        "raw": "raw\n",
        "script.sh": "#!/bin/sh\n",
        "params.yaml": "lr: 1\ndeep: {x: 1, y: 2}\n",
        "other.json": '{"k": 1, "l": {"m": [1, 2]}}',
        "whole.toml": "a = 1\n[b]\nc = 2\n",
        "code.py": "SIZE = (1, 2)\n",
    }.items():
        (root / name).write_text(text)
    stages = ["prep", "train", "inside", "always", "callback", "each"]
    dvc(root, "repro", *stages).ok()
    (root / "dvc.yaml").write_text(PIPELINE.replace("frozen: true", "frozen: false"))
    dvc(root, "repro", "-q", "test").ok()
    (root / "dvc.yaml").write_text(PIPELINE)
    return root


def compare(root: Path, dvc: Tool, dv: Tool, *args: str, below: str = ".") -> None:
    theirs, ours = (tool(root / below, "status", *args) for tool in (dvc, dv))
    assert theirs.code == ours.code, f"{theirs}\n{ours}"
    if "--json" in args and theirs.code == 0:
        assert ours.json == theirs.json


@pytest.mark.parametrize("name", CHANGES)
def test_one_change(ran: Path, place: Path, dvc: Tool, dv: Tool, name: str) -> None:
    root = copy_repository(ran, place / "copy")
    CHANGES[name](root)
    compare(root, dvc, dv, "--json")
    compare(root, dvc, dv, "-q")


@pytest.mark.parametrize("seed", range(25))
def test_several_changes(ran: Path, place: Path, dvc: Tool, dv: Tool, seed: int) -> None:
    chance = random.Random(seed)
    root = copy_repository(ran, place / "copy")
    names = chance.sample(sorted(CHANGES), chance.randint(2, 6))
    for name in names:
        try:
            CHANGES[name](root)
        except (AssertionError, OSError):
            continue  # an earlier change took what this one needs
    compare(root, dvc, dv, "--json")
    compare(root, dvc, dv, "--json", "inside", "each", "../dvc.yaml:test", below="sub")
    compare(root, dvc, dv, "--json", "--with-deps", "test")


def test_the_text_and_the_warning(ran: Path, place: Path, dvc: Tool, dv: Tool) -> None:
    root = copy_repository(ran, place / "copy")
    for name in ("dependency", "param", "params file gone", "command", "output", "cache gone"):
        CHANGES[name](root)
    theirs, ours = (tool(root, "status") for tool in (dvc, dv))
    assert theirs.ok().out.split() == ours.ok().out.split()
    assert "test" in theirs.err and "frozen" in theirs.err
    assert "test" in ours.err and "frozen" in ours.err
    assert not dv(root, "status", "-q").err
