"""A file that is given up while a thread still writes it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from data_versioning.storage.partial import Partial


def test_what_is_still_written_after_the_end_goes_nowhere(tmp_path: Path) -> None:
    """The descriptor is another file's by then: the operation log's, a pointer's."""
    begun, ended = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first"
        begun.set()
        ended.wait(5)
        yield b"second"

    def write() -> None:
        with suppress(OSError):
            partial.write(pieces())

    with Partial(f"{tmp_path}/got") as partial:
        thread = threading.Thread(target=write)
        thread.start()
        assert begun.wait(5)
    other = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    ended.set()
    thread.join()
    os.close(other)
    assert os.listdir(tmp_path) == ["other"]
    assert (tmp_path / "other").read_bytes() == b""
