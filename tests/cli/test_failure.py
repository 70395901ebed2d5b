"""What an unforeseen error leaves behind."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from data_versioning.cli import failure
from data_versioning.errors import CorruptObject, MissingObject, NotInRepository, StorageError, UsageError

SECRETS = ["config", "--local", "remote.s.password", "hunter2"]


@pytest.fixture(autouse=True)
def _no_wish_for_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_SHOW_TRACEBACK", raising=False)


def unforeseen() -> Exception:
    try:
        {}["https://ada:hunter2@example.org"]
    except KeyError as error:
        return error
    raise AssertionError


def test_a_report_file_in_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert failure.report(unforeseen(), SECRETS) == 255
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("ERROR: unexpected error: KeyError")
    assert "Traceback" not in said.err
    (report,) = (tmp_path / ".dvc/tmp/dv").iterdir()
    assert str(report) in said.err
    text = report.read_text()
    assert "Traceback" in text
    assert "dv config --local remote.s.password" in text
    assert "hunter2" not in text + said.err
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_report_file_elsewhere_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert failure.report(unforeseen(), []) == 255
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    assert str(tmp_path / "tmp") in capsys.readouterr().err


def test_a_directory_that_is_gone_is_no_second_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert failure.report(unforeseen(), []) == 255
    assert "report-" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("argv", [["-v"], ["--verbose"], ["status", "-vv"]])
def test_a_traceback_only_when_asked_for(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    failure.report(MissingObject("gone"), [])
    assert "Traceback" not in capsys.readouterr().err
    failure.report(MissingObject("gone"), argv)
    assert "MissingObject" in capsys.readouterr().err


def test_the_variable_of_dvc_asks_for_tracebacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_SHOW_TRACEBACK", "1")
    failure.report(MissingObject("gone"), [])
    assert "MissingObject" in capsys.readouterr().err


def test_a_secret_in_a_message_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    failure.report(StorageError("https://ada:hunter2@example.org does not answer"), [])
    failure.report(StorageError("https://ada:hunter2@example.org does not answer"), ["--json"])
    said = capsys.readouterr()
    assert "example.org" in said.err
    assert "example.org" in said.out
    assert "hunter2" not in said.out + said.err


def test_a_command_as_hint_is_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert failure.report(NotInRepository("no repository", hint="dv init"), []) == 253
    assert capsys.readouterr().err == "ERROR: no repository\n  try: dv init\n"
    assert failure.report(CorruptObject("bad", hint="ask somebody"), []) == 255
    assert capsys.readouterr().err == "ERROR: bad\n  ask somebody\n"


def test_a_message_is_bounded_and_harmless_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    failure.report(UsageError("a\x1b]0;x\x07\x9b" + "b" * 1_000_000, hint="dv --help"), [])
    said = capsys.readouterr().err
    assert "a\\x1b]0;x\\x07\\x9bb" in said
    assert len(said) < 5000


def test_a_file_of_the_wrong_kind_is_no_surprise(capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(errno.ELOOP, "Too many levels of symbolic links", "a b")
    assert failure.report(error, []) == 255
    assert capsys.readouterr().err == "ERROR: 'a b': Too many levels of symbolic links\n  try: ls -ld 'a b'\n"
