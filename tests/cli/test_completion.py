"""Tab completion is generated from the commands themselves."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool


def completed(dv: Tool, repository: Path, *words: str) -> list[str]:
    """Return what bash offers for the last word."""
    script = repository.parent / "dv.bash"
    if not script.exists():
        script.write_text(dv(repository, "completion", "bash").ok().out)
    line = " ".join(map(shlex.quote, words))
    probe = (
        f'dv() {{ {shlex.join(dv.argv())} "$@"; }}; source {shlex.quote(str(script))};'
        f" COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _shtab_dv; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(
        ["bash", "-c", probe],
        cwd=repository,
        env=dv.sandbox.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_what_stands_in_the_repository_is_offered(repository: Path, dv: Tool, sandbox: Sandbox) -> None:
    (repository / "data").mkdir()
    for name in ("data/part", "gone", "$(touch bad)"):
        (repository / name).write_text(name)
    dv(repository, "add", "data", "gone", "$(touch bad)").ok()
    dv(repository, "remote", "add", "store", "/store").ok()
    (repository / "gone").unlink()
    sandbox.git(repository, "branch", "topic/one")
    for words, offered in (
        (("checkout", ""), ["$(touch bad)", "data", "gone"]),
        (("checkout", "go"), ["gone"]),
        (("checkout", "data/"), ["data/part"]),
        (("move", "d"), ["data"]),
        (("diff", "HEAD", "to"), ["topic/one"]),
        (("diff", "--targets", "g"), ["gone"]),
        (("remove", "data"), ["data.dvc"]),
        (("push", "-r", ""), ["store"]),
        (("remote", "rename", "s"), ["store"]),
        (("add", "data.d"), ["data.dvc"]),
        (("--cd", "da"), ["data", "data.dvc"]),
        (("import-url", "da"), ["data", "data.dvc"]),
    ):
        assert sorted(completed(dv, repository, "dv", *words)) == sorted(offered), words
    assert not (repository / "bad").exists()


def test_outside_a_repository_nothing_is_said(place: Path, dv: Tool) -> None:
    assert completed(dv, place, "dv", "push", "-r", "") == [""]


@pytest.mark.parametrize("args", [["bash"], ["-s", "bash"], []])
def test_bash_accepts_the_script_and_completes(dv: Tool, place: Path, args: list[str]) -> None:
    script = place / "dv.bash"
    script.write_text(dv(place, "completion", *args).ok().out)
    probe = (
        f"source {script}; COMP_WORDS=(dv remote re); COMP_CWORD=2; COMP_LINE='dv remote re'; COMP_POINT=12;"
        " _shtab_dv; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"remove", "rename"}


def test_all_commands_are_in_it(dv: Tool, place: Path) -> None:
    script = dv(place, "completion", "zsh").ok().out
    for word in ("checkout", "repro", "--show-origin", "fsck"):
        assert word in script


def test_what_nobody_types_is_not_offered(dv: Tool, place: Path) -> None:
    """DVC hides them, too."""
    assert {"exp", "remote"} <= set(completed(dv, place, "dv", ""))
    hidden = {"daemon", "dataset", "ds", "experiments", "git-hook", "test-db"}
    assert not hidden & set(completed(dv, place, "dv", ""))


def test_shells_that_are_unknown(dv: Tool, place: Path) -> None:
    assert dv(place, "completion", "cmd").code == 254


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish"])
def test_the_users_own_shell_is_the_default(dv: Tool, place: Path, shell: str) -> None:
    own = dv.real(place, "completion", env={"SHELL": f"/usr/bin/{shell}"}).ok().out
    assert own == dv(place, "completion", shell).ok().out


def test_a_shell_without_completion_is_told(dv: Tool, place: Path) -> None:
    result = dv.real(place, "completion", env={"SHELL": "/usr/bin/nu"})
    assert (result.code, result.out) == (254, "")
    assert "no completion for the shell 'nu'" in result.err
