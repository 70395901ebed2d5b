from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data_versioning.eventlog.local_log import Log
from data_versioning.eventlog.operation import Operation, Outcome, PointerChange


def begun(argv: list[str]) -> Operation:
    return Operation.begin("add", argv, version="1.2.3", head="abc", branch="main")


def test_the_record_of_an_operation() -> None:
    change = PointerChange("data.dvc", None, "d41d8cd98f00b204e9800998ecf8427e")
    record = begun(["add", "data"]).end(Outcome.OK, pointers=[change]).record()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(record.pop("time")))
    assert record.pop("host")
    assert record.pop("user")
    assert record == {
        "verb": "add", "argv": ["add", "data"], "pid": os.getpid(), "version": "1.2.3", "head": "abc",
        "branch": "main", "outcome": "ok", "error": None,
        "pointers": [["data.dvc", None, "d41d8cd98f00b204e9800998ecf8427e"]],
        "place": "", "kept": None, "undoes": None,
    }  # fmt: skip


def test_secrets_reach_neither_arguments_nor_error() -> None:
    operation = begun(["remote", "modify", "r", "password", "hunter2"])
    record = operation.end(Outcome.FAILED, error="cannot reach https://ada:hunter2@host/x").record()
    assert "hunter2" not in json.dumps(record)
    assert record["outcome"] == "failed"


def test_endless_arguments_are_cut() -> None:
    record = begun(["add", *(f"f{number}" for number in range(5000)), "x" * 100_000]).record()
    argv = record["argv"]
    assert isinstance(argv, list)
    assert argv[:2] == ["add", "f0"]
    assert argv[-1] == "… 4802 more"
    assert len(json.dumps(begun(["x" * 100_000]).end(Outcome.FAILED, error="y" * 100_000).record())) < 5000


def test_odd_names_survive_the_log(place: Path) -> None:
    log = Log(directory=str(place / "log"))
    log.append(begun(["add", "\udcff\n\"'é"]).record())
    (event,) = log.read()
    assert event.record["argv"] == ["add", "\udcff\n\"'é"]


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
def test_a_user_without_a_name() -> None:
    code = (
        "import os; from data_versioning.eventlog.operation import Operation; os.setuid(54321);"
        "print(Operation.begin('add', [], version='1').user)"
    )
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("USER", "LOGNAME", "LNAME", "USERNAME")
    }
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "54321"
