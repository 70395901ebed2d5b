"""A remote in the cloud that several machines use, or that refuses: nothing lost, one clear sentence, no secret."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.invariants import assert_cache_trustworthy, assert_clean_failure
from tests.faults.lines import FAST, Line, emptied, fill
from tests.faults.remotes import s3_line
from tests.faults.test_disk import remount, small_disk
from tests.oracle import Tool, copy_repository
from tests.servers import process
from tests.servers.answering import answering
from tests.servers.fault_proxy import FaultProxy
from tests.servers.seaweedfs import READER, S3Server

SECRET = "dG9wLXNlY3JldC1rZXktb2YtYWxs"


@pytest.fixture
def line(s3_server: S3Server, repository: Path) -> Line[FaultProxy]:
    """The repository's remote, without a proxy before it."""
    direct = FaultProxy(targets=(), ports=[int(s3_server.url.rpartition(":")[2])])
    found = s3_line(s3_server, direct)
    found.configure(repository)
    return found


def test_two_machines_push_the_same_at_once(
    dv: Tool, repository: Path, place: Path, line: Line[FaultProxy]
) -> None:
    wanted = fill(repository, files=300, large=20 << 20)
    dv(repository, "add", "data", "large", env=FAST).ok()
    other = copy_repository(repository, place / "other")
    both = [line.start(dv, machine, "push") for machine in (repository, other)]
    for process_ in both:
        _, err = process_.communicate(timeout=60)
        assert process_.returncode == 0, err
    assert len(line.assert_sound()) == len(wanted) + 1
    emptied(other)
    dv(other, "pull", env=FAST).ok()
    assert {name: (other / name).read_bytes() for name in wanted} == wanted


def test_gc_of_the_remote_beside_a_push(
    dv: Tool, repository: Path, template: Path, place: Path, line: Line[FaultProxy]
) -> None:
    """What came lately is kept, though the machine that collects has never heard of it."""
    fill(repository, files=20, large=0)
    dv(repository, "add", "data", env=FAST).ok()
    dv(repository, "push", env=FAST).ok()
    other = copy_repository(template, place / "other")
    line.configure(other)
    wanted = fill(other, files=400, large=0, seed=8)
    dv(other, "add", "data", env=FAST).ok()
    push = line.start(dv, other, "push")
    collections = 0
    while push.poll() is None or not collections:
        dv(repository, "gc", "-w", "-c", "-f").ok()
        collections += 1
    assert push.returncode == 0, push.communicate()
    push.communicate()
    dv(repository, "gc", "-w", "-c", "-f").ok()
    assert len(line.assert_sound()) == 20 + 1 + len(wanted) + 1
    emptied(other)
    dv(other, "pull", env=FAST).ok()
    assert {name: (other / name).read_bytes() for name in wanted} == wanted
    dv(repository, "gc", "-w", "-c", "-f", "--grace", "0").ok()
    assert len(line.assert_sound()) == 20 + 1, "without a grace period, what only others need goes"


def test_pull_to_a_full_disk(dv: Tool, repository: Path, place: Path, line: Line[FaultProxy]) -> None:
    wanted = fill(repository, files=20, large=20 << 20)
    dv(repository, "add", "data", "large", env=FAST).ok()
    dv(repository, "push", env=FAST).ok()
    emptied(repository)
    with small_disk(place / "cache", "8m") as cache:
        with (repository / ".dvc/config").open("a") as config:
            config.write(f"[cache]\n    dir = {cache}\n    type = copy\n")
        done = dv.real(repository, "pull")
        assert_clean_failure(done.code, done.err)
        assert "no space left on device" in done.err, done.err
        assert_cache_trustworthy(cache)
        assert not list(cache.rglob("*.tmp"))
        remount(cache, "size=64m")
        dv.real(repository, "pull").ok()
    assert {name: (repository / name).read_bytes() for name in wanted} == wanted


def nobody(opened: ExitStack) -> str:
    return f"http://127.0.0.1:{process.free_ports(1)[0]}"


def elsewhere(opened: ExitStack) -> str:
    return opened.enter_context(answering(301))


Settings = Mapping[str, str | Callable[[ExitStack], str] | None]
# What is wrong: the command that meets it, the settings, what it says, and the setting that it names.
REFUSALS: Mapping[str, tuple[str, Settings, str, str]] = {
    # Asked for one object, S3 says no more than 403.
    "secret": ("push", {"secret_access_key": SECRET}, "wrong credentials", "secret_access_key"),
    "key": ("pull", {"access_key_id": "nobody"}, "does not accept the credentials", "access_key_id"),
    "none": (
        "push",
        {"access_key_id": None, "secret_access_key": None},
        "no credentials for S3",
        "access_key_id",
    ),
    "reader": ("push", {"access_key_id": READER}, "does not permit this", "access_key_id"),
    # This server makes the bucket for whoever pushes.
    "bucket": ("pull", {"url": "s3://nowhere/x"}, "s3://nowhere does not exist", "url"),
    "nobody": ("push", {"endpointurl": nobody}, "nobody answers at 127.0.0.1", "endpointurl"),
    "host": ("pull", {"endpointurl": "http://storage.invalid"}, "no host storage.invalid", "endpointurl"),
    "region": ("push", {"endpointurl": elsewhere}, "is in another region", "region"),
}


@pytest.mark.parametrize("kind", [*REFUSALS, "certificate"])
def test_wrong_settings(
    dv: Tool, repository: Path, line: Line[FaultProxy], untrusted: tuple[str, Path], kind: str
) -> None:
    """One sentence, and the setting to change; the secret stands nowhere else, the operation log included."""
    untrusting = ("pull", {"endpointurl": untrusted[0]}, "certificate of", "ssl_verify")
    verb, settings, sentence, setting = REFUSALS.get(kind, untrusting)
    fill(repository, files=10, large=0)
    dv(repository, "add", "data", env=FAST).ok()
    if verb == "pull":
        shutil.rmtree(repository / ".dvc/cache")
    with ExitStack() as opened:
        for name, value in settings.items():
            text = value(opened) if callable(value) else value
            change = ["--unset", "r", name] if text is None else ["r", name, text]
            dv(repository, "remote", "modify", *change).ok()
        done = dv(repository, verb)
    assert_clean_failure(done.code, done.err)
    lines = [text for text in done.err.splitlines() if text.strip()]
    assert len(lines) == 2, done.err
    assert sentence in lines[0] and "dv remote modify" in lines[1], done.err
    assert setting in lines[1] and " r " in lines[1], done.err
    told = done.out + done.err + dv(repository, "log", "--json").out
    replace(line, secrets=(*line.secrets, SECRET)).assert_no_secret(told, repository)
