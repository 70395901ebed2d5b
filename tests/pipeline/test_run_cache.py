from __future__ import annotations

import os
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from data_versioning.formats.dvcfile import Dependency, Output
from data_versioning.formats.lockfile import LockedStage
from data_versioning.objects.cache import ObjectCache
from data_versioning.pipeline import run_cache

ABC = "900150983cd24fb0d6963f7d28e17f72"
STAGE = LockedStage(
    cmd="cp data.csv model.bin",
    deps=(Dependency(path="data.csv", hash="md5", md5=ABC, size=3),),
    outs=(Output(path="model.bin", hash="md5", md5=ABC, size=3),),
)


@pytest.fixture
def cache(place: Path) -> ObjectCache:
    return ObjectCache(base=str(place / "cache"))


def test_names_are_those_of_dvc() -> None:
    """As a run of DVC 3 gave them."""
    assert run_cache.key(STAGE) == "04dbd839dc2514ae317401fa47bbe66c4fa5e67255e8fded9075f03be6418c0e"
    assert run_cache.value(STAGE) == "d09cd2b8fae8fe72ebd08b71a5e3748e8cffae78bf4a4074e7ebb58252676e1b"


def of(text: str) -> dict[str, Any]:
    return {"hash": "md5", "md5": md5(text.encode()).hexdigest(), "size": len(text)}


@pytest.mark.parametrize(
    ("inputs", "key", "value"),
    [
        (
            {
                "deps": (
                    Dependency(path="dep", **of("dep")),
                    Dependency(path="script.py", **of('open("out", "w+").write("out"); ')),
                )
            },
            "c7a85d71de1912c43d9c5b6218c71630d6277e8fc11e4ccf5e12b3c202234838",
            "5e2824029f8da9ef6c57131a638ceb65f27c02f16c85d71e85671c27daed0501",
        ),
        (
            {"params": {"params.yaml": {"bar": 2, "foo": 1}, "myparams.yaml": {"baz": 3, "qux": 4}}},
            "8fdb377d1b4c0a303b788771b122dfba9bbbbc43f14ce41d35715cf4fea08459",
            "9ce1963a69beb1299800188647cd960b7afff101be19fd46226e32bb8be8ee44",
        ),
    ],
    ids=["deps", "params"],
)
def test_names_that_dvc_pins(inputs: dict[str, Any], key: str, value: str) -> None:
    """DVC 3, tests/unit/stage/test_cache.py."""
    stage = LockedStage(cmd="python script.py", outs=(Output(path="out", **of("out")),), **inputs)
    assert (run_cache.key(stage), run_cache.value(stage)) == (key, value)


def test_what_is_saved_is_found(cache: ObjectCache) -> None:
    assert run_cache.find(cache, STAGE) is None
    path = run_cache.save(cache, STAGE)
    assert Path(path).name == run_cache.value(STAGE)
    assert run_cache.find(cache, replace(STAGE, outs=(Output(path="model.bin"),))) == STAGE
    assert run_cache.save(cache, STAGE) == path


def test_the_newest_counts(cache: ObjectCache) -> None:
    other = replace(STAGE, outs=(Output(path="model.bin", hash="md5", md5="0" * 32, size=3),))
    old, new = run_cache.save(cache, STAGE), run_cache.save(cache, other)
    assert Path(old).parent == Path(new).parent
    os.utime(old, (1, 1))
    assert run_cache.find(cache, STAGE) == other
    os.utime(new, (0, 0))
    assert run_cache.find(cache, STAGE) == STAGE


def test_params_that_are_in_no_key(cache: ObjectCache) -> None:
    """DVC leaves `size` and `nfiles` out at every depth: two runs share a key, and are not the same."""
    small, large = (replace(STAGE, params={"params.yaml": {"size": size}}) for size in (1, 2))
    assert run_cache.key(small) == run_cache.key(large)
    run_cache.save(cache, small)
    assert run_cache.find(cache, large) is None
    assert run_cache.find(cache, small) == small


@pytest.mark.parametrize("content", ["", "[", "cmd: 1\n", "a: b\n", "cmd: x\nouts: 3\n"])
def test_an_entry_that_cannot_be_read(cache: ObjectCache, content: str) -> None:
    path = Path(run_cache.save(cache, STAGE))
    path.write_text(content)
    assert run_cache.find(cache, STAGE) is None


def test_unfinished_files_are_no_entries(cache: ObjectCache) -> None:
    path = Path(run_cache.save(cache, STAGE))
    path.rename(path.with_name(".abc.tmp"))
    assert run_cache.find(cache, STAGE) is None


def test_a_shared_cache(place: Path) -> None:
    shared = ObjectCache(base=str(place / "cache"), shared=True)
    path = Path(run_cache.save(shared, STAGE))
    assert path.stat().st_mode & 0o777 == 0o664
    assert path.parent.stat().st_mode & 0o7777 == 0o2775
