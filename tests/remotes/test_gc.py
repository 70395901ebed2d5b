"""What counts as an object of a remote."""

from __future__ import annotations

from data_versioning.remotes import gc
from tests.conformance.store_memory import MemoryStore


def test_only_objects_and_unfinished_writes_beside_them_are_found() -> None:
    rest, token = "c" * 30, ".0123456789abcdef012345.tmp"
    keys = [
        f"ab/{rest}",
        f"ab/{rest}.dir",
        f"files/md5/ab/{rest}",
        f"files/md5/ab/{rest}.dir",
        f"files/md5/{token}",
        f"files/md5/ab/{token}",
    ]
    foreign = [
        token,
        f"ab/{token}",
        f"ab/{rest}x",
        f"deep/ab/{rest}",
        f".dv-quarantine/2026-01-01/files/md5/ab/{rest}",
        f"runs/ab/{rest}",
        f"files/md5/deep/{rest}",
    ]
    found = {
        prefix + path
        for prefix, listing, _ in gc.roots(MemoryStore(objects=dict.fromkeys([*keys, *foreign], b"")))
        for path in listing.paths()
    }
    assert found == {*keys}
