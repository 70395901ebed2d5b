"""Metrics and parameters of the workspace and of revisions; compared with the real DVC, value for value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import FormatError, GitError, MissingObject, PathError
from data_versioning.operations import metrics, params
from tests.operations.work import Work
from tests.oracle import Tool

PIPELINE = """\
metrics:
  - listed.yaml
  - folder
  - gone.json
  - broken.yaml
  - broken.json
  - broken.toml
  - bytes.json
  - scalar.yaml
params: [listed.toml]
stages:
  train:
    cmd: echo
    params:
      - lr
      - net.layers.1
      - "glob.*"
      - conf/train.json:
      - conf/some.py: [Model.width, names]
      - conf/none.yaml: [x]
    metrics:
      - out.json: {cache: false}
  keep:
    cmd: echo
    metrics: [kept.json]
"""
BELOW = """\
metrics: [own.json]
params: [own.yaml]
stages:
  test:
    cmd: echo
    wdir: ..
    metrics: [sub/wdir.json: {cache: false}]
"""
FIRST = {
    "dvc.yaml": PIPELINE,
    "sub/dvc.yaml": BELOW,
    "sub/own.json": '{"own": 1}',
    "sub/wdir.json": '{"wdir": 1.5}',
    "sub/own.yaml": "own: 1\n",
    "listed.yaml": "a: 1e-3\nnested: {b: 2, deeper: {c: text, on: on}}\nlist: [1, 2]\nnothing: null\ngone: 5\n",
    "listed.toml": "x = [1, 2]\ny = 1.0\n[t]\nz = 'text'\n",
    "folder/one.json": '{"nan": NaN, "inf": Infinity, "big": 123456789012345678901234567890, "flag": true}',
    "folder/deep/two.yaml": "acc: 0.123456789\n",
    "folder/removed.yaml": "acc: 1\n",
    "broken.yaml": "a: [\n",
    "broken.json": "{",
    "broken.toml": "=",
    "bytes.json": b'{"a": "\xff"}',
    "scalar.yaml": "0.5\n",
    "out.json": '{"loss": 0.5, "same": 1, "kind": "number", "becomes": 1}',
    "kept.json": '{"kept": 1}',
    "params.yaml": "lr: 0.1\nnet: {layers: [1, 2, 3], size: 4}\nglob: {a: 1, b: {c: 2}}\nunused: 1\n",
    "conf/train.json": '{"epochs": 3, "list": [1], "empty": {}, "none": null}',
    "conf/some.py": "names = ['a']\nclass Model:\n    width = 3\n    depth = 4\n",
    "other.json": '{"undeclared": 1}',
}  # fmt: skip
SECOND = {
    "sub/own.json": '{"own": 2}',
    "sub/own.yaml": "own: 2\n",
    "listed.yaml": "a: 2e-3\nnested: {b: 2.0, deeper: {c: other, on: on}, new: 1}\nlist: [1]\n",
    "listed.toml": "x = [1, 3]\ny = 2.0\n[t]\nz = 'text'\n",
    "folder/one.json": '{"nan": NaN, "inf": Infinity, "big": 123456789012345678901234567891, "flag": false}',
    "folder/deep/two.yaml": "acc: 0.987654321\n",
    "folder/removed.yaml": None,
    "folder/added.yaml": "acc: 1\n",
    "broken.yaml": "a: 1\n",
    "scalar.yaml": "0.75\n",
    "out.json": '{"loss": 0.25, "same": 1, "kind": "number", "becomes": "text"}',
    "kept.json": '{"kept": 2}',
    "params.yaml": "lr: 1e-2\nnet: {layers: [1, 5], size: 4}\nglob: {a: 2, b: {c: 2, d: 3}}\nunused: 2\n",
    "conf/train.json": '{"epochs": 3.5, "list": [2], "empty": {"now": 1}, "none": 1}',
    "conf/some.py": "names = ['a', 'b']\nclass Model:\n    width = 3\n    depth = 5\n",
    "other.json": '{"undeclared": 2}',
}


def write(work: Work, files: dict[str, Any]) -> None:
    for name, content in files.items():
        if content is None:
            work.delete(name)
        else:
            work.write(name, content)


@pytest.fixture
def two(work: Work, dvc: Tool) -> Work:
    """Two commits, v1 and v2, and one more file in the workspace; `kept.json` is in the cache."""
    for number, files in enumerate((FIRST, SECOND), 1):
        write(work, files)
        dvc(work.root, "commit", "-q", "-f", "keep").ok()
        work.save()
        work.git("tag", "-a", "-m", "", f"v{number}")
    work.write("out.json", '{"loss": 0.125}')
    return work


def neutral(found: Any) -> Any:
    """JSON without the texts of errors, and with NaN equal to itself."""
    if isinstance(found, dict):
        return {key: neutral(value) for key, value in found.items() if key != "msg"}
    return [neutral(item) for item in found] if isinstance(found, list) else repr(found)


def same(work: Work, tools: tuple[Tool, Tool], *args: str, below: str = ".") -> Any:
    """Both print the same JSON and end with the same code; what they found."""
    theirs, ours = (tool(work.root / below, *args, "--json") for tool in tools)
    assert ours.code == theirs.code, f"{theirs}\n{ours}"
    if ours.code:
        return None
    assert neutral(json.loads(ours.out)) == neutral(json.loads(theirs.out)), f"{theirs}\n{ours}"
    return json.loads(ours.out)


def same_table(work: Work, tools: tuple[Tool, Tool], *args: str) -> None:
    """Both print the same rows; DVC's are in no order."""
    theirs, ours = (tool(work.root, *args).ok().out.splitlines() for tool in tools)
    assert [" ".join(line.split()) for line in ours[:1]] == [" ".join(line.split()) for line in theirs[:1]]
    assert sorted(" ".join(line.split()) for line in ours) == sorted(
        " ".join(line.split()) for line in theirs
    )


