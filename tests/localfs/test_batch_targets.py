"""What the batches write, change and remove below a target."""

from __future__ import annotations

import errno
import os
import random
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType
from tests.localfs.sample import (
    SIZES,
    Sample,
    digests,
    everything_below,
    md5,
    names,
    record,
    stats,
)

pytestmark = pytest.mark.usefixtures("each_engine", "no_descriptor_stays_open")


def test_copy(sample: Sample, stored: str, tmp_path: Path) -> None:
    target = tmp_path / "deep/target"
    found = batch.copy_files(
        stored, sample.object_names(), str(target), sample.names, digests=b"".join(sample.md5s), replace=False
    )
    assert (found.errors, found.changed, set(found.written)) == ({}, [], {1})
    assert everything_below(target) == sample.contents
    assert digests(found) == sample.md5s
    assert stats(found) == [record(target / path) for path in sample.contents]


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("mode", "result"), [(None, 0o640), (0o444, 0o444), (0o777, 0o777)])
def test_copy_modes(sample: Sample, tmp_path: Path, mode: int | None, result: int) -> None:
    os.umask(0o027)
    target = tmp_path / "target"
    batch.copy_files(str(sample.root), sample.names, str(target), sample.names, mode=mode, replace=True)
    assert everything_below(target) == sample.contents
    assert {stat.S_IMODE((target / path).stat().st_mode) for path in sample.contents} == {result}


def test_wrong_content_leaves_nothing(sample: Sample, stored: str, tmp_path: Path) -> None:
    wrong = [bytes(16) if index % 2 else digest for index, digest in enumerate(sample.md5s)]
    found = batch.copy_files(
        stored,
        sample.object_names(),
        str(tmp_path / "t"),
        sample.names,
        digests=b"".join(wrong),
        replace=True,
    )
    assert found.errors == dict.fromkeys(range(1, len(wrong), 2), errno.EBADMSG)
    assert list(found.written) == [1 - index % 2 for index in range(len(wrong))]
    good = {path: content for index, (path, content) in enumerate(sample.contents.items()) if index % 2 == 0}
    assert everything_below(tmp_path / "t") == good


def test_copy_replaces_only_when_told(tmp_path: Path) -> None:
    for name in ("new", "t/there", "t/linked-to"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "t/link").symlink_to("linked-to")
    (tmp_path / "t/dir").mkdir()
    sources, targets = names(["new"] * 3), names(["there", "link", "dir"])
    arguments = (str(tmp_path), sources, str(tmp_path / "t"), targets)
    kept = batch.copy_files(*arguments, replace=False)
    assert kept.errors == dict.fromkeys(range(3), errno.EEXIST)
    assert (tmp_path / "t/there").read_bytes() == b"t/there"
    replaced = batch.copy_files(*arguments, replace=True)
    assert replaced.errors == {2: errno.EISDIR}
    assert not (tmp_path / "t/link").is_symlink()
    assert everything_below(tmp_path / "t") == {"there": b"new", "link": b"new", "linked-to": b"t/linked-to"}


HOSTILE = {
    "../out": errno.EINVAL,
    "/tmp/out": errno.EINVAL,
    "a/../../out": errno.EINVAL,
    "..": errno.EINVAL,
    ".": errno.EINVAL,
    "": errno.EINVAL,
    "a//b": errno.EINVAL,
    "a/": errno.EINVAL,
    "./a": errno.EINVAL,
    "link/out": errno.ELOOP,
    "sub/link/out": errno.ELOOP,
    "link/deeper/out": errno.ELOOP,
    "file/out": errno.ENOTDIR,
}


@pytest.mark.parametrize("kind", list(LinkType))
def test_nothing_is_written_outside(tmp_path: Path, kind: LinkType) -> None:
    target, outside = tmp_path / "t", tmp_path / "outside"
    for directory in (target / "sub", outside / "deeper"):
        directory.mkdir(parents=True)
    (target / "file").write_bytes(b"")
    (target / "link").symlink_to(outside)
    (target / "sub/link").symlink_to(outside)
    (tmp_path / "source").write_bytes(b"secret")
    before = sorted(tmp_path.rglob("*"))
    found = batch.link_files(
        str(tmp_path),
        names(["source"] * len(HOSTILE)),
        str(target),
        names(list(HOSTILE)),
        kind=kind,
        replace=True,
    )
    assert found.errors == dict(enumerate(HOSTILE.values()))
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_outside_is_changed_or_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"")
    (outside / "file").chmod(0o600)
    (tmp_path / "t").mkdir()
    (tmp_path / "t/link").symlink_to(outside)
    (tmp_path / "t/file-link").symlink_to(outside / "file")
    bad = names(["link/file", "../outside/file", str(outside / "file")])
    errors = {0: errno.ELOOP, 1: errno.EINVAL, 2: errno.EINVAL}
    assert batch.chmod_files(str(tmp_path / "t"), bad, 0o777) == errors
    assert batch.remove_files(str(tmp_path / "t"), bad) == errors
    assert batch.chmod_files(str(tmp_path / "t"), b"file-link\0", 0o777) == {0: errno.ELOOP}
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o600


