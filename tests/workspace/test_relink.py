"""Files become the configured kind of link, and only those that are another kind."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from data_versioning.errors import DiskError
from data_versioning.localfs import walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects.oid import ObjectId
from data_versioning.workspace import relink, scan
from tests.workspace.samples import Place, digest

pytestmark = pytest.mark.usefixtures("engine")

COPY, HARDLINK, SYMLINK = LinkType.COPY, LinkType.HARDLINK, LinkType.SYMLINK
FILES = {"a": b"aa", "deep/b": b"bb", "deep/same": b"aa", "empty": b""}


def kinds(here: Place, path: str = "data") -> dict[str, LinkType]:
    """How each file is linked to its object now."""
    found = {}
    for name, content in FILES.items():
        file, target = here.root / path / name, here.cache.path(ObjectId(digest(content)))
        if file.is_symlink():
            assert os.readlink(file) == target
            found[name] = SYMLINK
        else:
            found[name] = HARDLINK if os.path.samefile(file, target) else COPY
    return found


def all_of(kind: LinkType) -> dict[str, LinkType]:
    """An empty file is never linked hard."""
    return dict.fromkeys(FILES, kind) | ({"empty": COPY} if kind is HARDLINK else {})


def run(here: Place, kind: LinkType, *others: LinkType) -> Listing:
    found = here.look("data")
    assert found is not None
    return relink.relink(
        here.cache,
        str(here.root),
        "data",
        found.listing,
        found.hex_digests(),
        kinds=[kind, *others],
        kind=kind,
    )


@pytest.fixture
def stored(here: Place) -> Place:
    for name, content in FILES.items():
        here.put(f"data/{name}", content)
    here.store("data")
    return here


@pytest.mark.parametrize("before", [COPY, HARDLINK, SYMLINK])
@pytest.mark.parametrize("after", [COPY, HARDLINK, SYMLINK])
def test_from_any_kind_to_any_other(stored: Place, before: LinkType, after: LinkType) -> None:
    run(stored, before)
    assert kinds(stored) == all_of(before)
    listing = run(stored, after)
    assert kinds(stored) == all_of(after)
    assert stored.files("data") == FILES
    assert listing == scan.list_files(stored.scanner(), "data")
    assert all(mode == 0o444 for mode, _ in stored.objects().values())
    inodes = [os.lstat(stored.root / "data" / name).st_ino for name in FILES]
    run(stored, after)
    assert [os.lstat(stored.root / "data" / name).st_ino for name in FILES] == inodes


def test_copies_are_writable_again(stored: Place) -> None:
    run(stored, HARDLINK)
    run(stored, COPY)
    assert {stat.S_IMODE((stored.root / "data" / name).stat().st_mode) for name in FILES} == {0o644}


def test_any_configured_kind_will_do(stored: Place) -> None:
    before = scan.list_files(stored.scanner(), "data")
    assert run(stored, HARDLINK, COPY) == before
    run(stored, SYMLINK)
    assert kinds(stored) == all_of(SYMLINK)
    run(stored, HARDLINK, SYMLINK)
    assert kinds(stored) == all_of(SYMLINK)


def test_a_file_that_only_looks_like_a_link(stored: Place) -> None:
    """Mode 0444 as the objects, but bytes of its own."""
    file = stored.root / "data/a"
    file.chmod(0o444)
    inode = file.stat().st_ino
    run(stored, COPY)
    assert (file.stat().st_ino, stat.S_IMODE(file.stat().st_mode)) == (inode, 0o444)


def test_a_link_to_something_else(stored: Place) -> None:
    elsewhere = stored.root.parent / "elsewhere"
    elsewhere.write_bytes(b"aa")
    file = stored.root / "data/a"
    file.unlink()
    file.symlink_to(elsewhere)
    run(stored, SYMLINK)
    assert kinds(stored)["a"] is SYMLINK
    assert elsewhere.read_bytes() == b"aa"


def test_a_single_file(here: Place) -> None:
    here.put("sub/lone", b"lone")
    found = here.store("sub/lone")
    listing = relink.relink(
        here.cache,
        str(here.root),
        "sub",
        found.listing,
        found.hex_digests(),
        kinds=[SYMLINK],
        kind=SYMLINK,
    )
    assert (here.root / "sub/lone").is_symlink()
    assert listing.stat(0) == walk.stat_file(str(here.root / "sub/lone"))


def test_at_the_root(here: Place) -> None:
    here.put("lone", b"lone")
    found = here.store("lone")
    relink.relink(
        here.cache, str(here.root), "", found.listing, found.hex_digests(), kinds=[HARDLINK], kind=HARDLINK
    )
    assert os.path.samefile(here.root / "lone", here.cache.path(found.oid))


def test_a_missing_object(stored: Place) -> None:
    os.unlink(stored.cache.path(ObjectId(digest(b"bb"))))
    with pytest.raises(DiskError, match="deep/b"):
        run(stored, HARDLINK)
    assert stored.files("data") == FILES


def test_objects_of_dvc_2(here: Place) -> None:
    value = digest(b"one\n")
    old = Path(here.cache.base) / value[:2] / value[2:]
    old.parent.mkdir(parents=True)
    old.write_bytes(b"one\r\n")
    old.chmod(0o444)
    here.put("data/text", b"one\r\n")
    found = here.look("data", legacy=True)
    assert found is not None
    relink.relink(
        here.cache,
        str(here.root),
        "data",
        found.listing,
        found.hex_digests(),
        kinds=[HARDLINK],
        kind=HARDLINK,
        legacy=True,
    )
    assert os.path.samefile(here.root / "data/text", old)


def test_nothing_is_linked_behind_a_link(stored: Place) -> None:
    """The directory went elsewhere since it was listed."""
    found = stored.look("data")
    assert found is not None
    outside = stored.root.parent / "outside"
    (stored.root / "data").rename(outside)
    (stored.root / "data").symlink_to(outside)
    with pytest.raises(DiskError):
        relink.relink(
            stored.cache,
            str(stored.root),
            "data",
            found.listing,
            found.hex_digests(),
            kinds=[HARDLINK],
            kind=HARDLINK,
        )
    assert all(os.stat(outside / name).st_nlink == 1 for name in FILES)


def test_unprotect(stored: Place) -> None:
    modes = {"a": 0o600, "deep/b": 0o755, "deep/same": 0o644, "empty": 0o444}
    for name, mode in modes.items():
        (stored.root / "data" / name).chmod(mode)
    outside = stored.root.parent / "outside"
    outside.write_bytes(b"outside")
    outside.chmod(0o600)
    (stored.root / "data/link").symlink_to(outside)
    found = stored.look("data")
    assert found is not None
    listing = relink.unprotect(str(stored.root), "data", found.listing)
    assert {name: stat.S_IMODE((stored.root / "data" / name).stat().st_mode) for name in modes} == {
        "a": 0o644,
        "deep/b": 0o755,
        "deep/same": 0o644,
        "empty": 0o644,
    }
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    assert listing == scan.list_files(stored.scanner(), "data")
    assert relink.unprotect(str(stored.root), "data", listing) is listing
