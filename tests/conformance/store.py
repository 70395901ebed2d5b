"""What every store must do. Joined by subclassing next to a fixture `store`:

class TestMyStore(ConditionalStoreSuite):
    @pytest.fixture
    def store(self): return MyStore(...)
"""

from __future__ import annotations

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning.errors import MissingObject
from data_versioning.storage.base import (
    ConditionalStore,
    FailureKind,
    Items,
    MovingStore,
    Page,
    ReadableStore,
    Store,
    WritableStore,
)

CONTENTS = {
    "files/md5/ab/one": b"one",
    "files/md5/ab/two": b"",
    "files/md5/cd/three": bytes(range(256)) * 5000,
    "runs/aa/bb": b"cmd: x\n",
    "top": b"t",
}
ODD_NAMES = (
    "a b",
    "plus+",
    "per%20cent",
    "what?",
    "hash#",
    "amp&amp;",
    "ünï\u0301",
    "日本",
    "'\"",
    "tilde~",
    "[x]*",
)


def items(directory: Path, contents: dict[str, bytes], *, digests: bool = True) -> Items:
    """The items that connect each key to the file of the same base name."""
    return Items(
        directory=str(directory),
        names=b"".join(os.fsencode(key.rsplit("/", 1)[-1]) + b"\0" for key in contents),
        keys=b"".join(os.fsencode(key) + b"\0" for key in contents),
        digests=b"".join(md5(content).digest() for content in contents.values()) if digests else b"",
    )


def fill(store: WritableStore, directory: Path, contents: dict[str, bytes]) -> None:
    directory.mkdir(exist_ok=True)
    for key, content in contents.items():
        directory.joinpath(key.rsplit("/", 1)[-1]).write_bytes(content)
    outcome = store.upload(items(directory, contents))
    assert not outcome.failures
    assert outcome.size == sum(map(len, contents.values()))


def joined(pages: list[Page]) -> dict[str, int]:
    return {info.key: info.size for page in pages for info in page}


class ReadableStoreSuite:
    """For stores that can be read: the subclass's `filled` fixture must hold CONTENTS."""

    @pytest.fixture
    def filled(self, store: WritableStore, tmp_path: Path) -> ReadableStore:
        fill(store, tmp_path / "source", CONTENTS)
        return store

    def test_hash(self, filled: ReadableStore) -> None:
        keys = [*CONTENTS, "files/md5/ab/none"]
        moved: list[tuple[int, int]] = []
        found = filled.hash(keys, advance=lambda files, size: moved.append((files, size)))
        assert found.digests[:-16] == b"".join(md5(content).digest() for content in CONTENTS.values())
        assert {at: failure.kind for at, failure in found.failures.items()} == {
            len(CONTENTS): FailureKind.MISSING
        }
        assert sum(files for files, _ in moved) == len(keys)

    def test_find_tells_which_exist_in_order(self, filled: ReadableStore) -> None:
        page = filled.find(["top", "files/md5/ab/none", "files/md5/ab/two", "top/below", "none/at/all"])
        assert page.keys == ["top", "files/md5/ab/two"]
        assert list(page.sizes) == [1, 0]
        assert len(page) == 2
        assert [info.key for info in page] == page.keys
        assert len(filled.find([])) == 0

    def test_read(self, filled: ReadableStore) -> None:
        for key, content in CONTENTS.items():
            assert filled.read(key) == content
        with pytest.raises(MissingObject):
            filled.read("files/md5/ab/none")
        with pytest.raises(MissingObject):
            filled.read("top/below")

    def test_download_verifies_and_reports_each_file(self, filled: ReadableStore, tmp_path: Path) -> None:
        wanted = {**CONTENTS, "files/md5/ab/none": b"", "files/md5/ab/one": b"another content"}
        seen: list[tuple[int, int]] = []
        target = tmp_path / "new" / "target"
        outcome = filled.download(items(target, wanted), advance=lambda *step: seen.append(step), threads=2)
        kinds = {list(wanted)[i]: failure.kind for i, failure in outcome.failures.items()}
        assert kinds == {
            "files/md5/ab/none": FailureKind.MISSING,
            "files/md5/ab/one": FailureKind.CORRUPT,
        }
        assert sum(files for files, _ in seen) == len(wanted)
        assert sorted(os.listdir(target)) == ["bb", "three", "top", "two"]
        assert outcome.size == sum(len(CONTENTS[key]) for key in CONTENTS if key != "files/md5/ab/one")
        for name in os.listdir(target):
            key = next(key for key in CONTENTS if key.endswith(name))
            assert (target / name).read_bytes() == CONTENTS[key]
            assert os.stat(target / name).st_mode & stat.S_IWUSR, "trusted before it was synced"

    def test_download_replaces_only_by_right_content(self, filled: ReadableStore, tmp_path: Path) -> None:
        (tmp_path / "one").write_bytes(b"old")
        wrong = filled.download(items(tmp_path, {"files/md5/ab/one": b"other"}))
        assert wrong.failures and (tmp_path / "one").read_bytes() == b"old"
        assert not filled.download(items(tmp_path, {"files/md5/ab/one": b"one"})).failures
        assert (tmp_path / "one").read_bytes() == b"one"

    def test_download_without_digests(self, filled: ReadableStore, tmp_path: Path) -> None:
        outcome = filled.download(items(tmp_path, {"runs/aa/bb": b"unknown"}, digests=False))
        assert not outcome.failures
        assert (tmp_path / "bb").read_bytes() == CONTENTS["runs/aa/bb"]

    def test_nothing_to_do(self, filled: ReadableStore, tmp_path: Path) -> None:
        assert filled.download(items(tmp_path, {})).failures == {}