def test_an_object_that_is_freshened_can_be_copied(tmp_path: Path) -> None:
    content = bytes(20 << 20)
    (tmp_path / "object").write_bytes(content)
    stop = threading.Event()

    def freshen() -> None:
        while not stop.is_set():
            os.utime(tmp_path / "object")

    thread = threading.Thread(target=freshen)
    thread.start()
    found = batch.copy_files(
        str(tmp_path), b"object\0", str(tmp_path), b"t\0", digests=md5(content), replace=True
    )
    stop.set()
    thread.join()
    assert (found.errors, found.changed) == ({}, [])
    assert (tmp_path / "t").read_bytes() == content


def test_targets_in_any_order(tmp_path: Path) -> None:
    rng = random.Random(3)
    paths = [f"{rng.randrange(9)}/{rng.randrange(9)}/{index}" for index in range(400)]
    for path in paths:
        (tmp_path / "s" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "s" / path).write_bytes(path.encode())
    expected = b"".join(md5(path.encode()) for path in paths)
    blob = names(paths)
    found = batch.copy_files(
        str(tmp_path / "s"), blob, str(tmp_path / "t"), blob, digests=expected, replace=False
    )
    assert (found.errors, found.digests) == ({}, expected)
    assert [entry.inode for entry in stats(found)] == [
        os.stat(tmp_path / "t" / path).st_ino for path in paths
    ]


def test_pairs_must_agree(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="target"):
        batch.copy_files(str(tmp_path), b"a\0", str(tmp_path), b"b\0c\0", replace=True)
    with pytest.raises(ValueError, match="digest"):
        batch.copy_files(str(tmp_path), b"a\0", str(tmp_path), b"b\0", digests=b"1", replace=True)


@pytest.mark.parametrize("kind", [LinkType.HARDLINK, LinkType.SYMLINK])
@pytest.mark.parametrize("replace", [False, True])
def test_link(sample: Sample, tmp_path: Path, kind: LinkType, replace: bool) -> None:
    target = tmp_path / "t"
    sources = (os.path.relpath(sample.root), sample.names, str(target), sample.names)
    found = batch.link_files(*sources, kind=kind, replace=replace)
    assert (found.errors, set(found.written)) == ({}, {1})
    assert stats(found) == [record(target / path) for path in sample.contents]
    for path, content in sample.contents.items():
        if kind is LinkType.SYMLINK:
            assert os.readlink(target / path) == str(sample.root / path)
        else:
            assert os.path.samefile(target / path, sample.root / path) == bool(content)
    again = batch.link_files(*sources, kind=kind, replace=replace)
    assert again.errors == ({} if replace else dict.fromkeys(range(len(SIZES)), errno.EEXIST))
    assert everything_below(target) == sample.contents


def test_reflinks_work_or_are_told(sample: Sample, tmp_path: Path) -> None:
    target = tmp_path / "t"
    found = batch.link_files(
        str(sample.root), sample.names, str(target), sample.names, kind=LinkType.REFLINK, replace=True
    )
    made = everything_below(target)
    assert made == {
        path: content
        for index, (path, content) in enumerate(sample.contents.items())
        if index not in found.errors
    }
    assert 0 not in found.errors  # an empty file always works
    assert set(found.errors.values()) <= {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL}


@pytest.mark.parametrize("kind", list(LinkType))
def test_links_to_what_is_no_file(tmp_path: Path, kind: LinkType) -> None:
    (tmp_path / "dir").mkdir()
    os.mkfifo(tmp_path / "fifo")
    asked = names(["dir", "fifo", "missing"])
    found = batch.link_files(
        str(tmp_path), asked, str(tmp_path / "t"), names(["1", "2", "3"]), kind=kind, replace=True
    )
    assert found.errors == {0: errno.EISDIR, 1: errno.EINVAL, 2: errno.ENOENT}
    assert os.listdir(tmp_path / "t") == []


