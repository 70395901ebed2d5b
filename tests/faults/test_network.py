"""push and pull over a line that fails: right content or a clear error, nothing wrong on the remote, and on it goes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.faults.invariants import assert_cache_trustworthy
from tests.oracle import Result, Tool
from tests.servers import fault_proxy
from tests.servers.fault_proxy import FaultProxy
from tests.servers.seaweedfs import KEY, REGION, SECRET, S3Server

MIB = 1 << 20
FAST = {"DV_DURABILITY": "process"}


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy.disturbing(s3_server.url) as found:
        yield found


@pytest.fixture(autouse=True)
def quiet(proxy: FaultProxy) -> Iterator[None]:
    yield
    proxy.chance, proxy.cut_after = 0.0, None
    proxy.forget()


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a prefix of the real server holds, asked for past the proxy."""

    server: S3Server
    url: str

    def objects(self) -> dict[str, bytes]:
        prefix = self.url.split("/", 3)[3] + "/files/md5/"
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.server.bucket, Prefix=prefix
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        client = self.client

        def read(key: str) -> bytes:
            content: bytes = client.get_object(Bucket=self.server.bucket, Key=key)["Body"].read()
            return content

        with ThreadPoolExecutor(8) as readers:
            contents = readers.map(read, keys)
            names = [key.removeprefix(prefix).replace("/", "") for key in keys]
            return dict(zip(names, contents, strict=True))

    @property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def parts(self) -> int:
        """How many parts of unfinished uploads there are."""
        prefix = self.url.split("/", 3)[3]
        found = self.client.list_multipart_uploads(Bucket=self.server.bucket, Prefix=prefix).get(
            "Uploads", []
        )
        return sum(
            len(
                self.client.list_parts(
                    Bucket=self.server.bucket, Key=one["Key"], UploadId=one["UploadId"]
                ).get("Parts", [])
            )
            for one in found
        )

    def assert_sound(self) -> dict[str, bytes]:
        """Every object is what its name says, and no listing is there without its files."""
        found = self.objects()
        for name, content in found.items():
            assert hashlib.md5(content).hexdigest() == name.removesuffix(".dir"), (
                f"{name} is wrong or partial"
            )
            if name.endswith(".dir"):
                lost = [entry["md5"] for entry in json.loads(content) if entry["md5"] not in found]
                assert not lost, f"{name} is there without {lost[:3]}"
        return found


def fill(repository: Path, *, files: int, large: int, seed: int = 7) -> None:
    rng = random.Random(seed)
    (repository / "data").mkdir()
    for number in range(files):
        (repository / f"data/f{number:04}").write_bytes(rng.randbytes(rng.randrange(1, 20_000)))
    if large:
        (repository / "large").write_bytes(rng.randbytes(large))


def configure(repository: Path, server: S3Server, proxy: FaultProxy) -> Bucket:
    url = server.fresh()
    settings = server.settings | {"endpointurl": proxy.url, "url": url, "read_timeout": "20"}
    lines = "".join(f"    {name} = {value}\n" for name, value in settings.items())
    (repository / ".dvc/config").write_text(f"[core]\n    remote = s\n['remote \"s\"']\n{lines}")
    return Bucket(server, url)


def expect(done: Result, verb: str) -> bool:
    """Whether it succeeded; else it said clearly what is missing."""
    assert "Traceback" not in done.err, done.err
    if done.code == 0:
        return True
    assert done.code not in (0, -6, 134), done
    assert "ERROR" in done.err, done.err
    if "could not be" in done.err:
        assert "(md5 " in done.err and f"dv {verb}" in done.err, done.err
    return False


def emptied(repository: Path) -> None:
    shutil.rmtree(repository / ".dvc/cache")
    shutil.rmtree(repository / "data", ignore_errors=True)
    (repository / "large").unlink(missing_ok=True)


def campaign(
    dv: Tool, repository: Path, bucket: Bucket, proxy: FaultProxy, *, chances: tuple[float, ...], verb: str
) -> None:
    """Run one command over and over while the line fails ever so often, then once without faults."""
    for number, chance in enumerate(chances):
        proxy.seed, proxy.chance = number, chance
        proxy._chances.seed(number)
        expect(dv.real(repository, verb, env=FAST), verb)
        bucket.assert_sound()
        if (repository / ".dvc/cache").exists():
            assert_cache_trustworthy(repository / ".dvc/cache")
    proxy.chance = 0.0
    done = dv.real(repository, verb, env=FAST)
    assert done.code == 0, done
    proxy.forget()
    again = dv.real(repository, verb, env=FAST)
    assert again.code == 0, again
    assert proxy.up < 100_000 and proxy.requests["PUT"] == proxy.requests["PART"] == 0


