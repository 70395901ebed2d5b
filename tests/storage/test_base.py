from __future__ import annotations

import pytest

from data_versioning.storage.base import Failure, FailureKind, Items, Page
from tests.conformance.store import ConditionalStoreSuite
from tests.conformance.store_memory import MemoryStore


class TestMemoryStore(ConditionalStoreSuite):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


def test_items_without_some() -> None:
    items = Items(
        directory="d", names=b"a\0b\0c\0", keys=b"x/a\0x/b\0x/c\0", digests=b"1" * 16 + b"2" * 16 + b"3" * 16
    )
    assert len(items) == 3
    assert items.without({}) is items
    rest = items.without({1: Failure(FailureKind.MISSING, "")})
    assert (rest.names, rest.keys, rest.digests) == (b"a\0c\0", b"x/a\0x/c\0", b"1" * 16 + b"3" * 16)


def test_page_yields_rows_and_fills_absent_columns() -> None:
    page = Page(keys=["a", "b"], sizes=[1, 2], modes=[0o100444, 0o100644])
    assert [(info.key, info.size, info.etag, info.mode) for info in page] == [
        ("a", 1, None, 0o100444),
        ("b", 2, None, 0o100644),
    ]
