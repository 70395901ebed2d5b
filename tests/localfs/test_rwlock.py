from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from data_versioning.errors import FormatError, LockTimeout
from data_versioning.localfs import locks, rwlock
from tests.oracle import Sandbox, Tool

OTHER = {"pid": 1, "cmd": "dvc repro"}  # a process that exists and is not ours


@pytest.fixture
def directory(place: Path) -> str:
    (place / "tmp").mkdir()
    return str(place / "tmp")


def hold(
    directory: str,
    *,
    read: tuple[str, ...] = (),
    write: tuple[str, ...] = (),
    command: str = "dv add",
    timeout: float = 0,
) -> AbstractContextManager[None]:
    return rwlock.hold(directory, command=command, read=read, write=write, timeout=timeout)


def table(directory: str) -> dict[str, dict[str, object]]:
    text = Path(directory, "rwlock").read_text()
    return {kind: entries for kind, entries in json.loads(text).items() if entries}


def others(directory: str, entries: object) -> None:
    with locks.exclusive(f"{directory}/rwlock.lock", timeout=10):
        Path(directory, "rwlock").write_text(json.dumps(entries))


def test_registers_and_leaves(directory: str) -> None:
    me = {"pid": os.getpid(), "cmd": "dv add"}
    with hold(directory, read=("/r/a", "/r/b"), write=("/r/c",)):
        assert table(directory) == {"read": {"/r/a": [me], "/r/b": [me]}, "write": {"/r/c": me}}
    assert table(directory) == {}


def test_leaves_after_an_error(directory: str) -> None:
    with pytest.raises(ZeroDivisionError), hold(directory, write=("/r/c",)):
        raise ZeroDivisionError
    assert table(directory) == {}


@pytest.mark.parametrize(
    ("taken", "read", "write", "free"),
    [
        ({"write": {"/r/d": OTHER}}, ["/r/d"], [], False),
        ({"write": {"/r/d": OTHER}}, ["/r/d/below"], [], False),
        ({"write": {"/r/d": OTHER}}, ["/r"], [], False),
        ({"write": {"/r/d": OTHER}}, [], ["/r/d"], False),
        ({"write": {"/r/d": OTHER}}, ["/r/d2"], ["/r/e"], True),
        ({"read": {"/r/d": [OTHER]}}, ["/r/d"], [], True),
        ({"read": {"/r/d": [OTHER]}}, [], ["/r/d/below"], False),
        ({"read": {"/r/d": [OTHER]}}, [], ["/r"], False),
        ({"write": {"s3://b/d": OTHER}}, ["s3://b/d/x"], [], False),
        ({"write": {"/r/d": {"pid": 2**22 + 1, "cmd": "gone"}}}, ["/r/d"], ["/r/d"], True),
        ({}, ["/r/d"], ["/r/d"], True),
    ],
)
def test_who_is_in_the_way(
    directory: str, taken: dict[str, object], read: list[str], write: list[str], free: bool
) -> None:
    others(directory, taken)
    try:
        with hold(directory, read=tuple(read), write=tuple(write)):
            assert free
    except LockTimeout as error:
        assert not free
        assert "`dvc repro`" in error.message
        assert "process 1" in error.message
        assert error.hint
    assert table(directory) == {
        kind: entries for kind, entries in taken.items() if "gone" not in str(entries)
    }


def test_the_same_command_may_enter_twice(directory: str) -> None:
    with hold(directory, write=("/r/d",)):
        with hold(directory, read=("/r/d",), write=("/r/d",)):
            pass
        assert table(directory) == {"write": {"/r/d": {"pid": os.getpid(), "cmd": "dv add"}}}


def test_waits_until_the_other_is_done(directory: str) -> None:
    others(directory, {"write": {"/r/d": OTHER}})
    timer = threading.Timer(0.3, others, (directory, {}))
    timer.start()
    started = time.monotonic()
    with hold(directory, write=("/r/d",), timeout=20):
        assert 0.2 < time.monotonic() - started < 10
    timer.join()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"write": {"/a": {"pid": "x"}}}', '{"read": {"/a": {"pid": 1}}}', "", "null"]
)
def test_a_file_that_cannot_be_understood(directory: str, text: str) -> None:
    path = Path(directory, "rwlock")
    path.write_text(text)
    with pytest.raises(FormatError) as caught, hold(directory, write=("/a",)):
        pass
    assert caught.value.hint == f"when no dvc or dv command runs: rm {path}"
    assert path.read_text() == text


def test_dvc_repro_refuses_what_we_hold(repository: Path, dvc: Tool) -> None:
    (repository / "dvc.yaml").write_text("stages:\n  make:\n    cmd: touch out\n    outs: [out]\n")
    tmp = str(repository / ".dvc/tmp")
    with hold(tmp, write=(str(repository / "out"),), command="dv checkout"):
        refused = dvc(repository, "repro")
        assert refused.code != 0
        assert f"(PID {os.getpid()}): dv checkout" in refused.err
        assert not (repository / "out").exists()
    dvc(repository, "repro").ok()
    assert table(tmp) == {}


def test_we_wait_for_dvc_repro(repository: Path, sandbox: Sandbox) -> None:
    (repository / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: touch started; sleep 1; echo made > out\n    outs: [out]\n"
    )
    dvc = str(Path(sys.executable).parent / "dvc")
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [dvc, "repro"], cwd=repository, env=sandbox.environment(), stdout=quiet, stderr=quiet
    ) as process:
        while not (repository / "started").exists():
            assert process.poll() is None
            time.sleep(0.01)
        tmp, out = str(repository / ".dvc/tmp"), str(repository / "out")
        with (
            pytest.raises(LockTimeout, match=rf"out is used by `.*` in process {process.pid} "),
            hold(tmp, read=(out,)),
        ):
            pass
        with hold(tmp, write=(out,), timeout=30):
            assert (repository / "out").read_text() == "made\n"
        assert process.wait() == 0


def test_a_table_that_is_no_file_or_too_deep(place: Path) -> None:
    """A pipe is not waited for, a device not read forever."""
    path = place / "rwlock"
    for make in (
        os.mkfifo,
        lambda path: os.symlink("/dev/zero", path),
        lambda path: path.write_text("[" * 100_000),
    ):
        make(path)
        with (
            pytest.raises(FormatError) as caught,
            rwlock.hold(str(place), command="dv add", write=["/a"], timeout=0),
        ):
            pass
        assert "rm" in (caught.value.hint or "")
        path.unlink()