class WritableStoreSuite(ReadableStoreSuite):
    """For stores that can be written too."""

    def test_upload_verifies_and_reports_each_file(self, store: WritableStore, tmp_path: Path) -> None:
        for name, content in {"one": b"one", "two": b"damaged"}.items():
            (tmp_path / name).write_bytes(content)
        wanted = {"k/one": b"one", "k/two": b"right", "k/none": b""}
        seen: list[tuple[int, int]] = []
        outcome = store.upload(items(tmp_path, wanted), advance=lambda *step: seen.append(step))
        assert {i: failure.kind for i, failure in outcome.failures.items()} == {
            1: FailureKind.CORRUPT,
            2: FailureKind.MISSING,
        }
        assert all(failure.reason for failure in outcome.failures.values())
        assert [(info.key, info.size) for info in store.find(["k/one", "k/two", "k/none"])] == [("k/one", 3)]
        assert outcome.size == 3
        assert sum(files for files, _ in seen) == 3

    @pytest.mark.parametrize("digests", [True, False])
    def test_download_of_any_size(self, store: WritableStore, tmp_path: Path, digests: bool) -> None:
        """Sizes around what one request gives: of SSH, of object stores, and what one part holds."""
        sizes = [around + more for around in (0, 32 << 10, 1 << 20, 8 << 20) for more in (-1, 0, 1)][1:]
        contents = {f"x/{size}": os.urandom(size) for size in sizes}
        fill(store, tmp_path / "source", contents)
        outcome = store.download(items(tmp_path / "back", contents, digests=digests))
        assert not outcome.failures
        assert outcome.size == sum(sizes)
        for size in sizes:
            assert (tmp_path / f"back/{size}").read_bytes() == contents[f"x/{size}"], size

    def test_upload_replaces(self, filled: WritableStore, tmp_path: Path) -> None:
        fill(filled, tmp_path / "again", {"files/md5/ab/one": b"longer than before"})
        assert filled.read("files/md5/ab/one") == b"longer than before"

    def test_upload_without_digests(self, store: WritableStore, tmp_path: Path) -> None:
        (tmp_path / "bb").write_bytes(b"run")
        assert not store.upload(items(tmp_path, {"runs/aa/bb": b""}, digests=False)).failures
        assert store.read("runs/aa/bb") == b"run"

    def test_odd_keys(self, store: WritableStore, tmp_path: Path) -> None:
        contents = {f"odd/{name}": name.encode() for name in ODD_NAMES}
        fill(store, tmp_path / "odd", contents)
        assert store.find(list(contents)).keys == list(contents)
        assert {key: store.read(key) for key in contents} == contents
        assert not store.download(items(tmp_path / "back", contents)).failures


