"""Downloads without tracking."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import Conflict, DiskError, FileChanged, PathError
from data_versioning.formats.config import Settings
from data_versioning.localfs import batch
from data_versioning.operations import config
from data_versioning.operations.get_url import get_url


@pytest.fixture
def settings(tmp_path: Path, private_home: None, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Outside of any repository, beside `source` with two files."""
    (tmp_path / "source/sub").mkdir(parents=True)
    (tmp_path / "source/a").write_text("alpha")
    (tmp_path / "source/sub/b").write_text("beta")
    monkeypatch.chdir(tmp_path)
    return config.settings()


def test_result(settings: Settings, tmp_path: Path) -> None:
    found = get_url(settings, "source", "new/copy")
    assert (found.path, found.files, found.size) == ("new/copy", 2, 9)
    assert get_url(settings, f"file://{tmp_path}/source/a").path == "a"
    with pytest.raises(Conflict):
        get_url(settings, "source/a")
    with pytest.raises(PathError):
        get_url(settings, "missing")


def test_what_is_written_meanwhile_is_never_kept(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, times = batch.copy_files, []

    def meddle(*args: Any, **keywords: Any) -> batch.Batch:
        done = copy(*args, **keywords)
        times.append(len(times))
        if len(times) <= limit:
            (tmp_path / "source/a").write_text("x" * (10 + len(times)))
        return done

    monkeypatch.setattr(batch, "copy_files", meddle)
    limit = 1
    get_url(settings, "source", "calm")
    assert (tmp_path / "calm/a").read_text() == "x" * 11
    limit = 99
    for url in ("source", "source/a"):
        with pytest.raises(FileChanged):
            get_url(settings, url, "busy")
    assert sorted(os.listdir(tmp_path)) == ["calm", "source"]


def test_nothing_is_left_of_a_directory_that_failed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "source/dangling").symlink_to("nowhere")
    with pytest.raises(DiskError):
        get_url(settings, "source", "copy")
    assert os.listdir(tmp_path) == ["source"]


def test_a_link_at_the_destination_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "target/source").mkdir(parents=True)
    (tmp_path / "target/source/sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError):
        get_url(settings, "source", "target", force=True)
    assert os.listdir(tmp_path / "elsewhere") == []
