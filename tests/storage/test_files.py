from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import MissingObject
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.files import FileClient
from tests.conformance.store import items


class Files:
    """A file system where, once, what was written is gone before it gets its name."""

    part_size = 4

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        self.made: list[str] = []
        self.is_removed = False

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        if not self.made:
            raise MissingObject(f"there is no directory for {temporary}")
        content = b"".join([part async for part in parts])
        if not self.is_removed:
            self.is_removed = True
            raise MissingObject(f"there is no {temporary}")
        self.found[path] = content

    async def make_directory(self, path: str) -> None:
        self.made.append(path)

    async def remove(self, path: str) -> None:
        pass


@pytest.mark.parametrize("content", [b"one", b"more than a part"])
def test_what_vanishes_while_it_is_written_is_written_again(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a rename was done, its answer lost, and asked for again; the parts have been taken then."""
    monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.01)
    files: Any = Files()
    (tmp_path / "one").write_bytes(content)
    outcome = ConcurrentStore(FileClient(files=files, root="/root")).upload(
        items(tmp_path, {"k/one": content})
    )
    assert not outcome.failures
    assert files.found == {"/root/k/one": content}
