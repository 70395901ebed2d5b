"""Tab completion is generated from the commands themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.oracle import Tool


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
