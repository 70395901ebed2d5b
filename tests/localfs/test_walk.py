from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_versioning.errors import DiskError
from data_versioning.localfs import engine, walk

PART = st.binary(min_size=1, max_size=3).filter(
    lambda name: not set(name) & {0, 47} and name not in (b".", b"..", b".hg")
)


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def test_lists_files_sorted_by_bytes_with_their_stats(each_engine: str, tmp_path: Path) -> None:
    make(tmp_path, "a/z", "a-1", "a.b", "a0", "b", "a/b/c", "Z", "ä")
    listing = walk.walk(str(tmp_path))
    assert listing.raw_paths() == sorted(
        path.encode() for path in ["a/z", "a-1", "a.b", "a0", "b", "a/b/c", "Z", "ä"]
    )
    for index, path in enumerate(listing.paths()):
        own = os.stat(tmp_path / path)
        assert listing.stat(index) == (
            own.st_ino,
            own.st_size,
            own.st_mtime_ns,
            own.st_ctime_ns,
            own.st_mode,
            0,
        )


def test_an_empty_directory_has_no_files(each_engine: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert len(walk.walk(str(tmp_path))) == 0


def test_large_and_many_directories(each_engine: str, tmp_path: Path) -> None:
    wanted = [f"large/{i:05}" for i in range(1500)] + [f"d{i}/e/f" for i in range(100)]
    for path in wanted:
        os.makedirs(tmp_path / os.path.dirname(path), exist_ok=True)
        os.mknod(tmp_path / path)
    listing = walk.walk(str(tmp_path))
    assert listing.paths() == sorted(wanted)
    assert all(
        listing.stat(i).inode == os.stat(tmp_path / path).st_ino for i, path in enumerate(listing.paths())
    )


def test_leaves_out_repositories_and_their_metadata(each_engine: str, tmp_path: Path) -> None:
    make(
        tmp_path,
        ".git/a",
        "b/.git",
        "c/.hg/d",
        ".hgignore",
        ".dvc/config",
        "nested/.dvc/config",
        "nested/e/f",
    )
    make(tmp_path, "file/.hg", "file/.dvcignore", "data.dvc/g")
    (tmp_path / "file/.dvc").write_bytes(b"")
    assert walk.walk(str(tmp_path)).paths() == [
        ".hgignore",
        "data.dvc/g",
        "file/.dvc",
        "file/.dvcignore",
        "file/.hg",
    ]
    assert "nested/e/f" in walk.walk(str(tmp_path), prune_nested=False).paths()
    assert walk.walk(str(tmp_path / "nested")).paths() == ["e/f"]


def test_everything(each_engine: str, tmp_path: Path) -> None:
    names = [".dvc/config", ".git/a", ".hg/b", "b/.git", "c/.dvc/d", "c/e", "f/.hg/g"]
    make(tmp_path, *names)
    (tmp_path / "c/links").symlink_to("../f")
    assert walk.walk_everything(str(tmp_path)).paths() == names


def test_a_linked_dvc_directory_makes_a_repository_too(each_engine: str, tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/config", "nested/file")
    (tmp_path / "nested/.dvc").symlink_to(tmp_path / "elsewhere")
    assert walk.walk(str(tmp_path)).paths() == ["elsewhere/config"]


def test_links_and_special_files(each_engine: str, tmp_path: Path) -> None:
    make(tmp_path, "dir/file")
    (tmp_path / "to-file").symlink_to("dir/file")
    (tmp_path / "to-dir").symlink_to("dir")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        listing = walk.walk(str(tmp_path))
    found = {path: listing.stat(index) for index, path in enumerate(listing.paths())}
    assert list(found) == ["broken", "dir/file", "fifo", "loop", "socket", "to-file"]
    assert found["to-file"] == found["dir/file"]._replace(flags=walk.SYMLINK)
    assert stat.S_ISFIFO(found["fifo"].mode)
    assert stat.S_ISSOCK(found["socket"].mode)
    for name in ("broken", "loop"):
        assert found[name].flags == walk.BROKEN
        assert found[name].inode == os.lstat(tmp_path / name).st_ino
        assert stat.S_ISLNK(found[name].mode)
    for name, own in found.items():
        assert walk.stat_file(str(tmp_path / name)) == own


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.lists(PART, min_size=1, max_size=3), max_size=12))
def test_any_names(
    each_engine: str, tmp_path_factory: pytest.TempPathFactory, names: list[list[bytes]]
) -> None:
    root = os.fsencode(tmp_path_factory.mktemp("names"))
    for parts in names:
        try:
            os.makedirs(os.path.join(root, *parts[:-1]), exist_ok=True)
            with open(os.path.join(root, *parts), "wb"):
                pass
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            continue
    wanted = [
        os.path.join(os.path.relpath(directory, root), name).removeprefix(b"./")
        for directory, _, files in os.walk(root)
        for name in files
    ]
    assert walk.walk(os.fsdecode(root)).raw_paths() == sorted(wanted)


