"""dvc.lock: what the real DVC reads and writes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import load_yaml, modify_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from data_versioning.errors import FormatError
from data_versioning.formats import lockfile
from data_versioning.formats.dvcfile import Dependency, Output
from data_versioning.formats.lockfile import LockedStage

MD5 = "37b51d194a7513e45b56f6524f2d51f2"

PATHS = st.one_of(
    st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5})?", fullmatch=True),
    st.sampled_from(["two words", "#x", "é", "x" * 90]),
)
DIGESTS = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
SIZES = st.integers(0, 10**12)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.sampled_from([0.1, 1e-05, 2.5, 1e20]),
        st.sampled_from(["on", "1e3", "a b", "", "- x", "2001-01-01"]),
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5})?", fullmatch=True)
STAGES = st.builds(
    LockedStage,
    cmd=st.one_of(
        st.just("python train.py"), st.text("ab '\"|>&$-\n", min_size=1, max_size=90), st.just(("a", "b c"))
    ),
    deps=st.lists(
        st.builds(Dependency, path=PATHS, md5=DIGESTS, size=SIZES, hash=st.sampled_from(["md5", None])),
        max_size=3,
        unique_by=lambda dep: dep.path,
    ).map(tuple),
    params=st.dictionaries(
        st.sampled_from(["params.yaml", "a.json", "z.toml"]),
        st.dictionaries(KEYS, VALUES, max_size=3),
        max_size=3,
    ),
    outs=st.lists(
        st.builds(Output, path=PATHS, md5=DIGESTS.map("{}.dir".format), size=SIZES, nfiles=st.integers(1, 9)),
        max_size=2,
        unique_by=lambda out: out.path,
    ).map(tuple),
)
NAMES = st.from_regex(r"[a-z]{1,5}(@[a-z0-9-]{1,3})?", fullmatch=True)


def dvc_updates(path: Path, text: str, name: str, stage: LockedStage) -> str:
    """What DVC does when it dumps a stage into a lock file."""
    path.write_text(text, encoding="utf-8")
    if not text:
        path.unlink()
    with modify_yaml(path) as data:
        if not data:
            data.update({"schema": "2.0"})
        data["stages"] = data.get("stages", {})
        data["stages"].update({name: lockfile.entry(stage)})
    return path.read_text(encoding="utf-8")


@settings(max_examples=100)
@given(st.lists(st.tuples(NAMES, STAGES), min_size=1, max_size=3), st.booleans())
def test_update_is_what_dvc_writes(
    tmp_path_factory: pytest.TempPathFactory, stages: list[tuple[str, LockedStage]], commented: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "dvc.lock"
    text = ""
    for name, stage in stages:
        expected = dvc_updates(path, text, name, stage)
        text = lockfile.update(text or None, name, stage)
        assert text == expected
        COMPILED_LOCKFILE_SCHEMA(load_yaml(path))
        if commented:
            text = f"# kept\n{text}# end\n"
    wanted = {name: lockfile.entry(stage) for name, stage in stages}
    assert {name: lockfile.entry(stage) for name, stage in lockfile.parse(text, file="x").items()} == wanted


def test_order_of_what_is_written() -> None:
    stage = LockedStage(
        cmd="x",
        deps=(Dependency(path="b", md5=MD5, size=1), Dependency(path="a", md5=MD5, hash=None)),
        params={"z.json": {"b": 1, "a": {"d": 1, "c": 2}}, "params.yaml": {"lr": 1}},
        outs=(Output(path="o", md5=MD5, isexec=True, size=3, etag="abc", cloud="s", cache=False, desc="no"),),
    )
    assert lockfile.update(None, "train", stage) == (
        "schema: '2.0'\nstages:\n  train:\n    cmd: x\n    deps:\n"
        f"    - path: a\n      md5: {MD5}\n    - path: b\n      hash: md5\n      md5: {MD5}\n      size: 1\n"
        "    params:\n      params.yaml:\n        lr: 1\n      z.json:\n        a:\n          d: 1\n          c: 2\n"
        f"        b: 1\n    outs:\n    - path: o\n      hash: md5\n      md5: {MD5}\n      size: 3\n"
        "      isexec: true\n      cloud:\n        s:\n          etag: abc\n"
    )


def test_dataset_dependency_survives() -> None:
    text = (
        "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - path: ds://cats\n      dataset:\n"
        "        name: cats\n        type: dvc\n"
    )
    stage = lockfile.parse(text, file="x")["a"]
    assert stage.deps[0].dataset == {"name": "cats", "type": "dvc"}
    assert lockfile.update(text, "a", stage) == text


def test_remove() -> None:
    one, two = (LockedStage(cmd=name) for name in ("one", "two"))
    text = lockfile.update(lockfile.update(None, "one", one), "two", two)
    assert lockfile.remove(text, "three") == text
    rest = lockfile.remove(f"# kept\n{text}", "one")
    assert rest == "# kept\nschema: '2.0'\nstages:\n  two:\n    cmd: two\n"
    assert lockfile.remove(rest, "two") is None


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the key schema must be '2.0'"),
        ("train: {cmd: x}\n", 1, "unknown key 'train'"),
        ("schema: 2.0\n", 1, "the key schema must be '2.0'"),
        ("schema: '1.0'\n", 1, "the key schema must be '2.0'"),
        ("schema: '2.0'\nstages: []\n", 2, "stages: a mapping is expected, not a list"),
        ("schema: '2.0'\nstages:\n  a:\n    deps: []\n", 3, "stages.a: a command is expected"),
        ("schema: '2.0'\nstages:\n  a: {cmd: 1}\n", 3, "stages.a: a command is expected"),
        ("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    out: []\n", 5, "unknown key 'out' in stages.a; did you mean"),
        ("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n    - md5: abc\n", 6, "stages.a.outs.0: the key 'path'"),
        ("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    params: {p: 1}\n", 5, "stages.a.params.p: a mapping of keys"),
        ("schema: '2.0'\nstages:\n  a: {cmd: x}\n  a: {cmd: y}\n", 4, "the key 'a' appears twice"),
    ],
)  # fmt: skip
def test_error_names_file_line_and_key(text: str, line: int, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        lockfile.parse(text, file="sub/dvc.lock")
    assert str(caught.value).startswith(f"sub/dvc.lock:{line}: {message}"), caught.value


def test_many_stages_are_updated_quickly() -> None:
    """DVC needs seconds a stage here."""
    stage = LockedStage(
        cmd="python x.py", outs=(Output(path="o", md5=MD5, size=3),), params={"params.yaml": {"lr": 0.1}}
    )
    body = lockfile.update(None, "s", stage).split("  s:\n")[1]
    text = "schema: '2.0'\nstages:\n" + "".join(f"  s{number}:\n{body}" for number in range(2_000))
    begun = time.process_time()
    changed = lockfile.update(text, "s7", LockedStage(cmd="other"))
    assert changed.count("python x.py") == 1_999
    assert time.process_time() - begun < 3
