from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_versioning.errors import CorruptObject, FormatError, MissingObject
from data_versioning.objects.oid import ObjectId
from data_versioning.remotes import layout, wanted
from data_versioning.remotes.wanted import Request
from tests.conformance.store_memory import MemoryStore
from tests.remotes.samples import FILES, cache_at, digest, fill, requests


def test_a_directory_means_its_files_and_then_its_listing(tmp_path: Path) -> None:
    (one,) = wanted.expand(requests(tmp_path), cache_at(tmp_path), MemoryStore())
    named = {name: value for value, name in one.files.items()}
    assert named.pop("lone")
    assert named == {f"data/{name}": digest(content) for name, content in FILES.items()}
    assert list(one.trees.values()) == ["data"]
    assert not (one.parts or one.lost or one.damaged)


def test_a_listing_that_only_the_remote_has(tmp_path: Path) -> None:
    oid = fill(tmp_path / "elsewhere")
    store = MemoryStore()
    (path,) = (tmp_path / "elsewhere").rglob("*.dir")
    store.objects[layout.keys([oid.value])[0]] = path.read_bytes()
    (one,) = wanted.expand([Request(oid, "data")], cache_at(tmp_path / "cache"), store)
    assert len(one.files) == len(FILES)
    assert not (tmp_path / "cache").exists()


def test_a_whole_directory_hides_its_parts(tmp_path: Path) -> None:
    oid = fill(tmp_path)
    for order in (["", "sub"], ["sub", ""]):
        (one,) = wanted.expand(
            [Request(oid, "data", inner) for inner in order], cache_at(tmp_path), MemoryStore()
        )
        assert (len(one.files), len(one.trees), len(one.parts)) == (4, 1, 0)


def test_a_part_is_a_file_or_a_directory_by_whole_names(tmp_path: Path) -> None:
    oid = fill(tmp_path, {"sub/b": b"1", "subb": b"2", "sub2/c": b"3"})
    for inner, names in {"sub": ["data/sub/b"], "subb": ["data/subb"]}.items():
        (one,) = wanted.expand([Request(oid, "data", inner)], cache_at(tmp_path), MemoryStore())
        assert list(one.files.values()) == names


def test_nobody_has_the_listing(tmp_path: Path) -> None:
    oid = ObjectId("0" * 32 + ".dir")
    (one,) = wanted.expand([Request(oid, "data")], cache_at(tmp_path), MemoryStore())
    assert one.lost == {oid.value: "data"}
    assert not (one.files or one.trees)


def test_a_listing_on_the_remote_is_checked(tmp_path: Path) -> None:
    oid = ObjectId("0" * 32 + ".dir")
    store = MemoryStore({layout.keys([oid.value])[0]: b"[]"})
    with pytest.raises(CorruptObject):
        wanted.read_tree(oid, store)
    with pytest.raises(MissingObject):
        wanted.read_tree(ObjectId("1" * 32 + ".dir"), store)


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../evil", "a\0b", "", "."])
def test_a_hostile_listing_is_refused(tmp_path: Path, path: str) -> None:
    content = json.dumps([{"md5": digest(b""), "relpath": path}]).encode()
    oid = ObjectId(digest(content) + ".dir")
    store = MemoryStore({layout.keys([oid.value])[0]: content})
    with pytest.raises(FormatError):
        wanted.expand([Request(oid, "data")], cache_at(tmp_path / "cache"), store)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("times", [1, 2])
def test_a_listing_that_is_damaged_on_its_way(tmp_path: Path, times: int) -> None:
    """Once, it is read again; more often, the remote's object itself is told as damaged, and not as missing."""
    oid = fill(tmp_path / "elsewhere")
    (path,) = (tmp_path / "elsewhere").rglob("*.dir")

    class Line(MemoryStore):
        reads = 0

        def read(self, key: str) -> bytes:
            self.reads += 1
            content = super().read(key)
            return content[:-1] if self.reads <= times else content

    store = Line({layout.keys([oid.value])[0]: path.read_bytes()})
    (one,) = wanted.expand([Request(oid, "data")], cache_at(tmp_path / "cache"), store)
    assert store.reads == 2
    if times == 1:
        assert len(one.files) == len(FILES) and not one.lost
    else:
        assert one.lost == {oid.value: "data"} and one.damaged == {oid.value}