def test_missing_root(each_engine: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        walk.walk(str(tmp_path / "missing"))
    make(tmp_path, "file")
    with pytest.raises(NotADirectoryError):
        walk.walk(str(tmp_path / "file"))


def test_a_directory_that_cannot_be_read_is_named(each_engine: str, tmp_path: Path) -> None:
    name = "d" * 250
    parent = os.open(tmp_path, os.O_RDONLY)
    for _ in range(18):  # longer than any path may be
        os.mkdir(name, dir_fd=parent)
        below = os.open(name, os.O_RDONLY, dir_fd=parent)
        os.close(parent)
        parent = below
    os.close(parent)
    with pytest.raises(DiskError, match=f"{tmp_path}/{name}/{name}"):
        walk.walk(str(tmp_path))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_every_number_of_threads_finds_the_same(each_engine: str, tmp_path: Path, threads: int) -> None:
    make(tmp_path, *(f"{i % 7}/{i % 11}/{i}" for i in range(200)))
    module = engine.choose("walk")
    assert module.walk(os.fsencode(tmp_path), True, threads) == module.walk(os.fsencode(tmp_path), True, 3)


def test_no_descriptor_stays_open(each_engine: str, tmp_path: Path) -> None:
    make(tmp_path, *(f"{i}/file" for i in range(50)), "nested/.dvc/config")
    before = len(os.listdir("/dev/fd"))
    walk.walk(str(tmp_path))
    assert len(os.listdir("/dev/fd")) == before


def test_listing_is_a_value(tmp_path: Path) -> None:
    make(tmp_path, "a", "b/c", "d")
    listing = walk.walk(str(tmp_path))
    assert listing.sizes() == 5
    part = listing.select([0, 2])
    assert part.paths() == ["a", "d"]
    assert part.stat(1) == listing.stat(2)
    assert part != listing
    assert walk.Listing.of(listing.names, listing.stats) == listing
    assert hash(walk.Listing(listing.names, listing.stats)) == hash(listing)
    with pytest.raises(AttributeError):
        listing.names = b""
    with pytest.raises(ValueError, match="disagree"):
        walk.Listing.of(listing.names, listing.stats[40:])


def test_stat_file_of_nothing(tmp_path: Path) -> None:
    make(tmp_path, "file")
    assert walk.stat_file(str(tmp_path / "missing")) is None
    assert walk.stat_file(str(tmp_path / "file/below")) is None


def test_project_files(tmp_path: Path) -> None:
    make(
        tmp_path,
        "dvc.yaml",
        "a/dvc.lock",
        "a/b/data.dvc",
        "a/.gitignore",
        "a/other",
        ".dvcignore",
        ".dvc/config",
    )
    make(
        tmp_path,
        ".git/dvc.yaml",
        "skipped/deep/x.dvc",
        "nested/.dvc/config",
        "nested/dvc.yaml",
        "x.dvc/y.dvc",
    )
    (tmp_path / "linked").symlink_to("a")
    (tmp_path / "link.dvc").symlink_to("a/b/data.dvc")
    directories, files = walk.walk_project(str(tmp_path), skip=frozenset({b"skipped"}))
    assert files == [
        ".dvcignore",
        "a/.gitignore",
        "a/b/data.dvc",
        "a/dvc.lock",
        "dvc.yaml",
        "link.dvc",
        "x.dvc/y.dvc",
    ]
    assert [entry[0] for entry in directories] == ["", "a", "a/b", "x.dvc"]
    own = os.stat(tmp_path / "a")
    assert directories[1] == ("a", own.st_mtime_ns, own.st_ctime_ns, own.st_ino)
