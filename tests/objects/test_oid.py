"""Object ids and their packed forms."""

from __future__ import annotations

import pytest

from data_versioning.errors import FormatError
from data_versioning.objects import oid
from data_versioning.objects.oid import ObjectId

FILE = "d41d8cd98f00b204e9800998ecf8427e"
TREE = "d751713988987e9331980363e24189ce.dir"


def test_parse() -> None:
    assert oid.parse(FILE) == ObjectId(FILE)
    assert not oid.parse(FILE).is_dir
    assert oid.parse(TREE).is_dir
    assert oid.parse(FILE, legacy=True) == ObjectId(FILE, True) != ObjectId(FILE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        FILE[:31],
        FILE + "0",
        FILE.upper(),
        f"{FILE}.DIR",
        f"{TREE}.dir",
        f"../{FILE[3:]}",
        f"{FILE}\n",
        "g" * 32,
    ],
)
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(FormatError):
        oid.parse(text)


def test_names() -> None:
    assert oid.name(TREE) == "d7/51713988987e9331980363e24189ce.dir"
    assert oid.names([]) == b""
    assert oid.names([FILE, TREE]) == f"{oid.name(FILE)}\0{oid.name(TREE)}\0".encode()


def test_hex_digests() -> None:
    assert oid.hex_digests(b"") == []
    assert oid.hex_digests(bytearray.fromhex(FILE + TREE[:32])) == [FILE, TREE[:32]]
