from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

import data_versioning
from data_versioning import load_params
from data_versioning.errors import FormatError, PathError

TEXT = "train:\n  epochs: 10\n  lr: 1e-3\n  layers: [64, 32]\nseed: 42\n"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    return path


def test_nested_values(params: Path) -> None:
    found = load_params(params)
    assert found["train"]["epochs"] == 10
    assert found == {"train": {"epochs": 10, "lr": 0.001, "layers": [64, 32]}, "seed": 42}
    assert data_versioning.load_params is load_params


def test_only_some_keys(params: Path) -> None:
    assert load_params(str(params), "train.lr", "seed", "train.layers.1") == {
        "train.lr": 0.001,
        "seed": 42,
        "train.layers.1": 32,
    }


def test_default_is_params_yaml_here(params: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(params.parent)
    assert load_params()["seed"] == 42


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.json", '{"train": {"epochs": 10}}'),
        ("params.toml", "[train]\nepochs = 10\n"),
        ("params.py", "class train:\n    epochs = 10\n"),
        ("params.yml", "train: {epochs: 10}\r\n"),
    ],
)
def test_suffix_tells_the_format(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    assert load_params(tmp_path / name) == {"train": {"epochs": 10}}


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        PathError, match=r"cannot read parameters from '.*none\.yaml': No such file"
    ) as caught:
        load_params(tmp_path / "none.yaml")
    assert "load_params" in (caught.value.hint or "")
    with pytest.raises(PathError, match="directory"):
        load_params(tmp_path)


def test_missing_key(params: Path) -> None:
    with pytest.raises(PathError, match=r"has no parameter 'train\.size'") as caught:
        load_params(params, "train.size")
    assert caught.value.hint == "the file has: train, seed"


@pytest.mark.parametrize(
    ("content", "line"), [(b"a: 1\nb: [\n", 3), (b"a: \xff\n", 1), (b"- 1\n", 1), (b"a: 1\na: 2\n", 2)]
)
def test_bad_file_names_the_line(tmp_path: Path, content: bytes, line: int) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        load_params(path)
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("")
    assert load_params(tmp_path / "params.yaml") == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", TEXT),
        ("params.json", '{"train": {"epochs": 10, "lr": 1e-3, "layers": [64, 32]}, "seed": 42}'),
        ("params.toml", "seed = 42\n[train]\nepochs = 10\nlr = 1e-3\nlayers = [64, 32]\n"),
        ("params.py", "seed = 42\nclass train:\n    epochs = 10\n    lr = 1e-3\n    layers = [64, 32]\n"),
    ],
)
def test_dotted_access(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    params = load_params(tmp_path / name)
    assert params["train.epochs"] == params.train.epochs == params["train"]["epochs"] == 10
    assert params["train.layers.1"] == 32
    assert params.get("train.lr") == 0.001
    assert params.get("train.momentum") is None
    assert params.get("train.momentum", 0.9) == 0.9
    assert "train.lr" in params
    assert "train.momentum" not in params


def test_a_key_with_dots_comes_first(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: {b: nested}\na.b: itself\nitems: 3\n")
    params = load_params(tmp_path / "params.yaml")
    assert params["a.b"] == "itself"
    assert params.a.b == "nested"
    assert params["items"] == 3
    assert list(params.items()) == [("a", {"b": "nested"}), ("a.b", "itself"), ("items", 3)]


def test_what_is_not_there(params: Path) -> None:
    found = load_params(params)
    with pytest.raises(KeyError, match=r"no parameter 'train\.size'; there are: train, seed"):
        found["train.size"]
    with pytest.raises(AttributeError, match=r"no parameter 'size'; there are: epochs, lr, layers"):
        _ = found.train.size


def test_it_is_a_dictionary(params: Path) -> None:
    found = load_params(params)
    for copied in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), found | {}):
        assert copied == found
    assert json.loads(json.dumps(found)) == found
    assert {**found}["seed"] == 42
