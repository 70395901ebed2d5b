"""What commands say about recording their changes in Git."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool, make_repository


@pytest.fixture
def data(repository: Path) -> Path:
    (repository / "a").write_text("1")
    return repository


def to_add(printed: str) -> list[str]:
    """Return the arguments of the `git add` that the output tells to run."""
    _, _, command = printed.partition("    git add ")
    return command.split()


def test_git_takes_what_a_move_or_an_undo_tells_to_add(data: Path, dv: Tool, sandbox: Sandbox) -> None:
    for command, files in (
        (("add", "a"), ["a.dvc", ".gitignore"]),
        (("move", "a", "b"), [".gitignore", "b.dvc"]),
        (("undo",), [".gitignore", "a.dvc"]),
        (("undo",), []),
    ):
        assert to_add(dv(data, *command).ok().out) == files
    dv(data, "add", "a").ok()
    sandbox.git(data, "add", "a.dvc", ".gitignore")
    files = to_add(dv(data, "move", "a", "b").ok().out)
    assert files == [".gitignore", "b.dvc", "a.dvc"]
    sandbox.git(data, "add", *files)


def test_what_is_staged_already_needs_no_word(data: Path, dv: Tool, sandbox: Sandbox) -> None:
    dv(data, "config", "core.autostage", "true").ok()
    assert "git add" not in dv(data, "add", "a").ok().out
    assert "git add" not in dv(data, "move", "a", "b").ok().out
    assert to_add(dv(data, "remove", "b.dvc").ok().out) == [".gitignore", "b.dvc"]
    assert sandbox.git(data, "status", "--short", "*.dvc") == "AD b.dvc\n"


def test_without_git_there_is_nothing_to_add(place: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    path = make_repository(sandbox, dvc, place / "alone", git=False)
    (path / "a").write_text("1")
    assert dv(path, "add", "a").ok().out == "tracked: a (1 B)\n"
    assert dv(path, "move", "a", "b").ok().out == "moved: a -> b\n"
