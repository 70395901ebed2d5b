"""Sizes, tables, JSON and progress."""

from __future__ import annotations

import argparse
import doctest
import io
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from data_versioning.cli import render
from data_versioning.progress import SILENT


def test_the_examples_in_the_code() -> None:
    outcome = doctest.testmod(render)
    assert outcome.attempted == 5
    assert outcome.failed == 0


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    inner: tuple[Sample, ...] = ()


def test_json_of_results(capsys: pytest.CaptureFixture[str]) -> None:
    render.print_json({"a": Sample("x", (Sample("y"),)), "b": {3, 1, 2}, "c": "\udcff"})
    assert capsys.readouterr().out == (
        '{"a": {"name": "x", "inner": [{"name": "y", "inner": []}]}, "b": [1, 2, 3], "c": "\\udcff"}\n'
    )


def test_colours_only_on_a_terminal() -> None:
    assert render.colour("x", "red", stream=io.StringIO()) == "x"


def test_progress_is_silent_when_piped_or_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert render.progress(argparse.Namespace(quiet=0)) is SILENT
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert render.progress(argparse.Namespace(quiet=1)) is SILENT
    assert isinstance(render.progress(argparse.Namespace(quiet=0)), render.TerminalProgress)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


WORK = """
import argparse, sys, time
from data_versioning.cli import render
progress = render.progress(argparse.Namespace(quiet=0))
progress.start("Hashing", files=4000)
for _ in range(20):
    progress.advance(100)
    time.sleep({pause})
progress.finish()
progress.start("Linking", files=10)
progress.finish()
print("rich" in sys.modules)
"""


def on_terminal(script: str) -> tuple[str, str]:
    """Standard output, and what a terminal as standard error received."""
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE, stderr=follower, text=True,
    )  # fmt: skip
    os.close(follower)
    drawn = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        drawn += part
    os.close(leader)
    out, _ = process.communicate(timeout=60)
    return out, drawn.decode()


def test_a_short_task_draws_nothing_and_loads_nothing() -> None:
    assert on_terminal(WORK.format(pause=0.001)) == ("False\n", "")


def test_an_error_erases_the_bar_and_shows_the_cursor_again_before_it_is_printed() -> None:
    interrupted = WORK.replace(
        "progress.finish()", "raise SystemExit(failure.report(KeyboardInterrupt(), []))", 1
    )
    _, drawn = on_terminal("from data_versioning.cli import failure\n" + interrupted.format(pause=0.08))
    bar, _, rest = drawn.partition("\x1b[?25h")
    assert "Hashing" in bar
    assert "interrupted by the user" in rest
    assert "Hashing" not in rest


def test_a_long_task_shows_count_and_rate_and_is_erased() -> None:
    out, drawn = on_terminal(WORK.format(pause=0.15))
    assert out == "True\n"
    assert "Hashing" in drawn
    assert "/4,000 files" in drawn
    assert "/s" in drawn
    assert "Linking" not in drawn, "a task that ended at once"
    assert drawn.rstrip().endswith("\x1b[2K"), "the line is erased at the end"
