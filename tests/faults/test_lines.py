"""push and pull over a line that fails, for every kind of remote: right content or a clear error, and on it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults import remotes
from tests.faults.lines import MIB, Line, run_campaigns
from tests.oracle import Tool

# Server of each kind of remote. Hadoop takes longer for each file.
SERVERS = {
    "s3": "s3_server",
    "gs": "gcs_server",
    "azure": "azure_server",
    "http": "nginx_server",
    "webdav": "web_server",
    "ssh": "ssh_server",
    "webhdfs": "hdfs_server",
    "hdfs": "hdfs_server",
}


@pytest.fixture(params=SERVERS)
def line(request: pytest.FixtureRequest, place: Path) -> Iterator[Line[Any]]:
    """A remote of each kind behind a line that is good at first."""
    server = request.getfixturevalue(SERVERS[request.param])
    also = (place / "home",) if request.param == "ssh" else ()
    with ExitStack() as opened:
        yield opened.enter_context(getattr(remotes, request.param)(server, *also))


def test_a_bad_line(dv: Tool, repository: Path, line: Line[Any]) -> None:
    run_campaigns(dv, repository, line, files=40, large=9 * MIB)


@pytest.mark.soak
def test_bad_lines(dv: Tool, repository: Path, line: Line[Any]) -> None:
    """Worse lines first: what arrived is not sent again."""
    disturbed = run_campaigns(dv, repository, line, files=1_000, large=65 * MIB, times=(8, 5, 3, 2, 1))
    assert disturbed.total() >= 20