@pytest.fixture
def tools(dvc: Tool, dv: Tool) -> tuple[Tool, Tool]:
    return dvc, dv


def test_show(two: Work, tools: tuple[Tool, Tool]) -> None:
    found = same(two, tools, "metrics", "show")
    assert found[""]["data"]["kept.json"] == {"data": {"kept": 2}}
    assert found[""]["data"]["gone.json"]["error"]["type"] == "FileNotFoundError"
    for args in (
        ["-T"],
        ["-a"],
        ["-A"],
        ["other.json", "out.json", "folder", "no.json"],
        ["-aT", "out.json"],
    ):
        same(two, tools, "metrics", "show", *args)
    same(two, tools, "metrics", "show", "-T", below="sub")
    for args in ([], ["-T"], ["--md"], ["--precision", "3", "-a"]):
        same_table(two, tools, "metrics", "show", *args)


def test_the_workspace_is_shown_only_if_it_differs(two: Work, tools: tuple[Tool, Tool]) -> None:
    args = ("metrics", "show", "-a", "folder/deep/two.yaml")
    assert list(same(two, tools, *args)) == ["main"]
    two.write("folder/deep/two.yaml", "acc: 0\n")
    assert list(same(two, tools, *args)) == ["workspace", "main"]
    two.git("checkout", "-q", "-f", "--detach", "v2")
    assert list(same(two, tools, *args)) == ["workspace", "main"]


def test_diff(two: Work, tools: tuple[Tool, Tool]) -> None:
    found = same(two, tools, "metrics", "diff", "v1", "v2")
    assert found["out.json"]["loss"] == {"old": 0.5, "new": 0.25, "diff": -0.25}
    assert found["kept.json"]["kept"] == {"old": 1, "new": 2, "diff": 1}
    assert found["folder/one.json"]["big"]["diff"] == 1
    assert found["out.json"]["becomes"] == {"old": 1, "new": "text"}
    for args in (
        ["--all"],
        ["v1"],
        ["v2", "v1"],
        ["v1", "workspace", "--all"],
        ["v1", "--targets", "other.json", "no.json", "folder"],
        ["v1", "unknown"],
    ):
        same(two, tools, "metrics", "diff", *args)
    same(two, tools, "metrics", "diff", "v1", below="sub")
    for args in (["v1"], ["v1", "v2", "--all", "--no-path"], ["--md", "v1"], ["--precision", "2", "v1"]):
        same_table(two, tools, "metrics", "diff", *args)


def test_params(two: Work, tools: tuple[Tool, Tool]) -> None:
    found = same(two, tools, "params", "diff", "v1", "v2")
    assert found["params.yaml"]["lr"]["new"] == 0.01
    assert found["conf/some.py"] == {"names": {"old": "['a']", "new": "['a', 'b']"}}
    assert "params.yaml" in same(two, tools, "params", "diff", "--deps", "v1")
    for args in (["--all"], ["v1", "--targets", "other.json", "conf/train.json"], ["v1", "--all"], ["no"]):
        same(two, tools, "params", "diff", *args)
    for args in (["v1"], ["v1", "--all", "--no-path"], ["--md", "v1"]):
        same_table(two, tools, "params", "diff", *args)


