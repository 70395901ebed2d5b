"""push and pull over a network: memory, progress, and uploads that go on where they stopped."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import remotes
from tests.faults.lines import FAST, MIB, Line, emptied, fill, killed, wait_for
from tests.oracle import Tool
from tests.servers import fault_proxy
from tests.servers.fault_proxy import FaultProxy
from tests.servers.seaweedfs import S3Server


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy.disturbing(s3_server.url) as found:
        yield found


@pytest.fixture(autouse=True)
def quiet(proxy: FaultProxy) -> Iterator[None]:
    yield
    proxy.calm()


@pytest.fixture
def line(s3_server: S3Server, proxy: FaultProxy, repository: Path) -> Line[FaultProxy]:
    """The repository's remote."""
    found = remotes.s3_line(s3_server, proxy)
    found.configure(repository)
    return found


def parts(server: S3Server, url: str) -> int:
    """How many parts of unfinished uploads there are."""
    client, prefix = server.client(), url.split("/", 3)[3]
    found = client.list_multipart_uploads(Bucket=server.bucket, Prefix=prefix).get("Uploads", [])
    each = (
        client.list_parts(Bucket=server.bucket, Key=one["Key"], UploadId=one["UploadId"]) for one in found
    )
    return sum(len(one.get("Parts", [])) for one in each)


@pytest.mark.parametrize("size", [300 * MIB, pytest.param(1024 * MIB, marks=pytest.mark.soak)])
def test_memory_does_not_grow_with_a_file(
    dv: Tool, repository: Path, s3_server: S3Server, line: Line[FaultProxy], size: int
) -> None:
    config = repository / ".dvc/config"
    config.write_text(config.read_text().replace(line.proxy.url, s3_server.url))
    with (repository / "large").open("wb") as file:
        file.truncate(size)
        file.write(b"head")
    digest = hash_of(repository / "large")
    assert dv(repository, "add", "large", env=FAST).code == 0
    assert peak(dv.start(repository, "push", env=FAST)) <= 300 * MIB
    emptied(repository)
    assert peak(dv.start(repository, "pull", env=FAST)) <= 300 * MIB
    assert hash_of(repository / "large") == digest
    assert parts(s3_server, line.url) == 0


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def peak(process: subprocess.Popen[str]) -> int:
    """Bytes that a command and what it starts held at most, by its end, which is good; shared pages count each time."""
    most = 0
    while process.poll() is None:
        most = max(most, sum(resident(pid) for pid in session(process.pid)))
        time.sleep(0.02)
    assert process.returncode == 0, process.communicate()
    process.communicate()
    assert most > 20 * MIB
    return most


def session(leader: int) -> list[int]:
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.getsid(int(name)) == leader:
                found.append(int(name))
        except ProcessLookupError:
            continue
    return found


def resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


@pytest.mark.usefixtures("line")
def test_the_bar_of_a_terminal(dv: Tool, repository: Path) -> None:
    """Bytes, their sum, the rate and the remaining time are drawn in both directions; and limits slow both down."""
    fill(repository, files=20, large=30 * MIB)
    assert dv(repository, "add", "data", "large", env=FAST).code == 0
    for verb in ("push", "pull"):
        limits = {"DV_UPLOAD_LIMIT": "20MB", "DV_DOWNLOAD_LIMIT": "20MB", "TERM": "xterm"}
        text = on_terminal(dv.argv(verb), repository, dv.sandbox.environment() | FAST | limits)
        assert re.search(r"/22 files, [0-9.]+ [kM]B/31\.\d MB, [0-9.]+ [kM]B/s", text), text[-2000:]
        assert re.search(r"0:00:0\d", text), text[-2000:]
        emptied(repository)


def on_terminal(argv: list[str], cwd: Path, environment: dict[str, str]) -> str:
    """What a command writes to a terminal of 160 columns."""
    ours, its = os.openpty()
    termios.tcsetwinsize(its, (40, 160))
    process = subprocess.Popen(
        argv, cwd=cwd, env=environment | {"COLUMNS": "160"}, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    text = b""
    with contextlib.suppress(OSError):  # the terminal is gone with the process
        while chunk := os.read(ours, 65536):
            text += chunk
    os.close(ours)
    assert process.wait(60) == 0, text
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode())


def test_a_killed_upload_goes_on(
    dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy, line: Line[FaultProxy]
) -> None:
    size = 200 * MIB
    fill(repository, files=0, large=size)
    assert dv(repository, "add", "large", env=FAST).code == 0
    process = dv.start(repository, "push", env=FAST)
    wait_for(lambda: proxy.up > size * 0.5, process)
    killed(process)
    assert line.objects() == {}
    arrived = parts(s3_server, line.url)
    assert arrived >= 1
    proxy.forget()
    done = dv.real(repository, "push", env=FAST)
    assert done.code == 0, done
    # What was on its way at that moment may have arrived later.
    assert 0 < proxy.requests["PART"] <= size // (8 * MIB) - arrived
    assert proxy.up < size - arrived * 8 * MIB + MIB
    assert len(line.assert_sound()) == 1
    assert parts(s3_server, line.url) == 0


def test_a_line_that_is_cut(dv: Tool, repository: Path, proxy: FaultProxy, line: Line[FaultProxy]) -> None:
    fill(repository, files=100, large=0)
    assert dv(repository, "add", "data", env=FAST).code == 0
    proxy.cut_after = 300_000
    done = dv.real(repository, "push", env=FAST)
    assert done.code == 1, done
    found = line.assert_sound()
    assert 0 < len(found) < 100 and not any(name.endswith(".dir") for name in found)
    assert f"{100 - len(found)} files could not be pushed" in done.err, done.err
    assert "(md5 " in done.err and "to continue: dv push" in done.err
    proxy.cut_after = None
    proxy.forget()
    assert dv.real(repository, "push", env=FAST).code == 0
    assert proxy.requests["PUT"] == 100 - len(found) + 1
