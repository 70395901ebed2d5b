"""Reflinks need a file system that shares extents: an XFS image mounted for the test (root, xfsprogs)."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.twins import Twins
from tests.oracle import Sandbox, Tool


@pytest.fixture
def xfs(place: Path) -> Iterator[Path]:
    image, top = place / "image", place / "xfs"
    with image.open("wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", str(image)], check=True)
    top.mkdir()
    subprocess.run(["mount", "-o", "loop", str(image), str(top)], check=True)
    try:
        yield top
    finally:
        subprocess.run(["umount", "-l", str(top)], check=True)


def used(path: Path) -> int:
    """Bytes in use on the file system, once everything is written."""
    subprocess.run(["sync", "-f", str(path)], check=True)
    found = os.statvfs(path)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@pytest.mark.parametrize("cache_type", ["reflink", "reflink,copy"])
def test_reflinks_copy_nothing(
    sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, xfs: Path, cache_type: str
) -> None:
    twins = Twins.make((dvc, dv), sandbox, template, xfs, cache_type=cache_type)
    content = random.Random(1).randbytes(30 << 20)
    twins.write("large", content)
    twins.write("data/large", content[: 20 << 20])
    twins.write("data/small", "x")
    twins.write("data/empty", "")
    before = used(xfs)
    twins.ours.run("add", "large", "data").ok()
    assert used(xfs) - before < 4 << 20, "the content was copied"
    twins.theirs.run("add", "large", "data").ok()
    twins.compare("add with reflinks")
    twins.delete("large")
    twins.delete("data")
    middle = used(xfs)
    twins.run("checkout")
    assert used(xfs) - middle < 4 << 20, "the content was copied"
    (twins.ours.root / "large").write_bytes(b"changed by the user")
    objects = [path for path in (twins.ours.root / ".dvc/cache").rglob("*") if path.is_file()]
    assert content in {path.read_bytes() for path in objects}, (
        "the object must not change with the user's file"
    )