def test_files_may_change_their_shape(work: Work, tools: tuple[Tool, Tool]) -> None:
    work.write("dvc.yaml", "metrics: [a.yaml, b.yaml, c.yaml]\nparams: [p.yaml, q.yaml]\n")
    write(
        work,
        {"a.yaml": "1\n", "b.yaml": "x: 1\n", "c.yaml": "text\n", "p.yaml": "[1]\n", "q.yaml": "[1, 2]\n"},
    )
    work.save()
    write(
        work,
        {"a.yaml": "x: 1\n", "b.yaml": "2\n", "c.yaml": "0.5\n", "p.yaml": "[2]\n", "q.yaml": "x: [1]\n"},
    )
    same(work, tools, "metrics", "diff")
    same(work, tools, "metrics", "diff", "--all")
    same(work, tools, "params", "diff")


TEMPLATES = """\
vars: [conf.yaml, "part.json:one", {inline: 1}]
stages:
  plain:
    vars: [own.toml]
    cmd: echo ${conf.a} ${list[1]} ${inline} ${stage} ${one.x} ${epochs} ${conf.in[0]}
  whole:
    cmd: echo ${model}
  group:
    foreach: ${list}
    do:
      cmd: echo ${item} ${conf.b}
  product:
    matrix: {at: [1, 2]}
    cmd: echo ${item.at} ${other}
"""


def test_params_in_templates(work: Work, tools: tuple[Tool, Tool]) -> None:
    work.write("dvc.yaml", TEMPLATES)
    for number in (1, 2):
        conf = f"conf: {{a: {number}, b: {number}, unused: {number}, in: [{number}]}}\nlist: [0, {number}]\n"
        model = f"model: {{lr: {number}, deep: {{size: {number}}}}}\nother: x{number}\nnever: {number}\n"
        work.write("conf.yaml", conf + model)
        work.write("part.json", json.dumps({"one": {"x": number}, "two": number}))
        work.write("own.toml", f"stage = {number}\n")
        work.write("params.yaml", f"epochs: {number}\nother_param: {number}\n")
        work.save()
    found = same(work, tools, "params", "diff", "HEAD~1")
    assert found["conf.yaml"].keys() == {"conf.a", "conf.b", "conf.in.0", "list.1", "other"}
    assert same(work, tools, "params", "diff", "HEAD~1", "--deps")["params.yaml"].keys() == {"epochs"}
    same(work, tools, "params", "diff", "HEAD~1", "--targets", "params.yaml")


def test_a_revision_that_cannot_be_understood(work: Work, tools: tuple[Tool, Tool]) -> None:
    work.write("dvc.yaml", "stages: [\n")
    work.save()
    work.write("dvc.yaml", "metrics: [a.json]\n")
    work.write("a.json", '{"a": 1}')
    assert same(work, tools, "metrics", "diff") == {"a.json": {"a": {"old": None, "new": 1}}}
    (error,) = metrics.history(work.repo())[0].errors.values()
    assert isinstance(error, FormatError)


def test_before_the_first_commit(place: Path, dv: Tool) -> None:
    (place / "r").mkdir()
    dv.sandbox.git(place / "r", "init", "-q")
    dv(place / "r", "init", "-q").ok()
    assert dv(place / "r", "metrics", "diff", "--json").json == {}
    assert dv(place / "r", "params", "diff", "--json").json == {}


def test_without_git(place: Path, dvc: Tool, dv: Tool) -> None:
    dv(place, "init", "--no-scm", "-q").ok()
    (place / "dvc.yaml").write_text("metrics: [a.json]\n")
    (place / "a.json").write_text('{"a": 1}')
    for args in ([], ["-a"], ["-T", "a.json"]):
        assert (
            dv(place, "metrics", "show", "--json", *args).json
            == dvc(place, "metrics", "show", "--json", *args).json
        )
    refused = dv(place, "metrics", "diff")
    assert refused.code == 255
    assert "not in Git" in refused.err


@pytest.mark.parametrize("git", [True, False])
def test_outside_of_any_repository(place: Path, tools: tuple[Tool, Tool], git: bool) -> None:
    """Plain files are shown and compared as in DVC, and the place does not become a repository."""
    dvc, _ = tools
    place = place / "plain"
    work = Work(root=place, sandbox=dvc.sandbox)
    work.write("dvc.yaml", "metrics: [a.json]\nstages: {s: {cmd: echo, metrics: [b.json], params: [lr]}}\n")
    write(
        work, {"a.json": '{"a": 1}', "b.json": '{"b": 1}', "params.yaml": "lr: 1\n", "sub/c.json": '{"c": 1}'}
    )
    if git:
        work.git("init", "-q")
        work.save()
        write(work, {"a.json": '{"a": 2}', "params.yaml": "lr: 2\n", "sub/c.json": '{"c": 3}'})
    before = work.everything()
    for below in (".", "sub"):
        for args in (["show"], ["show", "-a"], ["diff"], ["diff", "--all"], ["diff", "nosuch"]):
            same(work, tools, "metrics", *args, below=below)
        for args in (["diff"], ["diff", "--deps"], ["diff", "nosuch"]):
            same(work, tools, "params", *args, below=below)
    same(work, tools, "metrics", "show", "c.json", below="sub")
    same(work, tools, "metrics", "diff", "--targets", "c.json", below="sub")
    work.settle()  # a project that is kept is kept only then
    same(work, tools, "metrics", "show")
    assert work.everything() == before


