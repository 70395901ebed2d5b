"""Several commands at once, and files that change under them: a wait or a clear refusal, nothing lost."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_versioning.localfs import rwlock
from tests.faults.invariants import assert_cache_trustworthy, assert_clean_failure, md5, objects
from tests.oracle import TIMEOUT, Result, Sandbox, Tool, copy_repository

WRITER = """
import os, random, sys, time
file = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(file).st_size
print("writing", flush=True)
while True:
    os.pwrite(file, os.urandom(64), random.randrange(size - 64))
    time.sleep(0.0005)
"""


@contextmanager
def writer(path: Path) -> Iterator[None]:
    """A process that never stops changing the file in place."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"writing\n"
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str], *args: str) -> Result:
    out, err = process.communicate(timeout=TIMEOUT)
    return Result("dv", args, process.returncode, out, err)


@pytest.mark.parametrize("target", ["file", "data"])
@pytest.mark.parametrize("size", [3_000_000, 90_000_000])
def test_a_file_changes_while_it_is_hashed(repository: Path, dv: Tool, target: str, size: int) -> None:
    path = repository / (target if target == "file" else "data/inner")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(random.Random(3).randbytes(size))
    (repository / "data").mkdir(exist_ok=True)
    for number in range(30):
        (repository / f"data/f{number}").write_bytes(b"x" * number)
    (repository / ".dvc/config").write_text("[cache]\n    type = copy\n")
    with writer(path):
        result = dv.real(repository, "add", target)
        assert_cache_trustworthy(repository / ".dvc/cache")
    if result.code:
        assert_clean_failure(result.code, result.err)
        assert "changing" in result.err
        assert path.name in result.err
        assert not (repository / f"{target}.dvc").exists()
    dv(repository, "add", target).ok()
    assert_cache_trustworthy(repository / ".dvc/cache")
    assert md5(path) in objects(repository / ".dvc/cache")


def test_a_changing_file_never_gets_a_wrong_object(repository: Path, dv: Tool) -> None:
    """Many short runs beside a writer: whatever is recorded is in the cache, and right."""
    path = repository / "file"
    path.write_bytes(bytes(400_000))
    (repository / ".dvc/config").write_text("[cache]\n    type = copy\n")
    with writer(path):
        for _ in range(12):
            result = dv(repository, "add", "file")
            assert_cache_trustworthy(repository / ".dvc/cache")
            if result.code == 0:
                recorded = re.findall(r"md5: (\w{32})", (repository / "file.dvc").read_text())
                assert recorded[0] in objects(repository / ".dvc/cache")
            else:
                assert "changing" in result.err, result


def make_data(repo: Path, *names: str, files: int = 300) -> None:
    for name in names:
        (repo / name).mkdir()
        for number in range(files):
            (repo / name / f"f{number}").write_bytes(f"{name} {number}".encode() * (number % 50))


def test_two_dv_and_one_dvc_at_once(repository: Path, dv: Tool, dvc: Tool) -> None:
    for round_number in range(3):
        names = [f"{name}{round_number}" for name in ("a", "b", "c")]
        make_data(repository, *names)
        running = [
            tool.start(repository, "add", name) for tool, name in zip((dv, dv, dvc), names, strict=True)
        ]
        ours, also, theirs = (finish(process, "add") for process in running)
        ours.ok()
        also.ok()
        if theirs.code:
            assert "lock" in theirs.err.lower(), theirs
            dvc(repository, "add", names[2]).ok()
        ignored = (repository / ".gitignore").read_text().splitlines()
        assert set(ignored) >= {f"/{name}" for name in names}
        assert len(ignored) == len(set(ignored))
    assert_cache_trustworthy(repository / ".dvc/cache")
    assert dv(repository, "status", "--json").json == {}
    assert dvc(repository, "status", "--json").json == {}


def test_many_dv_add_the_same_target(repository: Path, dv: Tool, dvc: Tool) -> None:
    make_data(repository, "data")
    running = [dv.start(repository, "add", "data") for _ in range(4)]
    for process in running:
        finish(process, "add", "data").ok()
    assert_cache_trustworthy(repository / ".dvc/cache")
    assert dvc(repository, "status", "--json").json == {}
    assert (repository / ".gitignore").read_text() == "/data\n"


def test_dvc_holds_the_lock(repository: Path, dv: Tool) -> None:
    """`dv` waits for the flock that DVC takes, and says so."""
    (repository / "file").write_text("x")
    (repository / ".dvc/tmp").mkdir(exist_ok=True)
    holder = subprocess.Popen(
        ["flock", str(repository / ".dvc/tmp/lock"), sys.executable, "-c", "import time; time.sleep(2)"],
        start_new_session=True,
    )
    time.sleep(0.5)
    begin = time.monotonic()
    result = dv.real(repository, "add", "file").ok()
    assert time.monotonic() - begin > 1.0, "it did not wait"
    assert "wait" in result.err.lower()
    holder.wait()


def test_gc_racing_add(repository: Path, dv: Tool) -> None:
    """Whatever order gc and add come in, every object that a pointer names is there afterwards."""
    make_data(repository, "base")
    dv(repository, "add", "base").ok()
    for round_number in range(8):
        name = f"new{round_number}"
        make_data(repository, name, files=120)
        # the content is in the cache already, but nothing refers to it: gc wants it, add reuses it
        dv(repository, "add", name).ok()
        (repository / f"{name}.dvc").unlink()
        running = [dv.start(repository, "gc", "-w", "-f"), dv.start(repository, "add", name)]
        if round_number % 2:
            time.sleep(0.02 * round_number)
        for process in running:
            finish(process, "gc or add").ok()
        present = objects(repository / ".dvc/cache").keys()
        (listing,) = re.findall(r"md5: (\w+\.dir)", (repository / f"{name}.dvc").read_text())
        assert listing in present
        assert {md5(path) for path in (repository / name).iterdir()} <= present
    assert dv(repository, "status", "--json").json == {}


