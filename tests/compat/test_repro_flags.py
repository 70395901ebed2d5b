"""Every flag of `dvc repro`, and both tools taking turns in one repository."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compat.trees import remove
from tests.compat.twins import Twins, assert_same_disk, prune
from tests.oracle import Result, Sandbox, Tool, copy_repository


def text(**stages: dict[str, Any]) -> str:
    return yaml.safe_dump({"stages": stages}, sort_keys=False, allow_unicode=True)


def copies(**pairs: str) -> dict[str, dict[str, Any]]:
    """Stages that copy: name="from to"."""
    return {
        name: {"cmd": f"cp {source} {target}; echo {name} >> ran", "deps": [source], "outs": [target]}
        for name, (source, target) in ((name, pair.split()) for name, pair in pairs.items())
    }


# b1 and b2 need a, c needs both; d is a pipeline of its own; the file names c first.
STAGES = copies(c="b1 c", b2="a b2", b1="a b1", a="in a", d="other d")
STAGES["c"]["deps"].append("b2")
IN = {"in": "1\n", "other": "1\n", "sub/in": "1\n", "sub/deep/in": "1\n"}


def prepare(twins: Twins) -> None:
    for path, content in IN.items():
        twins.write(path, content)
    twins.write("dvc.yaml", text(**STAGES))
    for folder in ("sub", "sub/deep"):
        twins.write(f"{folder}/dvc.yaml", text(**copies(x="in x", y="x y")))


def both(twins: Twins, *command: str, ordered: bool = True) -> tuple[Result, Result]:
    """Run in both: the same exit code, the same disk; whatever ran left its name in the file `ran`.

    Not `ordered`: for less than half of all stages DVC's order is that of a set, another one each time.
    """
    expected, actual = twins.theirs.run(*command), twins.ours.run(*command)
    assert actual.code == expected.code, f"{expected}\n{actual}"
    if expected.code:
        assert records(twins.ours.root) == records(twins.theirs.root), f"{expected}\n{actual}"
        return expected, actual
    disks = [prune(player.disk()) for player in twins.players]
    if not ordered:
        assert records(twins.ours.root) == records(twins.theirs.root), f"{expected}\n{actual}"
        disks = [
            {path: one for path, one in disk.items() if Path(path).name not in ORDERED} for disk in disks
        ]
    assert_same_disk(*disks, f"{command}\n{expected}\n{actual}")
    return expected, actual


ORDERED = ("dvc.lock", ".gitignore", "ran")


def records(root: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(root)): yaml.safe_load(path.read_text())["stages"]
        for path in root.glob("**/dvc.lock")
    }


FLAGS: list[Sequence[str]] = [
    ("-s", "c"),
    ("-s", "a", "c"),
    ("-s", "c", "a"),
    ("-s",),
    ("b1", "d"),
    ("-p", "a"),
    ("-p", "b1", "d"),
    ("-P",),
    ("-R", "sub"),
    ("--downstream", "b1"),
    ("--downstream",),
    ("--force-downstream", "c"),
    ("--force-downstream", "-s", "a", "b1"),
    ("--glob", "b*"),
    ("--no-commit",),
    ("--no-run-cache",),
    ("--allow-missing",),
    ("sub/dvc.yaml",),
    ("sub/dvc.yaml:x", "d"),
    ("nothing",),
    ("in.dvc",),
]


RARE_FLAGS: list[Sequence[str]] = [
    ("-s", "-f", "b1"),
    ("-p", "-s", "b1"),
    ("-P", "a"),
    ("-P", "-f"),
    ("-R", "."),
    ("--downstream", "a", "d"),
    ("--downstream", "-p", "b1"),
    ("--force-downstream", "-f", "a"),
    ("--glob", "-s", "b*"),
    ("--no-commit", "--no-run-cache"),
    ("sub/deep/dvc.yaml:y",),
    ("a", "nothing"),
    ("dvc.yaml:d",),
    ("-q",),
    ("-v", "d"),
    ("sub",),
]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_flags(twins: Twins, flags: Sequence[str]) -> None:
    check_flags(twins, flags)


@pytest.mark.soak
@pytest.mark.parametrize("flags", RARE_FLAGS, ids=" ".join)
def test_rare_flags(twins: Twins, flags: Sequence[str]) -> None:
    check_flags(twins, flags)


def check_flags(twins: Twins, flags: Sequence[str]) -> None:
    """In a fresh repository, and again after one input changed."""
    prepare(twins)
    is_few = any(flag in flags for flag in ("-p", "-R", "--downstream", "--force-downstream", "d", "b*"))
    both(twins, "repro", *flags, ordered=not is_few)
    twins.write("in", "2\n")
    both(twins, "repro", *flags, ordered=not is_few)


def test_a_preview(twins: Twins) -> None:
    prepare(twins)
    both(twins, "repro", "-P")
    for flags in ([], ["-f"], ["b1"], ["-P"]):
        both(twins, "repro", "--dry", *flags)


def test_a_preview_sets_no_parameters(twins: Twins) -> None:
    prepare(twins)
    twins.write("params.yaml", "lr: 1\n")
    assert twins.ours.run("repro", "--dry", "-P", "lr=2").code
    assert (twins.ours.root / "params.yaml").read_text() == "lr: 1\n"


def test_a_pattern_that_nothing_matches(twins: Twins) -> None:
    """DVC runs all pipelines then."""
    prepare(twins)
    assert twins.ours.run("repro", "--glob", "no*").code == 255
    assert not (twins.ours.root / "dvc.lock").exists()


def test_a_subdirectory(twins: Twins) -> None:
    prepare(twins)
    for command in (("repro",), ("repro", "../dvc.yaml:b1"), ("repro", "-P"), ("repro", "deep/dvc.yaml")):
        results = [player.tool(player.root / "sub", *command) for player in twins.players]
        assert results[0].code == results[1].code == 0, results
        assert records(twins.ours.root) == records(twins.theirs.root)
        twins.compare_status(command)


FAILING = copies(bad="in bad", user="bad user", last="user last", free="other free")
FAILING["bad"]["cmd"] = "echo half > bad; exit 3"


@pytest.mark.parametrize("flags", [(), ("-k",), ("-k", "-f"), ("-s",)], ids=" ".join)
def test_failures(twins: Twins, flags: Sequence[str]) -> None:
    """Exit code, what ran, what is recorded; but not what a failure leaves: DVC leaves half of it."""
    for path, content in IN.items():
        twins.write(path, content)
    twins.write("dvc.yaml", text(**FAILING))
    expected, actual = (player.run("repro", *flags) for player in twins.players)
    assert actual.code == expected.code, f"{expected}\n{actual}"
    for player in twins.players:
        remove(player.root / "bad")
    names = ("ran", "dvc.lock", "free", "user", "last")
    theirs, ours = (
        {name: (player.root / name).read_text() for name in names if (player.root / name).exists()}
        for player in twins.players
    )
    assert ours == theirs, f"{expected}\n{actual}"


def test_errors_are_ignored(twins: Twins) -> None:
    """The exit code of DVC; but what needs what failed is not given half of it."""
    for path, content in IN.items():
        twins.write(path, content)
    twins.write("dvc.yaml", text(**FAILING))
    assert twins.theirs.run("repro", "--ignore-errors").code == 0
    result = twins.ours.run("repro", "--ignore-errors").ok()
    assert "exit code 3" in result.err
    assert (twins.ours.root / "ran").read_text() == "free\n"


def test_interactive_without_anybody(twins: Twins) -> None:
    prepare(twins)
    both(twins, "repro", "-i", "d")


def nothing_to_do(tools: Sequence[Tool], root: Path) -> None:
    before = {path: path.read_bytes() for path in root.glob("**/dvc.lock")}
    for tool in tools:
        assert tool(root, "status", "--json").json == {}
        said = tool(root, "repro").ok()
        assert "Running" not in said.out, said
    assert {path: path.read_bytes() for path in root.glob("**/dvc.lock")} == before


@pytest.mark.parametrize("first", ["dv", "dvc"])
@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_taking_turns(repository: Path, dv: Tool, dvc: Tool, first: str, kind: str) -> None:
    """Each continues what the other one left: nothing is run twice, and the run cache of one serves the other."""
    (repository / ".dvc/config").write_text(f"[cache]\n    type = {kind}\n")
    one, two = (dv, dvc) if first == "dv" else (dvc, dv)
    for path, content in IN.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(content)
    (repository / "dvc.yaml").write_text(
        text(
            **STAGES,
            m={"cmd": "cat a > m.json", "deps": ["a"], "metrics": [{"m.json": {"cache": False}}]},
            e={
                "cmd": "mkdir e; cp a e/x; chmod +x e/x; cp a t; chmod +x t",
                "deps": ["a"],
                "outs": ["e", "t"],
            },
        )
    )
    one(repository, "repro").ok()
    nothing_to_do((two, one), repository)
    (repository / "in").write_text("2\n")
    two(repository, "repro").ok()
    nothing_to_do((one, two), repository)
    ran = (repository / "ran").read_text()
    for tool, content in ((one, "1\n"), (two, "2\n"), (one, "1\n"), (two, "2\n")):
        (repository / "in").write_text(content)
        tool(repository, "repro").ok()
        assert (repository / "c").read_text() == (repository / "m.json").read_text() == content
        assert (repository / "ran").read_text() == ran, "something ran again"
    nothing_to_do((one, two), repository)


def test_a_clone_pulls(sandbox: Sandbox, twins: Twins) -> None:
    """`--pull` in a fresh clone: run cache, sources and outputs come from the remote, nothing runs."""
    prepare(twins)
    twins.each("add", "other")
    twins.each("repro", "-P")
    twins.each("push", "--run-cache", "-R", ".")
    for flags in ([], ["-P"], ["--allow-missing"]):
        for player in twins.players:
            shutil.rmtree(player.root / ".dvc/cache")
            for path in ("a", "b1", "c", "other", "ran", "sub/x"):
                remove(player.root / path)
        both(twins, "repro", "--pull", *flags)
        assert not (twins.ours.root / "ran").exists()
        both(twins, "repro")


def test_a_clone_pulls_what_another_input_made(twins: Twins) -> None:
    """The run cache of the remote knows runs that dvc.lock does not name any more."""
    prepare(twins)
    twins.each("repro")
    twins.each("push", "--run-cache")
    twins.write("in", "2\n")
    twins.each("repro")
    for player in twins.players:
        shutil.rmtree(player.root / ".dvc/cache")
        remove(player.root / "ran")
    twins.write("in", "1\n")
    both(twins, "repro", "--pull")
    assert not (twins.ours.root / "ran").exists()


@pytest.mark.parametrize("gone", ["a", "c", "in"])
def test_allow_missing(twins: Twins, gone: str) -> None:
    prepare(twins)
    twins.each("repro")
    for player in twins.players:
        remove(player.root / gone)
        shutil.rmtree(player.root / ".dvc/cache")
    both(twins, "repro", "--allow-missing", "--dry")
    both(twins, "repro", "--allow-missing")
    twins.write("other", "2\n")
    both(twins, "repro", "--allow-missing")


def test_the_run_cache_of_dvc_with_two_runs_of_one_key(
    repository: Path, dv: Tool, dvc: Tool, template: Path
) -> None:
    """A command that gives something else each time: both take the newest run."""
    (repository / "in").write_text("1")
    (repository / "dvc.yaml").write_text(
        text(
            a={"cmd": "date +%N > a", "deps": ["in"], "outs": ["a"]},
            b={"cmd": "cp a b", "deps": ["a"], "outs": ["b"]},
        )
    )
    for tool in (dvc, dv):
        tool(repository, "repro", "-f").ok()
    newest = (repository / "a").read_text()
    (repository / "dvc.lock").unlink()
    twin = copy_repository(repository, repository.with_name("twin"))
    for tool, root in ((dv, repository), (dvc, twin)):
        tool(root, "repro").ok()
        assert (root / "a").read_text() == newest
    assert (repository / "dvc.lock").read_bytes() == (twin / "dvc.lock").read_bytes()