def test_cached_metrics_that_are_gone(two: Work, dv: Tool) -> None:
    two.delete("kept.json")
    found = dv(two.root, "metrics", "show", "--json").json
    assert found[""]["data"]["kept.json"] == {"data": {"kept": 2}}
    two.object('{"kept": 2}').unlink()
    shown = dv(two.root, "metrics", "show", "--json").ok()
    assert "dv pull kept.json" in shown.err
    error = metrics.at(two.repo(), "workspace")["kept.json"]
    assert isinstance(error, MissingObject)


def test_a_tracked_directory_of_metrics(work: Work, tools: tuple[Tool, Tool]) -> None:
    work.write("dvc.yaml", "metrics: [all]\n")
    write(work, {"all/a.json": '{"a": 1}', "all/in/b.yaml": "b: 2\n"})
    work.add("all")
    work.save()
    work.delete("all")
    found = same(work, tools, "metrics", "show")
    assert found[""]["data"] == {"all/a.json": {"data": {"a": 1}}, "all/in/b.yaml": {"data": {"b": 2}}}
    assert metrics.at(work.repo(), "HEAD") == {"all/a.json": {"a": 1}, "all/in/b.yaml": {"b": 2}}


def test_history(two: Work, dv: Tool) -> None:
    points = metrics.history(two.repo(), ["out.json"])
    assert [(point.tags, point.metrics) for point in points[:2]] == [
        (("v2",), {"out.json": {"loss": 0.25, "same": 1, "kind": "number", "becomes": "text"}}),
        (("v1",), {"out.json": {"loss": 0.5, "same": 1, "kind": "number", "becomes": 1}}),
    ]
    assert len(points) == 3
    assert isinstance(points[2].errors["out.json"], PathError)
    assert points[0].time >= points[1].time > 0
    assert len(metrics.history(two.repo(), count=1)) == 1
    assert [point.tags for point in metrics.history(two.repo(), rev="v1", count=1)] == [("v1",)]
    table = dv(two.root, "metrics", "history", "-n", "2", "out.json").ok().out.splitlines()
    assert table[0].split() == ["Commit", "Tags", "Date", "Path", "becomes", "kind", "loss", "same"]
    assert [line.split()[1] for line in table[1:]] == ["v2", "v1"]
    found = dv(two.root, "metrics", "history", "--json").json
    assert found[0]["metrics"]["kept.json"] == {"kept": 2}
    assert found[0]["errors"]["gone.json"]["type"] == "FileNotFoundError"


def test_tags_beside_the_line(two: Work) -> None:
    two.git("checkout", "-q", "-f", "-b", "other", "v1")
    two.write("out.json", '{"loss": 9}')
    two.save()
    two.git("tag", "aside")
    two.git("checkout", "-q", "main")
    assert [point.tags for point in metrics.history(two.repo())] == [("v2",), ("v1",), (), ("aside",)]
    assert [point.tags for point in metrics.history(two.repo(), count=2)] == [("v2",), ("v1",)]


def test_a_project_that_began_later(work: Work, dv: Tool) -> None:
    """Commits from before this directory was a repository are left out."""
    (work.root / "late").mkdir()
    dv(work.root / "late", "init", "--subdir", "-q").ok()
    work.write("late/dvc.yaml", "metrics: [a.json]\n")
    work.write("late/a.json", '{"a": 1}')
    work.save()
    found = dv(work.root / "late", "metrics", "history", "--json").json
    assert [point["metrics"] for point in found] == [{"a.json": {"a": 1}}]
    assert dv(work.root / "late", "metrics", "diff", "HEAD~1", "--json").json == {
        "a.json": {"a": {"old": None, "new": 1}}
    }


def test_wrong_arguments(two: Work) -> None:
    with pytest.raises(GitError, match="unknown Git revision 'no'"):
        metrics.diff(two.repo(), "no")
    with pytest.raises(GitError, match="unknown Git revision 'no'"):
        metrics.history(two.repo(), rev="no")
    with pytest.raises(PathError, match="outside"):
        metrics.show(two.repo(), ["../x.json"])
    with pytest.raises(PathError, match="outside"):
        params.diff(two.repo(), names=["/etc/passwd"])
