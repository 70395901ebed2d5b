"""push and pull over a line that fails, for every kind of remote: right content or a clear error, and on it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults import remotes
from tests.faults.lines import FAST, MIB, Line, emptied, fill, killed, run_campaigns, wait_for
from tests.oracle import Tool
from tests.servers.fault_proxy import FaultProxy

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
    run_campaigns(dv, repository, line, files=30, large=9 * MIB)


@pytest.mark.soak
def test_bad_lines(dv: Tool, repository: Path, line: Line[Any]) -> None:
    """Worse lines first: what arrived is not sent again."""
    disturbed = run_campaigns(dv, repository, line, files=1_000, large=65 * MIB, times=(8, 5, 3, 2, 1))
    assert disturbed.total() >= 20


def test_killed_in_the_middle(dv: Tool, repository: Path, line: Line[Any]) -> None:
    line.configure(repository)
    wanted = fill(repository, files=20, large=9 * MIB)
    assert dv(repository, "add", "data", "large", env=FAST).code == 0
    for verb in ("push", "pull"):
        line.proxy.calm()
        process = line.start(dv, repository, verb)
        wait_for(lambda: max(line.proxy.up, line.proxy.down) > 2 * MIB, process)
        killed(process)
        line.assert_nothing_wrong(repository)
        assert (done := line.run(dv, repository, verb)).code == 0, done
        assert len(line.objects()) == len(wanted) + 1
        if verb == "push":
            emptied(repository)
    assert {name: (repository / name).read_bytes() for name in wanted} == wanted


@pytest.mark.parametrize("line", ["s3", "gs", "azure", "http", "webdav", "webhdfs"], indirect=True)
def test_credentials_expire(dv: Tool, repository: Path, line: Line[FaultProxy]) -> None:
    """In the middle of a push: the message names what to change, and the next push goes on."""
    line.configure(repository)
    wanted = fill(repository, files=60, large=0)
    assert dv(repository, "add", "data", env=FAST).code == 0
    line.proxy.refuse_after = 100_000
    done = line.run(dv, repository, "push")
    assert done.code == 1, done
    assert "credentials" in done.err or "does not permit this" in done.err, done
    assert "dv remote modify" in done.err and done.err.count("dv remote modify") <= 2, done
    arrived = line.objects()
    assert len(arrived) < len(wanted) and not any(name.endswith(".dir") for name in arrived)
    line.proxy.calm()
    assert (done := line.run(dv, repository, "push")).code == 0, done
    assert len(line.objects()) == len(wanted) + 1
