from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import DataVersioningError, FormatError, MissingObject, PathError
from data_versioning.metrics import read
from data_versioning.metrics.files import Files
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.paths import RepoPath
from tests.operations.work import digest


class Texts(dict[str, Any]):
    """A source that is a dictionary."""

    def read(self, path: RepoPath) -> bytes:
        if path not in self:
            raise FileNotFoundError(path)
        content: str | bytes = self[path]
        return content.encode() if isinstance(content, str) else content

    def exists(self, path: RepoPath) -> bool:
        return path in self or any(self.below(path))

    def walk(self) -> Any:
        return iter(sorted(self))

    def below(self, path: str) -> list[str]:
        return [name for name in self if name.startswith(f"{path}/")]


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(base=str(tmp_path / "cache"), durable=False)


def files(texts: dict[str, Any], cache: ObjectCache, **tracked: str) -> Files:
    source = Texts(texts)
    return Files(source, source.below, {path: ObjectId(value) for path, value in tracked.items()}, cache)


def put(cache: ObjectCache, content: str, suffix: str = "") -> str:
    value = digest(content) + suffix
    path = Path(cache.path(ObjectId(value)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return value


def test_every_format(cache: ObjectCache) -> None:
    texts = {
        "a.json": '{"x": 1.5}',
        "a.yaml": "x: 1e-3\n",
        "a.toml": "[x]\ny = 2\n",
        "a.py": "x = 3\n",
        "a.txt": "x: text\r\n",
        "empty.json": "{}",
        "empty.yaml": "",
        "zero.yaml": "0\n",
        "scalar.json": "0.5",
    }
    assert read.metrics(files(texts, cache), texts) == {
        "a.json": {"x": 1.5},
        "a.yaml": {"x": 0.001},
        "a.toml": {"x": {"y": 2}},
        "a.py": {"x": 3},
        "a.txt": {"x": "text"},
        "empty.json": {},
        "empty.yaml": {},
        "zero.yaml": {},
        "scalar.json": 0.5,
    }


def test_what_is_no_metric_is_left_out(cache: ObjectCache) -> None:
    texts = {
        "a.yaml": "zero: 0\nno: false\nempty: ''\nlist: [1]\nnull: ~\nnone: {a: [], b: {c: ~}}\nday: 2024-01-02\n"
    }
    assert read.metrics(files(texts, cache), texts) == {"a.yaml": {"zero": 0, "no": False, "empty": ""}}


def test_every_key_can_stand_in_json(cache: ObjectCache) -> None:
    texts = {"a.yaml": "2024-01-02: 1\n3: 2\n? [x, y]\n: 3\ntrue: 4\n"}
    found = read.metrics(files(texts, cache), texts)
    assert list(json.loads(json.dumps(found["a.yaml"])).values()) == [1, 2, 3, 4]


def test_an_error_stands_in_its_place(cache: ObjectCache) -> None:
    texts = {"bad.json": "{", "bytes.yaml": b"a: \xff", "good.json": '{"a": 1}'}
    found = read.metrics(files(texts, cache), [*texts, "missing.json"])
    assert isinstance(found["bad.json"], FormatError)
    assert isinstance(found["bytes.yaml"], FormatError)
    assert isinstance(found["missing.json"], PathError)
    assert found["good.json"] == {"a": 1}
    assert list(found) == ["bad.json", "bytes.yaml", "good.json", "missing.json"]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "&a [*a, *a]\n" * 3, "a: &x [1]\nb: [" + "*x, " * 10_000 + "]\n", "\0"]
)
def test_hostile_files(cache: ObjectCache, text: str) -> None:
    for name in ("a.yaml", "a.json", "a.toml", "a.py"):
        found = read.metrics(files({name: text}, cache), [name])[name]
        assert isinstance(found, DataVersioningError | dict | str)


def test_tracked_files_come_from_the_cache(cache: ObjectCache) -> None:
    one, two = put(cache, '{"a": 1}'), put(cache, "b: 2\n")
    listing = f'[{{"md5": "{one}", "relpath": "a.json"}}, {{"md5": "{two}", "relpath": "in/b.yaml"}}]'
    tree = put(cache, listing, ".dir")
    held = files({"changed": "a: 3\n"}, cache, file=one, dir=tree, changed=one, lost="0" * 32)
    assert read.metrics(held, ["file", "dir", "changed"]) == {
        "file": {"a": 1},
        "dir/a.json": {"a": 1},
        "dir/in/b.yaml": {"b": 2},
        "changed": {"a": 3},
    }
    assert list(read.metrics(held, ["dir/in"])) == ["dir/in/b.yaml"]
    lost = read.metrics(held, ["lost"])["lost"]
    assert isinstance(lost, MissingObject)
    assert "dv pull lost" in (lost.hint or "")
    assert isinstance(read.metrics(held, ["dir/none.json"])["dir/none.json"], PathError)
    assert held.exists("dir/a.json")
    assert not held.exists("none")


def test_directories(cache: ObjectCache) -> None:
    texts = {"m/b.json": '{"b": 1}', "m/deep/a.json": '{"a": 1}', "mm/c.json": '{"c": 1}'}
    assert list(read.metrics(files(texts, cache), ["m"])) == ["m/b.json", "m/deep/a.json"]


PARAMS = "lr: 1\nnet:\n  layers: [1, 2, {units: 3, rate: 4}]\n  size: 5\n3: number\n"


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["lr"], {"lr": 1}),
        (["lr", "net.size"], {"lr": 1, "net": {"size": 5}}),
        (["net.layers.1"], {"net": {"layers": [None, 2]}}),
        (["net.layers.2.units"], {"net": {"layers": [None, None, {"units": 3}]}}),
        (["net.*"], {"net": {"layers": [1, 2, {"units": 3, "rate": 4}], "size": 5}}),
        (["net", "net.size"], {"net": {"layers": [1, 2, {"units": 3, "rate": 4}], "size": 5}}),
        (["3"], {3: "number"}),
        (["none", "lr.deeper", "net.layers.9"], {}),
    ],
)
def test_chosen_params(cache: ObjectCache, keys: list[str], chosen: object) -> None:
    assert read.params(files({"p.yaml": PARAMS}, cache), {"p.yaml": keys}) == {"p.yaml": chosen}
