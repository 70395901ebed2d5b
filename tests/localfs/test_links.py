from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_versioning.errors import DiskError
from data_versioning.localfs import links
from data_versioning.localfs.links import LinkType


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "cache").mkdir()
    (tmp_path / "work").mkdir()
    return str(tmp_path / "cache"), str(tmp_path / "work")


@pytest.mark.parametrize("kind", [LinkType.HARDLINK, LinkType.SYMLINK, LinkType.COPY])
def test_the_first_that_works(places: tuple[str, str], kind: LinkType) -> None:
    cache, workspace = places
    assert links.usable([kind, LinkType.COPY], cache=cache, workspace=workspace) is kind
    assert os.listdir(cache) == os.listdir(workspace) == []


def test_what_does_not_work_is_passed_over(places: tuple[str, str]) -> None:
    cache, _ = places
    other = Path(f"/dev/shm/test-links-{os.getpid()}")
    if not other.parent.is_dir() or other.parent.stat().st_dev == os.stat(cache).st_dev:
        pytest.skip("no second file system")
    other.mkdir()
    try:
        kinds = [LinkType.REFLINK, LinkType.HARDLINK, LinkType.COPY]
        assert links.usable(kinds, cache=cache, workspace=str(other)) is LinkType.COPY
        with pytest.raises(DiskError, match="none of the link types reflink, hardlink works") as caught:
            links.usable(kinds[:2], cache=cache, workspace=str(other))
        assert caught.value.hint
        assert os.listdir(cache) == os.listdir(other) == []
    finally:
        other.rmdir()


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="cannot write"):
        links.usable([LinkType.HARDLINK], cache=str(tmp_path / "missing"), workspace=str(tmp_path))


def test_which_link_a_file_is(tmp_path: Path) -> None:
    stored = tmp_path / "object"
    stored.write_bytes(b"content")
    os.link(stored, tmp_path / "hard")
    (tmp_path / "symbolic").symlink_to(stored)
    (tmp_path / "other").symlink_to("symbolic-elsewhere")
    (tmp_path / "copy").write_bytes(b"content")
    (tmp_path / "directory").mkdir()
    expected = {
        "hard": {LinkType.HARDLINK},
        "symbolic": {LinkType.SYMLINK},
        "other": set(),
        "copy": {LinkType.COPY, LinkType.REFLINK},
        "directory": set(),
        "missing": set(),
    }
    for name, kinds in expected.items():
        assert {
            kind for kind in LinkType if links.is_link_of(str(tmp_path / name), str(stored), kind)
        } == kinds


def test_an_empty_file_of_its_own_stands_for_a_hard_link(tmp_path: Path) -> None:
    for name in ("object", "own"):
        (tmp_path / name).write_bytes(b"")
    assert links.is_link_of(str(tmp_path / "own"), str(tmp_path / "object"), LinkType.HARDLINK)
    assert links.is_link_of(str(tmp_path / "own"), str(tmp_path / "object"), LinkType.COPY)