def test_chmod_remove_stat(sample: Sample) -> None:
    root = str(sample.root)
    asked = sample.names + b"missing\0no/dir\0"
    count = len(sample.contents)
    assert batch.chmod_files(root, asked, 0o444) == {count: errno.ENOENT, count + 1: errno.ENOENT}
    listing = walk.walk(root)
    in_order = sorted(range(count), key=lambda index: list(sample.contents)[index].encode())
    found = batch.stat_files(root, asked)
    assert found[-80:] == bytes(80)
    assert b"".join(found[40 * index : 40 * index + 40] for index in in_order) == listing.stats
    assert {listing.stat(index).mode for index in range(count)} == {stat.S_IFREG | 0o444}
    assert batch.remove_files(root, asked) == {}
    assert len(walk.walk(root)) == 0
    assert batch.remove_files(root, b"0\0") != {}


def test_a_missing_root_holds_nothing(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert batch.remove_files(missing, b"a\0") == {}
    assert batch.stat_files(missing, b"a\0b\0") == bytes(80)


def test_stat_follows_links_as_walk_does(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("nowhere")
    listing = walk.walk(str(tmp_path))
    assert batch.stat_files(str(tmp_path), listing.names) == listing.stats


def test_sync(tmp_path: Path) -> None:
    batch.sync(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        batch.sync(str(tmp_path / "missing"))


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    make = f"truncate -s 320M {image} && mkfs.xfs -q -m reflink=1 {image} && mount -o loop {image} {disk}"
    if (
        os.geteuid() != 0
        or subprocess.run(["sh", "-c", make], capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("only the superuser can mount a disk with reflinks")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def free_bytes(disk: Path) -> int:
    os.sync()
    found = os.statvfs(disk)
    return found.f_bfree * found.f_bsize


def test_reflinks_share_blocks(xfs: Path) -> None:
    sample = Sample(xfs / "s", [0, 1, 5000, 70_000, 20_000_000])
    before = free_bytes(xfs)
    stored = batch.store_files(str(sample.root), sample.names, str(xfs / "o"), method="reflink")
    assert (stored.errors, digests(stored), set(stored.written)) == ({}, sample.md5s, {1})
    target = str(xfs / "t")
    for _ in range(2):
        found = batch.link_files(
            str(xfs / "o"), sample.object_names(), target, sample.names, kind=LinkType.REFLINK, replace=True
        )
        assert (found.errors, set(found.written)) == ({}, {1})
    assert everything_below(xfs / "t") == sample.contents
    assert set(everything_below(xfs / "o").values()) == set(sample.contents.values())
    assert before - free_bytes(xfs) < 5_000_000


def _seen(root: Path, paths: list[str]) -> bytes:
    return batch.stat_files(str(root), names(paths))


@pytest.mark.parametrize("kind", LinkType)
def test_only_what_was_seen_is_replaced(stored: str, sample: Sample, tmp_path: Path, kind: LinkType) -> None:
    target = tmp_path / "target"
    target.mkdir()
    paths = ["same", "edited", "replaced", "gone", "new", "touched"]
    for path in paths:
        if path != "new":
            (target / path).write_bytes(b"before " + path.encode())
    seen = _seen(target, paths)
    (target / "edited").write_bytes(b"after  edited")
    (target / "other").write_bytes(b"before replaced")
    (target / "other").rename(target / "replaced")
    (target / "gone").unlink()
    (target / "new").write_bytes(b"came meanwhile")
    os.utime(target / "touched", ns=(1, 1))
    sources = sample.object_names().split(b"\0")[3]
    found = batch.link_files(
        stored,
        (sources + b"\0") * len(paths),
        str(target),
        names(paths),
        kind=LinkType.COPY if kind is LinkType.REFLINK else kind,
        replace=True,
        seen=seen,
    )
    changed = {paths.index(path): batch.TARGET_CHANGED for path in ("edited", "replaced", "new", "touched")}
    assert found.errors == changed
    assert (target / "edited").read_bytes() == b"after  edited"
    assert (target / "replaced").read_bytes() == b"before replaced"
    assert (target / "new").read_bytes() == b"came meanwhile"
    content = (Path(stored) / os.fsdecode(sources)).read_bytes()
    assert [(target / path).read_bytes() for path in ("same", "gone")] == [content, content]
    assert sorted(os.listdir(target)) == sorted(paths)


def test_only_what_was_seen_is_removed(tmp_path: Path) -> None:
    for path in ("same", "edited", "gone"):
        (tmp_path / path).write_text("before")
    (tmp_path / "link").symlink_to("same")
    paths = ["same", "edited", "gone", "link"]
    seen = _seen(tmp_path, paths)
    (tmp_path / "edited").write_text("after")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").write_text("before")
    assert batch.remove_files(str(tmp_path), names(paths), seen=seen) == {
        1: batch.TARGET_CHANGED,
        3: batch.TARGET_CHANGED,
    }
    assert sorted(os.listdir(tmp_path)) == ["edited", "link"]


def test_a_record_for_each_target(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one record a target"):
        batch.remove_files(str(tmp_path), b"a\0", seen=b"short")
