"""What the bar says."""

from __future__ import annotations

from typing import Any

from data_versioning.cli.progress_bar import Amount, Bar


def drawn(*, files: int | None, size: int | None, done: tuple[int, int]) -> str:
    bar: Any = Bar()
    bar.start("Pushing", files=files, size=size)
    bar.advance(*done)
    bar.finish()
    (task,) = bar._progress.tasks
    return Amount().render(task).plain


def test_bytes_files_and_rate() -> None:
    text = drawn(files=10, size=4_000_000, done=(3, 1_000_000))
    assert text.startswith("3/10 files, 1.0 MB/4.0 MB")


def test_one_large_file() -> None:
    assert drawn(files=1, size=4_000_000, done=(0, 1_000_000)).startswith("1.0 MB/4.0 MB")


def test_bytes_without_a_sum() -> None:
    text = drawn(files=20_000, size=None, done=(3, 1_000_000))
    assert text.startswith("3/20,000 files") and ", 1.0 MB, " in text and text.endswith("B/s")


def test_files_only() -> None:
    assert "B" not in drawn(files=10, size=None, done=(3, 0))
