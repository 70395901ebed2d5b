from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.errors import StorageError
from data_versioning.remotes import existence, layout
from data_versioning.storage.base import Items
from data_versioning.storage.local import LocalStore
from tests.conformance.store_memory import MemoryStore
from tests.remotes.samples import put
from tests.servers import fault_proxy
from tests.servers.answering import answering
from tests.servers.seaweedfs import S3Server

VALUES = [md5(b"%d" % number).hexdigest() for number in range(3000)]


def memory(values: list[str], *, legacy: bool = False) -> MemoryStore:
    return MemoryStore(objects=dict.fromkeys(layout.keys(values, legacy=legacy), b""), page_size=1000)


def test_few_are_asked_for() -> None:
    store = memory(VALUES)
    assert existence.absent(store, [*VALUES[:10], "f" * 32]) == [10]
    assert (store.asked, store.listed) == (11, 0)


def test_many_are_listed_when_the_remote_is_not_much_larger() -> None:
    store = memory(VALUES[:2000])
    assert existence.absent(store, VALUES) == list(range(2000, 3000))
    assert store.asked == 0
    assert store.listed <= 2100


def test_a_huge_remote_is_not_listed() -> None:
    others = [f"00{number:030x}" for number in range(30)]
    store = memory(VALUES[:600] + others)
    assert existence.absent(store, VALUES[:610]) == list(range(600, 610))
    assert store.asked == 610


def test_legacy_objects_lie_at_the_base() -> None:
    store = memory(VALUES[:700], legacy=True)
    assert existence.absent(store, VALUES[:710], legacy=True) == list(range(700, 710))
    assert existence.absent(store, VALUES[:1], legacy=False) == [0]


def test_a_server_that_has_everything_has_nothing() -> None:
    with answering(200, body=b"<html>sign in</html>") as server:
        store = storage.open_store(server, {})
        with pytest.raises(StorageError, match="even what nobody wrote"):
            existence.absent(store, VALUES[:3])


def test_a_local_remote_trusts_read_only_objects_and_reads_the_others(tmp_path: Path) -> None:
    contents = [b"sealed", b"loose", b"wrong", b"wrong but sealed"]
    values = [md5(content).hexdigest() for content in contents]
    put(tmp_path, values[0], contents[0])
    loose = put(tmp_path, values[1], contents[1], mode=0o644)
    put(tmp_path, values[2], b"damaged", mode=0o644)
    put(tmp_path, values[3], b"damaged", mode=0o444)
    store = LocalStore(root=str(tmp_path))
    assert existence.absent(store, [*values, "0" * 32]) == [2, 4]
    assert os.stat(loose).st_mode & 0o7777 == 0o444


def test_nothing_is_remembered(tmp_path: Path) -> None:
    value = md5(b"x").hexdigest()
    path = put(tmp_path, value, b"x")
    store = LocalStore(root=str(tmp_path))
    assert existence.absent(store, [value]) == []
    path.unlink()
    assert existence.absent(store, [value]) == [0]


@pytest.mark.parametrize("others", [0, 30])
def test_local_remotes_of_any_size(tmp_path: Path, others: int) -> None:
    contents = [b"%d" % number for number in range(1000)]
    values = [md5(content).hexdigest() for content in contents]
    for value, content in zip(values[:990], contents, strict=False):
        put(tmp_path, value, content)
    for number in range(others):
        put(tmp_path, f"00{number:030x}", b"other")
    put(tmp_path, values[5], b"damaged", mode=0o600)
    assert existence.absent(LocalStore(root=str(tmp_path)), values) == [5, *range(990, 1000)]


@pytest.mark.parametrize(("legacy", "mixed"), [(False, False), (True, False), (True, True)])
def test_a_listing_costs_few_requests(tmp_path: Path, s3_server: S3Server, legacy: bool, mixed: bool) -> None:
    """A bucket of 3,000 objects is three pages, though these are in 256 directories; asking would be 700 requests."""
    with fault_proxy.disturbing(s3_server.url) as proxy:
        url, settings = s3_server.fresh(), s3_server.settings | {"endpointurl": proxy.url}
        fill(url, settings, tmp_path, layout.keys(VALUES, legacy=legacy))
        if mixed:
            fill(url, settings, tmp_path, layout.keys(VALUES[:1200]))
        store = storage.open_store(url, settings)
        proxy.forget()
        wanted = [*VALUES[-690:], *["0" * 32] * 10]
        assert existence.absent(store, wanted, legacy=legacy) == list(range(690, 700))
        assert sum(proxy.requests.values()) <= 8


def fill(url: str, settings: Mapping[str, str], place: Path, keys: list[str]) -> None:
    (place / "empty").write_bytes(b"")
    items = Items(
        directory=str(place),
        names=b"empty\0" * len(keys),
        keys="".join([f"{key}\0" for key in keys]).encode(),
    )
    assert not storage.open_store(url, settings).upload(items).failures