def test_a_second_repository_on_the_same_cache(
    repository: Path, template: Path, place: Path, dv: Tool
) -> None:
    """gc in one repository keeps what the other one has just added, and with `-p` whatever it needs."""
    other = copy_repository(template, place / "other")
    cache = place / "shared"
    for repo in (repository, other):
        (repo / ".dvc/config").write_text(f"[cache]\n    dir = {cache}\n    type = copy\n")
        make_data(repo, f"data of {repo.name}", files=30)
        dv(repo, "add", f"data of {repo.name}").ok()
    theirs = {md5(path) for path in (other / "data of other").iterdir()}
    dv(repository, "gc", "-w", "-f")
    assert theirs <= objects(cache).keys(), "gc deleted young objects of another repository"
    past = time.time() - 7 * 86_400
    for path in objects(cache).values():
        os.utime(path, (past, past))
    dv(repository, "gc", "-w", "-f", "-p", str(other)).ok()
    assert theirs <= objects(cache).keys(), "gc deleted objects of a repository that was named"
    shutil.rmtree(other / "data of other")
    dv(other, "checkout").ok()
    assert {md5(path) for path in (other / "data of other").iterdir()} == theirs


def test_reused_objects_are_freshened(repository: Path, dv: Tool) -> None:
    """An old object that a new add relies on looks new to a gc with a grace period."""
    (repository / "one").write_text("same")
    dv(repository, "add", "one").ok()
    (path,) = objects(repository / ".dvc/cache").values()
    os.utime(path, (1_000_000_000, 1_000_000_000))
    (repository / "two").write_text("same")
    dv(repository, "add", "two").ok()
    assert time.time() - path.stat().st_mtime < 60


def test_interrupt(repository: Path, dv: Tool) -> None:
    """Ctrl-C ends with 252, without a traceback, and leaves a clean state."""
    make_data(repository, "data", files=4_000)
    interrupted = 0
    for delay in (0.08, 0.12, 0.16, 0.2, 0.25, 0.3):
        process = dv.start(repository, "add", "data")
        time.sleep(delay)
        process.send_signal(2)
        result = finish(process, "add", "data")
        assert "Traceback" not in result.err, result
        if result.code:
            assert result.code in (252, -2), result
            interrupted += 1
            if (repository / "data.dvc").exists():
                assert dv(repository, "status", "--json").json == {}, "the pointer names what is not there"
        assert_cache_trustworthy(repository / ".dvc/cache")
        shutil.rmtree(repository / ".dvc/cache", ignore_errors=True)
        (repository / "data.dvc").unlink(missing_ok=True)
        (repository / ".gitignore").unlink(missing_ok=True)
    assert interrupted >= 1
    dv(repository, "add", "data").ok()
    assert not list((repository / ".dvc/cache").rglob("*.tmp")), "temporary files were left"


def test_parts_of_one_directory_added_at_once(sandbox: Sandbox, dv: Tool, template: Path) -> None:
    repo = copy_repository(template, sandbox.base / "parts")
    for name in ("f", "g"):
        (repo / "d").mkdir(exist_ok=True)
        (repo / "d" / name).write_text(name)
    dv(repo, "add", "d").ok()
    for round_ in range(3):
        both = []
        for name in (f"a{round_}", f"b{round_}"):
            (repo / "d" / name).write_text(name)
            both.append(dv.start(repo, "add", f"d/{name}"))
        for process in both:
            process.communicate(timeout=60)
            assert process.returncode == 0
    assert "nfiles: 8" in (repo / "d.dvc").read_text()
    assert dv(repo, "status", "--json").json == {}


@pytest.mark.parametrize("verb", ["checkout", "pull"])
def test_what_is_recorded_while_a_command_waits_counts(repository: Path, dv: Tool, verb: str) -> None:
    file, pointer = repository / "file", repository / "file.dvc"
    dv(repository, "remote", "add", "-d", "here", str(repository.parent / "remote")).ok()
    for content in ("one", "two"):
        file.write_text(content)
        dv(repository, "add", "file").ok()
        dv(repository, "push").ok()
        (repository / content).write_bytes(pointer.read_bytes())
    shutil.copyfile(repository / "one", pointer)
    temporary = str(repository / ".dvc/tmp")
    with rwlock.hold(temporary, command="test", read=[], write=[str(file)], timeout=1):
        process = dv.start(repository, verb)
        assert process.stderr
        assert "waiting" in process.stderr.readline()
        shutil.copyfile(repository / "two", pointer)
    finish(process, verb).ok()
    assert file.read_text() == "two"


def test_what_is_recorded_while_remove_waits_counts(repository: Path, dv: Tool) -> None:
    for name in ("file", "other"):
        (repository / name).write_text(name)
        dv(repository, "add", name).ok()
    temporary = str(repository / ".dvc/tmp")
    with rwlock.hold(temporary, command="test", read=[], write=[str(repository / "file")], timeout=1):
        process = dv.start(repository, "remove", "--outs", "file.dvc")
        assert process.stderr
        assert "waiting" in process.stderr.readline()
        (repository / "other.dvc").rename(repository / "file.dvc")
    finish(process, "remove").ok()
    assert (repository / "file").exists()
    assert not (repository / "other").exists()
