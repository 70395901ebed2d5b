"""`dv stage add` writes what `dvc stage add` writes, byte for byte; what is wrong is refused before anything is."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import Conflict, FormatError, Overlap, PathError, UsageError
from data_versioning.operations import add_stage
from data_versioning.operations.add_stage import NewOutput, NewStage
from tests.operations.work import Work
from tests.oracle import Tool, copy_repository, difference, snapshot
from tests.tracking import records

WRITTEN = """\
# About this pipeline.
vars:
- x: 1

stages:
  # The first.
  one:   # beside
    cmd: "a ${x}"
    deps: [b,   c]

    outs:
      - plain
      - 'model':
          cache: false   # small
          desc: the model
          remote: other
          push: false
    desc: first
    meta: {k: [1, 2]}
    frozen: true
  many:
    foreach: [1, 2]
    do:
      cmd: x ${item}

params:
- more.yaml
"""
EVERYTHING = [
    *("-d", "src", "-d", "a dir/b", "-d", "https://h/x", "-p", "z,a", "-p", "f.json:k.l,b"),
    *(
        "-p",
        "g.toml:",
        "-o",
        "o2",
        "-o",
        "o1",
        "-O",
        "n",
        "--outs-persist",
        "p",
        "--outs-persist-no-cache",
        "q",
    ),
    *(
        "-m",
        "m",
        "-M",
        "l",
        "--plots",
        "r",
        "--plots-no-cache",
        "s",
        "--desc",
        "what: for",
        "--always-changed",
    ),
]
CASES: list[tuple[str, str, list[str]]] = [  # directory, dvc.yaml before, arguments
    (".", "", ["-n", "one", "echo"]),
    (".", "", ["-n", "one", *EVERYTHING, "python", "a b.py", "", 'say "hi there"', "--flag", "-n", "x"]),
    (".", "", ["-n", "one", "echo a | tee b && c: #d"]),
    ("sub", "", ["-n", "one", "-o", "../out", "-d", "deep/x", "-w", "deep", "echo"]),
    ("sub", "", ["-n", "a-b_1", "-o", "deep/out", "-w", "..", "x" * 90 + " and more words after that"]),
    (".", "vars: [a.yaml]\n", ["-n", "one", "echo"]),
    (".", "stages: {}\n", ["-n", "one", "-d", "x", "-o", "y", "echo"]),
    (".", WRITTEN, ["-n", "two", "-d", "plain", "-o", "new", "echo", "1"]),
    (".", WRITTEN, ["-f", "-n", "one", "-d", "c", "-o", "model", "-M", "m", "other"]),
    (".", WRITTEN, ["-f", "-n", "one", "-d", "b", "-d", "d", "-o", "plain", "-O", "model", "a"]),
    (".", "", ["-n", "one", "-o", "{root}/sub/abs", "-d", "/abs", "echo"]),
    (".", "", ["-n", "one", "-p", "params.yaml:", "echo"]),
]  # fmt: skip


@pytest.fixture
def pair(template: Path, place: Path) -> list[Path]:
    roots = [copy_repository(template, place / name) for name in ("dvc", "dv")]
    for root in roots:
        (root / "sub/deep").mkdir(parents=True)
        (root / "a.yaml").write_text("k: 1\n")
    return roots


@pytest.mark.parametrize(("below", "before", "args"), CASES)
def test_dvc_writes_the_same(
    pair: list[Path], dvc: Tool, dv: Tool, below: str, before: str, args: list[str]
) -> None:
    for tool, root in zip((dvc, dv), pair, strict=True):
        if before:
            (root / below / "dvc.yaml").write_text(before)
        done = tool(root / below, "stage", "add", *(word.replace("{root}", str(root)) for word in args))
        assert done.code == 0, done
    left, right = map(snapshot, pair)
    assert not difference(left, right)


WRONG: list[tuple[str, list[str]]] = [
    ("", ["-n", "a@b", "echo"]),
    ("", ["-n", "one"]),
    ("", ["echo"]),
    ("", ["-n", "one", "-d", "x", "-o", "x", "echo"]),
    ("", ["-n", "one", "-d", "x", "-d", "./x", "echo"]),
    ("", ["-n", "one", "-o", "x", "-M", "x", "echo"]),
    ("", ["-n", "one", "-w", "gone", "echo"]),
    ("", ["-n", "one", "-w", "..", "echo"]),
    ("", ["-n", "one", "-o", "../out", "echo"]),
    (WRITTEN, ["-n", "one", "echo"]),
    (WRITTEN, ["-n", "two", "-o", "plain/inside", "echo"]),
    (WRITTEN, ["-n", "two", "-o", "plain", "echo"]),
    (WRITTEN, ["-n", "two", "-o", "b", "-d", "plain", "echo"]),
    ("stages: [\n", ["-n", "two", "echo"]),
    ("stages: {one: {cmd: a, dep: []}}\n", ["-n", "two", "echo"]),
]


@pytest.mark.parametrize(("before", "args"), WRONG)
def test_dvc_refuses_it_too(pair: list[Path], dvc: Tool, dv: Tool, before: str, args: list[str]) -> None:
    for root in pair:
        if before:
            (root / "dvc.yaml").write_text(before)
    old = snapshot(pair[1])
    theirs, ours = dvc(pair[0], "stage", "add", *args), dv(pair[1], "stage", "add", *args)
    assert theirs.code == ours.code != 0, f"{theirs}\n{ours}"
    assert snapshot(pair[1]) == old


def add(work: Work, name: str = "one", *, force: bool = False, cmd: str = "echo", **fields: object) -> object:
    new = NewStage(name=name, cmd=cmd, **fields)  # type: ignore[arg-type]
    return add_stage.add_stage(work.repo(), new, force=force)


def test_an_output_in_git(work: Work) -> None:
    work.write("file", "x")
    work.save()
    before = work.everything()
    with pytest.raises(PathError, match="tracked by Git"):
        add(work, outs=[NewOutput("file")])
    assert work.everything() == before
    add(work, outs=[NewOutput("file", cache=False)])


def test_a_directory_that_is_not_there_yet(work: Work) -> None:
    result = add(work, outs=[NewOutput("gone/out"), NewOutput("here")])
    assert (result.not_ignored, work.read(".gitignore")) == (("gone/out",), b"/here\n")  # type: ignore[attr-defined]
    assert not (work.root / "gone").exists()


def test_templates_are_understood_before_they_are_written(work: Work) -> None:
    work.write("params.yaml", "model: net\n")
    add(work, cmd="train ${model}", outs=[NewOutput("${model}.bin")])
    assert work.read(".gitignore") == b"/net.bin\n"
    with pytest.raises(FormatError, match="could not find 'gone'"):
        add(work, "two", cmd="train ${gone}")
    assert b"two" not in work.read("dvc.yaml")


def test_a_group_is_replaced_only_by_force(work: Work) -> None:
    work.write("dvc.yaml", WRITTEN)
    with pytest.raises(Conflict, match="exists already"):
        add(work, "many")
    add(work, "many", force=True)
    text = work.read("dvc.yaml").decode()
    assert "foreach" not in text
    assert "# The first." in text


def test_a_new_description_counts(work: Work) -> None:
    add(work, desc="old")
    add(work, force=True, desc="new")
    assert b"desc: new" in work.read("dvc.yaml")


def test_one_record_and_undo(work: Work, dv: Tool) -> None:
    old = len(records(work.root))
    before = work.everything()
    dv(work.root, "stage", "add", "-n", "one", "-o", "out", "echo").ok()
    (record,) = records(work.root)[old:]
    assert (record["verb"], record["outcome"]) == ("stage add", "ok")
    assert {path for path, *_ in record["pointers"]} == {"dvc.yaml", ".gitignore"}
    dv(work.root, "undo").ok()
    assert work.everything() == before


def test_it_runs_the_stage_if_asked(work: Work, dv: Tool) -> None:
    done = dv.real(work.root, "stage", "add", "--run", "-n", "one", "-o", "out", "echo hi > out").ok()
    assert (work.read("out"), "Added stage 'one'" in done.out) == (b"hi\n", True)
    assert b"one" in work.read("dvc.lock")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, UsageError), ({"cmd": ""}, UsageError), ({"deps": ["x.dvc"]}, FormatError),
        ({"outs": [NewOutput("sub/dvc.yaml")]}, FormatError), ({"outs": [NewOutput(".git/x")]}, PathError),
        ({"deps": ["a", "b/../a"]}, Overlap), ({"outs": [NewOutput("s3://b/x")]}, PathError),
        ({"deps": ["\0"]}, PathError),
        ({"cmd": "\udcff"}, UsageError), ({"outs": [NewOutput("\udcff")]}, UsageError), ({"wdir": "\udcff"}, PathError),
    ],
)  # fmt: skip
def test_hostile_words(work: Work, fields: dict[str, object], error: type[Exception]) -> None:
    before = work.everything()
    with pytest.raises(error):
        add(work, **fields)  # type: ignore[arg-type]
    assert work.everything() == before
