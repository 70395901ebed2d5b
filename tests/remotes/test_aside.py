"""Objects leave a store that cannot move them itself by way of this disk."""

from __future__ import annotations

from pathlib import Path

from data_versioning.remotes import aside
from data_versioning.remotes.aside import Removal
from data_versioning.storage.base import FailureKind
from tests.conformance.store_memory import MemoryStore


def test_moved_by_way_of_this_disk(tmp_path: Path) -> None:
    objects = {f"files/md5/ab/{number}": b"%d" % number for number in range(200)}
    store = MemoryStore(objects=dict(objects))
    scratch = tmp_path / "scratch"
    assert aside.remove(store, list(objects), Removal.QUARANTINE, str(scratch)) == {}
    assert store.objects == {aside.place(key): content for key, content in objects.items()}
    assert list(scratch.iterdir()) == []


def test_what_cannot_be_copied_is_not_deleted(tmp_path: Path) -> None:
    store = MemoryStore(objects={"a": b"a", "b": b"b", "c": b"c"}, refused={"a", aside.place("b")})
    failures = aside.remove(store, ["a", "b", "c"], Removal.QUARANTINE, str(tmp_path))
    assert {index: failure.kind for index, failure in failures.items()} == {
        0: FailureKind.REFUSED,
        1: FailureKind.REFUSED,
    }
    assert store.objects == {"a": b"a", "b": b"b", aside.place("c"): b"c"}


def test_deleted(tmp_path: Path) -> None:
    store = MemoryStore(objects={"a": b"a", "b": b"b"})
    assert aside.remove(store, ["a"], Removal.DELETE, str(tmp_path)) == {}
    assert store.objects == {"b": b"b"}
