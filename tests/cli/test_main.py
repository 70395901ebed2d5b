"""The command line itself: help, exit codes, options of every command, what is imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data_versioning import __version__
from data_versioning.cli import main
from data_versioning.localfs import locks
from tests.oracle import Sandbox, Tool, copy_repository


def imported(code: str, cwd: Path) -> set[str]:
    """The modules that are loaded after `code`, beyond those of a bare interpreter."""
    script = (
        f"import sys; before = set(sys.modules)\n{code}\nprint('\\n' + ' '.join(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_imports_nothing_but_main(tmp_path: Path) -> None:
    found = imported("from data_versioning.cli.main import main; main(['--help'])", tmp_path)
    ours = {name for name in found if name.startswith("data_versioning")}
    assert ours == {"data_versioning", "data_versioning.cli", "data_versioning.cli.main"}
    assert not found & {"argparse", "re", "typing", "dataclasses", "json", "logging", "subprocess"}


def test_a_command_imports_no_slow_library(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    found = imported("from data_versioning.cli.main import main; main(['root'])", tmp_path)
    assert "data_versioning.cli.root" in found
    assert not found & {
        "rich",
        "ruamel",
        "ruamel.yaml",
        "configobj",
        "pathspec",
        "shtab",
        "subprocess",
        "asyncio",
        "yaml",
    }


@pytest.mark.parametrize("name", sorted(main.commands().keys() - {"completion"}))
def test_help_of_a_command_imports_no_operation(tmp_path: Path, name: str) -> None:
    found = imported(f"from data_versioning.cli.main import main; main(['{name}', '--help'])", tmp_path)
    assert f"data_versioning.cli.{main.commands()[name][1]}" in found
    assert not [each for each in found if each.startswith("data_versioning.operations.")]
    assert not found & {"data_versioning.repo", "yaml", "hashlib", "subprocess"}


def test_help_lists_every_command(dv: Tool, place: Path) -> None:
    result = dv(place, "--help").ok()
    for name in (*main.commands(), "repro", "import-db"):
        assert f" {name} " in result.out.replace("\n", " ")
    assert dv(place, "-q", "-h").ok().out == result.out


@pytest.mark.parametrize("name", [*main.commands(), "remote add", "cache dir", "data status"])
def test_every_command_has_help(dv: Tool, place: Path, name: str) -> None:
    result = dv(place, *name.split(), "--help").ok()
    assert f"usage: dv {name}" in result.out
    assert "--quiet" in result.out


def test_no_command_of_dvc_is_missing() -> None:
    script = (
        "from dvc.cli.parser import get_main_parser as p\n"
        "print(*next(a for a in p()._actions if a.dest == 'cmd').choices)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    known = {*main.commands(), *main.ALIASES, *main.HANDED_OVER}
    assert set(done.stdout.split()) <= known
    assert not set(main.HANDED_OVER) & {*main.commands(), *main.ALIASES}


def test_the_version(dv: Tool, place: Path) -> None:
    assert dv(place, "--version").ok().out == f"{__version__}\n"
    assert dv(place, "-V").ok().out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([], 254, "dv --help"),
        (["-q"], 254, "dv --help"),
        (["stauts"], 254, "did you mean `dv status`?"),
        (["xyzzy"], 254, "try: dv --help"),
        (["add", "--nonsense"], 254, "dv add --help"),
        (["root", "superfluous"], 254, "unrecognized arguments: superfluous"),
        (["remote"], 254, "dv remote --help"),
        (["remote", "ad", "x", "y"], 254, "invalid choice"),
        (["root"], 253, "dv init"),
        (["--cd", "nowhere", "root"], 254, "nowhere"),
        (["--cd"], 254, "dv --help"),
        (["config", "--local", "core.remote"], 251, "repository"),
    ],
)
def test_mistakes_end_with_dvcs_codes_and_a_hint(
    dv: Tool, place: Path, args: list[str], code: int, said: str
) -> None:
    result = dv(place, *args)
    assert result.code == code
    assert "ERROR: " in result.err
    assert said in result.err
    assert result.out == ""
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "command", ["add x", "status", "push", "checkout", "remove x", "gc -w -f", "version"]
)
def test_a_broken_configuration_is_251_for_every_command(
    dvc: Tool, dv: Tool, template: Path, place: Path, command: str
) -> None:
    root = copy_repository(template, place / "r")
    (root / ".dvc/config").write_text("[core]\n    nonsense = 1\n")
    theirs, ours = (tool(root, *command.split()) for tool in (dvc, dv))
    assert theirs.code == ours.code == 251
    assert "nonsense" in ours.err


def test_options_may_stand_before_and_behind_the_command(dv: Tool, template: Path, place: Path) -> None:
    root = copy_repository(template, place / "r")
    (root / "sub").mkdir()
    assert dv(place, "--cd", "r/sub", "root").ok().out == "..\n"
    assert dv(place, "root", "--cd", "r/sub").ok().out == "..\n"
    assert dv(place, "root", "--cd=r").ok().out == ".\n"
    assert dv(place, "remote", "--cd", "r", "add", "-q", "x", "/x").ok().out == ""
    assert dv(root, "-v", "--wait-for-lock", "remote", "list").ok().out.split() == ["x", "/x"]


def test_quiet_prints_no_results_but_errors(dv: Tool, template: Path, place: Path) -> None:
    root = copy_repository(template, place / "r")
    for args in (["-q", "root"], ["root", "--quiet"], ["root", "-q"]):
        assert dv(root, *args).ok().out == ""
    assert "ERROR" in dv(place, "-q", "root").err
    assert dv(root, "-q", "remote", "list", "--json").json == []


def test_abbreviations_as_in_dvc(dv: Tool, template: Path, place: Path) -> None:
    root = copy_repository(template, place / "r")
    assert dv(root, "config", "--li", "--sho").code == 0
    assert dv(root, "config", "--lo", "core.remote").code == 251, "two options begin so, but one is `--local`"
    assert dv(root, "config", "--l").code == 254


def test_other_names(dv: Tool, place: Path) -> None:
    assert dv(place, "doctor").ok().out.startswith("data-versioning version")


def test_file_names_that_are_not_text_are_printed_as_they_are(dv: Tool, place: Path) -> None:
    directory = os.fsencode(place) + b"/\xff"
    os.mkdir(directory)
    done = subprocess.run(
        [sys.executable, "-m", "data_versioning", "init", "--no-scm"],
        cwd=directory,
        capture_output=True,
        check=True,
    )
    assert b"\xff" in done.stdout


def test_a_closed_pipe_ends_quietly(dv: Tool, place: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(dv.argv("--help"), cwd=place, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(30) == 141
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_everything_as_it_was(
    dv: Tool, sandbox: Sandbox, template: Path, place: Path, number: signal.Signals
) -> None:
    root = copy_repository(template, place / "r")
    (root / "data").write_text("1")
    with locks.exclusive(f"{root}/.dvc/tmp/lock", timeout=0):
        process = dv.start(root, "add", "data")
        assert process.stderr
        assert process.stderr.readline().startswith("waiting")
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 252
    assert err == "ERROR: interrupted by the user\n"
    assert sandbox.git(root, "status", "--porcelain") == "?? data\n"


def test_errors_as_json(dv: Tool, place: Path) -> None:
    result = dv(place, "remote", "list", "--json", "--local")
    assert result.code == 251
    error = json.loads(result.out)["error"]
    assert error["type"] == "ConfigError"
    assert "repository" in error["message"]
    assert error["hint"].startswith("dv ")
    result = dv(place, "config", "--json", "--nonsense")
    assert result.code == 254
    assert json.loads(result.out)["error"]["type"] == "UsageError"


def test_help_is_a_command_too(dv: Tool, place: Path) -> None:
    assert dv(place, "help").ok().out == dv(place, "--help").ok().out
    assert dv(place, "help", "add").ok().out == dv(place, "add", "--help").ok().out
    assert dv(place, "help", "remote", "add").ok().out.startswith("usage: dv remote add")
    assert "did you mean `dv status`?" in dv(place, "help", "stauts").err
    assert "did you mean `dv help`?" in dv(place, "hlep").err


def test_printing_never_fails() -> None:
    """Bytes that are no UTF-8 come out as they went in; half of a pair, which JSON can hold, as an escape."""
    main.main(["--version"])
    assert "é\udcff\ud800\udc80x".encode("utf-8", "names") == b"\xc3\xa9\xff\\ud800\x80x"
    assert "é".encode("ascii", "names") == b"\\u00e9"
