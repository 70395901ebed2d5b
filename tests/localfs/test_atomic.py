from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_versioning.localfs import atomic


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("durable", [True, False])
def test_a_new_file(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    atomic.write(str(path), b"content", durable=durable)
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o444])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    path.chmod(mode)
    atomic.write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    atomic.write("file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real/file")
    (tmp_path / "dangling").symlink_to("real/new")
    atomic.write(str(tmp_path / "link"), b"new")
    atomic.write(str(tmp_path / "dangling"), b"made")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/file").read_bytes() == b"new"
    assert (tmp_path / "real/new").read_bytes() == b"made"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic.write(str(tmp_path / "directory"), b"content")
    with pytest.raises(FileNotFoundError):
        atomic.write(str(tmp_path / "missing/file"), b"content")
    assert os.listdir(tmp_path) == ["directory"]


KEEP_WRITING = """
import sys
from data_versioning.localfs import atomic
print("go", flush=True)
while True:
    for letter in b"ab":
        atomic.write(sys.argv[1], bytes([letter]) * 300_000, durable=False)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(5):
        command = [sys.executable, "-c", KEEP_WRITING, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
            process.send_signal(signal.SIGKILL)
        assert path.read_bytes() in (b"a" * 300_000, b"b" * 300_000)


@pytest.mark.usefixtures("umask")
def test_directories(tmp_path: Path) -> None:
    atomic.make_directory(str(tmp_path / "a/b/c"))
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o750
    atomic.make_directory(str(tmp_path / "a/d/e/"), 0o2775)
    assert [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("a", "a/d", "a/d/e")] == [
        0o750,
        0o2775,
        0o2775,
    ]
    atomic.make_directory(str(tmp_path / "a"), 0o777)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750


def test_a_file_in_the_place_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        atomic.make_directory(str(tmp_path / "file"))
    with pytest.raises(NotADirectoryError):
        atomic.make_directory(str(tmp_path / "file/below"))


def test_a_directory_that_takes_no_new_ones() -> None:
    with pytest.raises(FileNotFoundError):
        atomic.make_directory("/proc/nowhere/below")


def test_remove(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    atomic.remove(str(tmp_path / "file"))
    atomic.remove(str(tmp_path / "file"))
    assert os.listdir(tmp_path) == []
