from __future__ import annotations

import pytest

from data_versioning.remotes import layout

FILE = "d41d8cd98f00b204e9800998ecf8427e"
TREE = "d751713988987e9331980363e24189ce.dir"


def test_keys_follow_dvc() -> None:
    assert layout.keys([FILE, TREE]) == [
        "files/md5/d4/1d8cd98f00b204e9800998ecf8427e",
        "files/md5/d7/51713988987e9331980363e24189ce.dir",
    ]
    assert layout.keys([FILE], legacy=True) == ["d4/1d8cd98f00b204e9800998ecf8427e"]
    assert layout.packed_keys([FILE], legacy=True) == b"d4/1d8cd98f00b204e9800998ecf8427e\0"
    assert layout.pack([]) == b""


@pytest.mark.parametrize(
    "key",
    [
        "runs/aa/" + "b" * 64 + "/" + "c" * 64,  # the directory must be the start of the key
        "runs/aa/" + "a" * 64,
        "runs/../" + "a" * 64 + "/" + "c" * 64,
        "runs/aa/" + "a" * 64 + "/" + "c" * 64 + "/x",
        "files/md5/aa/" + "a" * 30,
    ],
)
def test_what_is_no_run(key: str) -> None:
    assert not layout.is_run(key)


def test_a_run() -> None:
    assert layout.is_run("runs/ab/ab" + "c" * 62 + "/" + "0" * 64)
