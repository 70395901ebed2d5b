"""`dv repro` on the command line."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from data_versioning.cli import repro
from tests.oracle import Tool


def test_doctests() -> None:
    assert doctest.testmod(repro).failed == 0


@pytest.mark.parametrize("time", ["x", "1h30m", "-1", "1.2.3", "nan", "", "٣"])
def test_a_time_that_is_none(repository: Path, dv: Tool, time: str) -> None:
    repository.joinpath("dvc.yaml").write_text("stages: {a: {cmd: touch ran}}\n")
    refused = dv(repository, "repro", f"--timeout={time}")
    assert (refused.code, repository.joinpath("ran").exists()) == (255, False)
    assert f"'{time}' is not a time" in refused.err
