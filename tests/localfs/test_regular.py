"""Only regular files are read whole: nothing is waited for, nothing is endless."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_versioning.localfs import regular


def test_a_file_and_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\r\nb\rc\n\xc3\xa9")
    os.symlink("file", tmp_path / "link")
    assert regular.read(str(tmp_path / "link")) == b"a\r\nb\rc\n\xc3\xa9"
    assert regular.read_text(str(tmp_path / "file")) == "a\nb\nc\né"


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/zero", tmp_path / "endless")
    os.symlink("loop", tmp_path / "loop")
    for name in ("pipe", "endless", "loop"):
        with pytest.raises(OSError, match=r"not a regular file|symbolic links"):
            regular.read(str(tmp_path / name))
    with pytest.raises(IsADirectoryError):
        regular.read(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        regular.read(str(tmp_path / "missing"))


def test_a_hole_of_any_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="too large"):
        regular.read(str(tmp_path / "hole"))