class StoreSuite(WritableStoreSuite):
    """For stores that can be listed too."""

    def test_list(self, filled: Store) -> None:
        sizes = {key: len(content) for key, content in CONTENTS.items()}
        assert joined(list(filled.list(""))) == sizes
        below = {key: size for key, size in sizes.items() if key.startswith("files/md5/")}
        assert joined(list(filled.list("files/md5/"))) == below
        assert joined(list(filled.list("files/md5/cd/"))) == {"files/md5/cd/three": 1280000}
        assert joined(list(filled.list("files/md6/"))) == {}

    def test_directories(self, filled: Store) -> None:
        for prefix, directories, objects in (
            ("", ["files/", "runs/"], ["top"]),
            ("files/md5/", ["files/md5/ab/", "files/md5/cd/"], []),
            ("files/md5/ab/", [], ["files/md5/ab/one", "files/md5/ab/two"]),
            ("none/", [], []),
        ):
            found, page = filled.directories(prefix)
            assert sorted(found) == directories
            assert sorted(page.keys) == objects

    def test_empty_store(self, store: Store) -> None:
        assert joined(list(store.list(""))) == {}
        assert len(store.find(["a", "b/c"])) == 0
        assert store.delete(["a", "b/c"]) == {}
        with pytest.raises(MissingObject):
            store.read("a")

    def test_empty_store_download(self, store: Store, tmp_path: Path) -> None:
        outcome = store.download(items(tmp_path, {"x/y": b""}))
        assert outcome.failures[0].kind is FailureKind.MISSING

    def test_delete(self, filled: Store) -> None:
        assert filled.delete(["files/md5/ab/one", "files/md5/ab/none", "top"]) == {}
        assert sorted(joined(list(filled.list("")))) == [
            "files/md5/ab/two",
            "files/md5/cd/three",
            "runs/aa/bb",
        ]

    def test_many_small_objects(self, store: Store, tmp_path: Path) -> None:
        contents = {f"files/md5/{i % 256:02x}/{i}": b"%d" % i for i in range(300)}
        fill(store, tmp_path / "many", contents)
        assert joined(list(store.list("files/"))) == {key: len(value) for key, value in contents.items()}
        outcome = store.download(items(tmp_path / "back", contents))
        assert not outcome.failures
        assert (tmp_path / "back" / "299").read_bytes() == b"299"


class ConditionalStoreSuite(StoreSuite):
    """For stores on which two writers can agree who was first; slow ones race fewer times."""

    races = 20
    updates = 40

    def test_create_only_if_absent(self, store: ConditionalStore) -> None:
        first = store.put_if("log/000001", b"mine", None)
        assert first
        assert store.put_if("log/000001", b"yours", None) is None
        assert store.read("log/000001") == b"mine"
        assert joined(list(store.list(""))) == {"log/000001": 4}

    def test_replace_only_what_was_seen(self, store: ConditionalStore) -> None:
        first = store.put_if("state", b"1", None)
        assert first
        second = store.put_if("state", b"2", first)
        assert second and second != first
        assert store.put_if("state", b"3", first) is None
        assert store.read("state") == b"2"
        assert store.put_if("absent", b"3", first) is None
        assert joined(list(store.list(""))) == {"state": 1}

    def test_racing_creators_one_wins(self, store: ConditionalStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            for turn in range(self.races):
                contents = [b"%d" % writer * 1000 for writer in range(8)]
                key = f"log/{turn}"
                tags = list(pool.map(lambda content, key=key: store.put_if(key, content, None), contents))
                (winner,) = [content for content, tag in zip(contents, tags, strict=True) if tag]
                assert store.read(key) == winner

    def test_racing_writers_lose_no_update(self, store: ConditionalStore) -> None:
        store.put_if("counter", b"0", None)

        def increment(_: int) -> None:
            done = None
            while done is None:
                seen = store.read("counter")
                done = store.put_if("counter", b"%d" % (int(seen) + 1), etag_of(store, "counter", seen))

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(increment, range(self.updates)))
        assert store.read("counter") == b"%d" % self.updates


