"""Batches that are watched, interrupted, or run out of space."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_versioning.localfs import batch
from tests.localfs.sample import (
    LONG,
    SIZES,
    Sample,
    everything_below,
    object_name,
)

pytestmark = pytest.mark.usefixtures("each_engine", "no_descriptor_stays_open")


def test_advance_counts_every_file_and_byte(sample: Sample, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    asked = sample.names + b"missing\0"
    batch.store_files(
        str(sample.root), asked, str(tmp_path / "o"), method="copy", advance=lambda *step: steps.append(step)
    )
    assert sum(files for files, _ in steps) == len(SIZES) + 1
    assert sum(size for _, size in steps) == sum(SIZES.values() if isinstance(SIZES, dict) else SIZES)


class EnoughError(Exception):
    pass


def test_an_exception_of_advance_ends_the_call(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "s", [300_000] * 200)

    def advance(_files: int, _size: int) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        batch.store_files(str(sample.root), sample.names, str(tmp_path / "o"), method="copy", advance=advance)
    assert set(everything_below(tmp_path / "o")) <= {
        object_name(content) for content in sample.contents.values()
    }


STORE = """
import sys
from data_versioning.localfs import batch, walk
listing = walk.walk(sys.argv[1])
print("go", flush=True)
while True:
    found = batch.store_files(sys.argv[1], listing.names, sys.argv[2], method="copy")
    if found.errors or found.changed:
        sys.exit(f"{found.errors} {found.changed}")
"""


@pytest.mark.parametrize("sizes", [[LONG], [1000] * 2000])
def test_interrupt(tmp_path: Path, sizes: list[int]) -> None:
    sample = Sample(tmp_path / "s", sizes)
    command = [sys.executable, "-c", STORE, str(sample.root), str(tmp_path / "o")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert b"KeyboardInterrupt" in said
    assert set(everything_below(tmp_path / "o")) <= {
        object_name(content) for content in sample.contents.values()
    }


LIMITED = """
import resource, sys
from data_versioning.localfs import batch, walk
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
listing = walk.walk(sys.argv[1])
stored = batch.store_files(sys.argv[1], listing.names, sys.argv[2], method="copy")
copied = batch.copy_files(sys.argv[1], listing.names, sys.argv[3], listing.names, replace=True)
print(stored.errors, copied.errors)
"""


def test_a_failing_write_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "s", [100, 6000, 4000, 70_000, 300_000, LONG])
    places = [str(sample.root), str(tmp_path / "o"), str(tmp_path / "t")]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *places], capture_output=True, text=True, check=True
    )
    order = sorted(sample.contents)
    failed = {
        order.index(path): errno.EFBIG for path, content in sample.contents.items() if len(content) > 5000
    }
    told = [eval(f"{{{part}}}") for part in done.stdout.strip().strip("{}").split("} {")]
    assert told == [failed, failed]
    small = {path: content for path, content in sample.contents.items() if len(content) <= 5000}
    assert everything_below(tmp_path / "o") == {object_name(content): content for content in small.values()}
    assert everything_below(tmp_path / "t") == small


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only the superuser can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_and_leaves_nothing(small_disk: Path, tmp_path: Path) -> None:
    sample = Sample(tmp_path / "s", [100, 2 << 20, 1000, LONG])
    found = batch.store_files(str(sample.root), sample.names, str(small_disk / "o"), method="copy", threads=1)
    assert set(found.errors.values()) == {errno.ENOSPC}
    assert {1, 3} <= set(found.errors)
    kept = [content for index, content in enumerate(sample.contents.values()) if index not in found.errors]
    assert everything_below(small_disk / "o") == {object_name(content): content for content in kept}