def run_campaigns(
    dv: Tool,
    repository: Path,
    bucket: Bucket,
    proxy: FaultProxy,
    *,
    files: int,
    large: int,
    chances: tuple[float, ...],
) -> None:
    fill(repository, files=files, large=large)
    wanted = {
        name: (repository / name).read_bytes() for name in ["large", *(f"data/f{n:04}" for n in range(files))]
    }
    assert dv(repository, "add", "data", "large", env=FAST).code == 0
    campaign(dv, repository, bucket, proxy, chances=chances, verb="push")
    assert len(bucket.assert_sound()) == len(set(wanted.values())) + 1
    assert proxy.disturbed == {}
    emptied(repository)
    campaign(dv, repository, bucket, proxy, chances=chances, verb="pull")
    assert {name: (repository / name).read_bytes() for name in wanted} == wanted


def test_a_bad_line(dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy) -> None:
    bucket = configure(repository, s3_server, proxy)
    run_campaigns(dv, repository, bucket, proxy, files=200, large=20 * MIB, chances=(0.1,))


@pytest.mark.soak
def test_bad_lines(dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy) -> None:
    bucket = configure(repository, s3_server, proxy)
    chances = (0.05, 0.2, 0.4, 0.7, 0.3, 0.1)
    run_campaigns(dv, repository, bucket, proxy, files=400, large=200 * MIB, chances=chances)


@pytest.mark.parametrize("size", [300 * MIB, pytest.param(1024 * MIB, marks=pytest.mark.soak)])
def test_memory_does_not_grow_with_a_file(
    dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy, size: int
) -> None:
    bucket = configure(repository, s3_server, proxy)
    config = repository / ".dvc/config"
    config.write_text(config.read_text().replace(proxy.url, s3_server.url))
    with (repository / "large").open("wb") as file:
        file.truncate(size)
        file.write(b"head")
    digest = hash_of(repository / "large")
    assert dv(repository, "add", "large", env=FAST).code == 0
    assert peak(dv.start(repository, "push", env=FAST)) <= 300 * MIB
    emptied(repository)
    assert peak(dv.start(repository, "pull", env=FAST)) <= 300 * MIB
    assert hash_of(repository / "large") == digest
    assert bucket.parts() == 0


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


def test_the_bar_of_a_terminal(dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy) -> None:
    """Bytes, their sum, the rate and the remaining time are drawn in both directions; and limits slow both down."""
    configure(repository, s3_server, proxy)
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


def killed(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for(condition: Any, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_killed_upload_goes_on(dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy) -> None:
    size = 200 * MIB
    bucket = configure(repository, s3_server, proxy)
    fill(repository, files=0, large=size)
    assert dv(repository, "add", "large", env=FAST).code == 0
    process = dv.start(repository, "push", env=FAST)
    wait_for(lambda: proxy.up > size * 0.5, process)
    killed(process)
    assert bucket.objects() == {}
    arrived = bucket.parts()
    assert arrived >= 5
    proxy.forget()
    done = dv.real(repository, "push", env=FAST)
    assert done.code == 0, done
    # What was on its way at that moment may have arrived later.
    assert 0 < proxy.requests["PART"] <= size // (8 * MIB) - arrived
    assert proxy.up < size - arrived * 8 * MIB + MIB
    assert len(bucket.assert_sound()) == 1
    assert bucket.parts() == 0


def test_a_line_that_is_cut(dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy) -> None:
    bucket = configure(repository, s3_server, proxy)
    fill(repository, files=100, large=0)
    assert dv(repository, "add", "data", env=FAST).code == 0
    proxy.cut_after = 300_000
    done = dv.real(repository, "push", env=FAST)
    assert done.code == 1, done
    found = bucket.assert_sound()
    assert 0 < len(found) < 100 and not any(name.endswith(".dir") for name in found)
    assert f"{100 - len(found)} files could not be pushed" in done.err, done.err
    assert "(md5 " in done.err and "to continue: dv push" in done.err
    proxy.cut_after = None
    proxy.forget()
    assert dv.real(repository, "push", env=FAST).code == 0
    assert proxy.requests["PUT"] == 100 - len(found) + 1


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_killed_in_the_middle(
    dv: Tool, repository: Path, s3_server: S3Server, proxy: FaultProxy, verb: str
) -> None:
    bucket = configure(repository, s3_server, proxy)
    fill(repository, files=300, large=10 * MIB)
    before = {path.name: path.read_bytes() for path in (repository / "data").iterdir()}
    assert dv(repository, "add", "data", "large", env=FAST).code == 0
    if verb == "pull":
        assert dv.real(repository, "push", env=FAST).code == 0
        emptied(repository)
    for share in (0.2, 0.8):
        proxy.forget()
        process = dv.start(repository, verb, env=FAST)
        wait_for(lambda share=share: max(proxy.up, proxy.down) > share * 4 * MIB, process)
        killed(process)
        bucket.assert_sound()
        if (repository / ".dvc/cache").exists():
            assert_cache_trustworthy(repository / ".dvc/cache")
    done = dv.real(repository, verb, env=FAST)
    assert done.code == 0, done
    assert len(bucket.assert_sound()) == 302
    assert {path.name: path.read_bytes() for path in (repository / "data").iterdir()} == before
