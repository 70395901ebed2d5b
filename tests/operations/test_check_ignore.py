"""`dv check-ignore` against the real one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool

PATHS = (
    "a.log", "keep.log", "sub/a.log", "sub/deep/x", "sub/deep/y", "cache", "cache/in", "other/cache/x/y", "plain",
    ".git/config", ".dvc", ".dvc/config", "nested", "nested/x", "nested/sub", "sub/b.log", "x/twice", "gone/a.log",
    ".", "..", "../outside", "sub/../a.log", "./keep.log", "cache/", "sub/#h", "spaced name",
)  # fmt: skip


@pytest.fixture
def root(repository: Path) -> Path:
    for name in ("sub/deep", "cache", "other/cache/x", "nested/.dvc", "nested/sub", "x"):
        (repository / name).mkdir(parents=True)
    (repository / "cache/.dvcignore").write_text("!in\n")
    (repository / ".dvcignore").write_text(
        "# first\n*.log\n!keep.log\ncache/\ncache/\nplain\ntwice\n**/twice\n\\#h\nspaced name\n"
    )
    (repository / "sub/.dvcignore").write_text("/deep/x\n!a.log\n\n*.log\n!b.log\n")
    return repository


@pytest.mark.parametrize(
    "options", [[], ["-d"], ["-d", "-a"], ["-d", "-n"], ["--details", "--all", "--non-matching"], ["-q"]]
)
def test_as_dvc(root: Path, dvc: Tool, dv: Tool, options: list[str]) -> None:
    theirs, ours = (tool(root, "check-ignore", *options, *PATHS) for tool in (dvc, dv))
    assert ours.out.splitlines() == theirs.out.splitlines()
    assert ours.code == theirs.code == 0


@pytest.mark.parametrize("path", PATHS)
def test_exit_codes(root: Path, dvc: Tool, dv: Tool, path: str) -> None:
    for options in ([], ["-d"]):
        theirs, ours = (tool(root / "sub", "check-ignore", *options, f"../{path}") for tool in (dvc, dv))
        assert (ours.code, ours.out) == (theirs.code, theirs.out)


@pytest.mark.parametrize(
    "options",
    [[], ["--stdin", "x"], ["-n", "x"], ["-a", "x"], ["-q", "-d", "x"], ["--nonsense", "x"]],
    ids=str,
)
def test_wrong_arguments(root: Path, dvc: Tool, dv: Tool, options: list[str]) -> None:
    theirs, ours = (tool(root, "check-ignore", *options) for tool in (dvc, dv))
    assert ours.code == theirs.code
    assert ours.err


def test_standard_input(root: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    """Up to an empty line or the end; every answer comes before the next question."""
    answers = []
    for tool in (dvc, dv):
        done = subprocess.run(
            tool.argv("check-ignore", "--stdin", "-d"), cwd=root, env=sandbox.environment(),
            input="a.log\nplain\nfree\n\nsub/deep/x\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        answers.append((done.returncode, done.stdout))
    assert answers[0] == answers[1]
    assert answers[1][0] == 0
    process = subprocess.Popen(
        dv.argv("check-ignore", "--stdin"), cwd=root, env=sandbox.environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout
    for name in ("a.log", "plain"):
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{name}\n"
    process.communicate()
    assert process.returncode == 0


def test_json(root: Path, dv: Tool) -> None:
    assert dv(root, "check-ignore", "--json", "a.log", "free", "keep.log").json == [
        {"path": "a.log", "ignored": True, "rule": ".dvcignore:2:*.log"},
        {"path": "free", "ignored": False, "rule": None},
        {"path": "keep.log", "ignored": False, "rule": ".dvcignore:3:!keep.log"},
    ]
    assert dv(root, "check-ignore", "--json", "free").code == 1


def test_outside_of_a_repository(place: Path, dv: Tool) -> None:
    assert dv(place, "check-ignore", "x").code == 253


def test_a_rule_that_makes_no_sense_is_named(root: Path, dv: Tool) -> None:
    (root / ".dvcignore").write_text("[z-a]\n")
    done = dv(root, "check-ignore", "x")
    assert done.code == 255
    assert ".dvcignore:1" in done.err
