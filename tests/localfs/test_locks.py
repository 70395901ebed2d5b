from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zc.lockfile

from data_versioning.errors import ConfigError, DiskError, LockTimeout
from data_versioning.localfs import locks
from tests.oracle import Sandbox, Tool

HOLD = """
import sys, time
from data_versioning.localfs import locks
with getattr(locks, sys.argv[2])(sys.argv[1], timeout=10):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(place: Path) -> str:
    return str(place / "tmp/lock")


@contextlib.contextmanager
def holder(path: str, kind: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, path, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def take(lock: contextlib.AbstractContextManager[None]) -> None:
    with lock:
        pass


def can(kind: str, path: str) -> bool:
    try:
        with getattr(locks, kind)(path, timeout=0):
            return True
    except LockTimeout:
        return False


def test_who_may_hold_it_together(path: str) -> None:
    with locks.shared(path, timeout=0):
        assert can("shared", path)
        assert not can("exclusive", path)
    with locks.exclusive(path, timeout=0):
        assert not can("shared", path)
        assert not can("exclusive", path)
    assert can("exclusive", path)


def test_the_content_is_that_of_zc_lockfile(path: str) -> None:
    os.makedirs(os.path.dirname(path))
    zc.lockfile.LockFile(path).close()
    theirs = Path(path).read_text()
    Path(path).write_text(" 12345678901234567890\n")
    with locks.exclusive(path, timeout=0):
        assert Path(path).read_text() == theirs == f" {os.getpid()}\n"


def test_a_file_of_that_name_keeps_its_content(path: str) -> None:
    """`.dvc/tmp` may be a link that somebody committed, to a directory that holds a file called `lock`."""
    os.makedirs(os.path.dirname(path))
    Path(path).write_text("precious\n")
    with locks.exclusive(path, timeout=0):
        assert not can("shared", path)
    assert Path(path).read_text() == "precious\n"


def test_a_link_is_no_lock_file(path: str, place: Path) -> None:
    os.makedirs(os.path.dirname(path))
    (place / "precious").write_text("1\n")
    os.symlink(place / "precious", path)
    with pytest.raises(DiskError) as caught, locks.exclusive(path, timeout=0):
        pass
    assert caught.value.hint == f"rm {path}   (it is a link)"
    assert (place / "precious").read_text() == "1\n"


def test_sharers_leave_the_content_alone(path: str) -> None:
    with locks.exclusive(path, timeout=0):
        pass
    before = Path(path).read_text()
    with locks.shared(path, timeout=0):
        assert Path(path).read_text() == before


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
def test_keeps_zc_lockfile_out_and_stays_out(path: str, kind: str) -> None:
    with getattr(locks, kind)(path, timeout=0), pytest.raises(zc.lockfile.LockError):
        zc.lockfile.LockFile(path)
    with contextlib.closing(zc.lockfile.LockFile(path)):
        assert not can(kind, path)
    assert can(kind, path)


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
def test_the_timeout_names_the_holder(path: str, kind: str) -> None:
    with holder(path, kind) as process, pytest.raises(LockTimeout) as caught:
        take(locks.exclusive(path, timeout=0.05))
    assert f"{path} is held by process {process.pid} (" in caught.value.message
    assert os.path.basename(sys.executable) in caught.value.message
    assert "nothing was changed" in caught.value.message
    assert caught.value.hint


def test_all_sharers_are_named(path: str) -> None:
    with holder(path, "shared") as one, holder(path, "shared") as two:
        assert sorted(text.split(" (")[0] for text in locks.holders(path)) == sorted(
            f"process {process.pid}" for process in (one, two)
        )
    assert locks.holders(path) == []


def test_without_proc_the_file_names_the_last_exclusive_holder(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holder(path, "exclusive") as process:
        monkeypatch.setattr(locks, "_lock_owners", lambda path: [])
        assert locks.holders(path)[0].startswith(f"process {process.pid}")
    assert locks.holders(path) == []  # that process is gone


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
def test_a_killed_holder_leaves_no_lock(path: str, kind: str) -> None:
    with holder(path, kind) as process:
        assert not can("exclusive", path)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with locks.exclusive(path, timeout=0):
            assert Path(path).read_text() == f" {os.getpid()}\n"


def test_waits_with_one_message_and_goes_on(path: str) -> None:
    said: list[str] = []
    with holder(path, "exclusive") as process:
        timer = threading.Timer(0.9, process.kill)
        timer.start()
        started = time.monotonic()
        with locks.exclusive(path, timeout=20, waiting=said.append):
            waited = time.monotonic() - started
        timer.join()
    assert waited > 0.8
    assert len(said) == 1
    assert said[0].startswith(f"waiting for up to 20 s: {path} is held by process {process.pid}")


def test_a_short_wait_is_silent(path: str) -> None:
    said: list[str] = []
    with holder(path, "shared") as process:
        threading.Timer(0.15, process.kill).start()
        with locks.exclusive(path, timeout=float("inf"), waiting=said.append):
            assert said == []


def test_a_deleted_file_is_made_again(path: str) -> None:
    """A lock on a file that is gone would exclude nobody."""
    with locks.exclusive(path, timeout=0):
        os.remove(path)
        with locks.exclusive(path, timeout=0):
            assert not can("shared", path)


def test_no_descriptor_is_left_or_inherited(path: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with locks.exclusive(path, timeout=0):
        assert not can("shared", path)
        child = subprocess.run([sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"],
                               capture_output=True, text=True, check=True)  # fmt: skip
        assert len(eval(child.stdout)) == 4
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_place_where_no_lock_can_be(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(DiskError, match="cannot open the lock file") as caught:
        take(locks.exclusive(str(place / "file/lock"), timeout=0))
    assert caught.value.hint


def test_claim_files_are_refused() -> None:
    locks.require_flock(hardlink_lock=False)
    with pytest.raises(ConfigError, match=r"core\.hardlink_lock") as caught:
        locks.require_flock(hardlink_lock=True)
    assert caught.value.hint == "dv config --local core.hardlink_lock false"


def test_which_processes_live() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert locks.is_alive(os.getpid())
    assert locks.is_alive(1)
    assert not any(locks.is_alive(pid) for pid in (process.pid, 0, -1, 10**30))


def test_dvc_refuses_while_we_share(repository: Path, dvc: Tool) -> None:
    (repository / "a").write_text("a")
    with locks.shared(str(repository / ".dvc/tmp/lock"), timeout=0):
        refused = dvc(repository, "add", "a")
    assert refused.code != 0
    assert "Unable to acquire lock" in refused.err
    dvc(repository, "add", "a").ok()


def test_we_wait_for_dvc(repository: Path, sandbox: Sandbox) -> None:
    path = str(repository / ".dvc/tmp/lock")
    code = (
        "import time; from dvc.repo import Repo\nwith Repo().lock: print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=repository, env=sandbox.environment(), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(LockTimeout, match=rf"held by process {process.pid} \("):
            take(locks.shared(path, timeout=0.05))
        process.kill()
    take(locks.shared(path, timeout=5))