class LargeObjectSuite:
    """For stores behind a network: objects of several parts."""

    def test_large_object(self, store: WritableStore, tmp_path: Path) -> None:
        content = os.urandom(1 << 20) * 20 + b"the end"
        fill(store, tmp_path / "large", {"x/large": content})
        assert [info.size for info in store.find(["x/large"])] == [len(content)]
        seen: list[tuple[int, int]] = []
        outcome = store.download(
            items(tmp_path / "back", {"x/large": content}), advance=lambda *step: seen.append(step)
        )
        assert not outcome.failures
        assert sum(size for _, size in seen) == len(content) == outcome.size
        assert (tmp_path / "back/large").read_bytes() == content

    def test_large_upload_with_a_wrong_digest_leaves_no_object(
        self, store: WritableStore, tmp_path: Path
    ) -> None:
        (tmp_path / "large").write_bytes(bytes(20 << 20))
        outcome = store.upload(items(tmp_path, {"x/large": b"another content"}))
        assert outcome.failures[0].kind is FailureKind.CORRUPT
        assert len(store.find(["x/large"])) == 0

    def test_large_download_with_a_wrong_digest_leaves_no_file(
        self, store: WritableStore, tmp_path: Path
    ) -> None:
        fill(store, tmp_path / "source", {"x/large": bytes(20 << 20)})
        outcome = store.download(items(tmp_path / "back", {"x/large": b"another content"}))
        assert outcome.failures[0].kind is FailureKind.CORRUPT
        assert os.listdir(tmp_path / "back") == []


class MovingStoreSuite:
    """For stores that move objects themselves; joined next to `StoreSuite`."""

    def test_move(self, filled: MovingStore) -> None:
        assert filled.move(["top", "files/md5/ab/one"], [".aside/1/top", ".aside/1/one"]) == {}
        assert filled.read(".aside/1/top") == b"t"
        assert filled.read(".aside/1/one") == b"one"
        assert filled.find(["top", "files/md5/ab/one"]).keys == []

    def test_move_of_what_is_not_there(self, filled: MovingStore) -> None:
        failures = filled.move(["none", "top"], ["elsewhere", "moved"])
        assert list(failures) == [0]
        assert failures[0].kind is FailureKind.MISSING
        assert filled.read("moved") == b"t"


class NetworkStoreSuite(LargeObjectSuite):
    """For stores behind a network that can be listed."""

    def test_listing_of_several_pages(self, store: Store, tmp_path: Path) -> None:
        contents = {f"files/md5/{i % 256:02x}/{i}": b"%d" % i for i in range(1100)}
        fill(store, tmp_path / "many", contents)
        sizes = {key: len(content) for key, content in contents.items()}
        assert joined(list(store.list("files/md5/"))) == sizes
        assert joined(list(store.list(""))) == sizes
        assert joined(list(store.list("files/md5/a0/"))) == {
            key: size for key, size in sizes.items() if key.startswith("files/md5/a0/")
        }
        assert store.delete([*contents, "files/md5/00/none"]) == {}
        assert joined(list(store.list(""))) == {}

    def test_times(self, store: Store, tmp_path: Path) -> None:
        fill(store, tmp_path / "source", {"files/md5/ab/one": b"one"})
        (page,) = store.list("files/")
        assert page.modified and abs(time.time() - page.modified[0]) < 60


def etag_of(store: ConditionalStore, key: str, seen: bytes) -> str:
    """The etag of the content `seen`: stores without etags in their listing use the content's MD5."""
    (info,) = store.find([key])
    if info.etag is None:
        return md5(seen).hexdigest()
    return info.etag if store.read(key) == seen else "0"
