"""What stands beside the stages, and how mappings become flags: as DVC has it; and where mistakes are said to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import DvcException
from dvc.repo import Repo
from hypothesis import given, settings
from hypothesis import strategies as st

from data_versioning.errors import DataVersioningError, FormatError
from data_versioning.pipeline.load import load
from data_versioning.pipeline.templates import FlagStyle
from tests.pipeline.oracle import Texts, write
from tests.pipeline.test_resolve import NAMES, PARAMETERS, VALUES, templates

TEXT = templates(NAMES)
FILES = ["more.yaml", "more.yaml:p", "more.yaml:q,r", "more.yaml:p,q", "sub/more.json", "gone.yaml"]
AXES = st.fixed_dictionaries(
    {},
    optional={
        "x": TEXT | st.dictionaries(TEXT.map("d/{}".format), TEXT, max_size=1),
        "y": TEXT | st.lists(TEXT, max_size=2) | st.dictionaries(TEXT, st.lists(TEXT), max_size=1),
        "title": TEXT,
        "template": TEXT,
    },
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "vars": st.lists(
            st.sampled_from(FILES)
            | st.dictionaries(st.sampled_from(["own", "deep", "p"]), VALUES, max_size=1),
            max_size=3,
        ),
        "params": st.lists(TEXT, max_size=2),
        "metrics": st.lists(TEXT, max_size=2),
        "plots": st.lists(TEXT | st.dictionaries(TEXT, AXES | st.none(), max_size=2), max_size=2),
        "artifacts": st.dictionaries(
            st.sampled_from(["net", "other"]),
            st.fixed_dictionaries(
                {"path": TEXT.map("models/{}".format)},
                optional={
                    "desc": TEXT,
                    "type": TEXT,
                    "labels": st.lists(TEXT, max_size=2),
                    "meta": st.dictionaries(st.sampled_from("kl"), VALUES | TEXT, max_size=1),
                },
            ),
            max_size=2,
        ),
    },
)


def by_dvc(root: Path) -> dict[str, Any] | Exception:
    """Return the sections of dvc.yaml as DVC resolves them, or what it raised."""
    try:
        with Repo(str(root)) as repo:
            index = repo.index
            found = (index._params, index._metrics, index._plots, index._artifacts)
            return {name: next(iter(part.values()), None) for name, part in zip(SHOWN, found, strict=True)}
    except (DvcException, TypeError, ValueError, AttributeError, KeyError, AssertionError) as error:
        return error


SHOWN = ("params", "metrics", "plots", "artifacts")


def by_us(texts: dict[str, str]) -> dict[str, Any] | Exception:
    try:
        (sections,) = load(Texts(texts)).sections
    except DataVersioningError as error:
        return error
    return {name: getattr(sections, name) for name in SHOWN}


@settings(max_examples=150)
@given(PARAMETERS, SECTIONS)
def test_sections_are_what_dvc_says(dvc_root: Path, params: Any, sections: Any) -> None:
    texts = {
        "params.yaml": json.dumps(params),
        "more.yaml": "p: 1\nq: {x: 2}\nr: [3]\n",
        "sub/more.json": '{"own": {"z": 1}}',
        "dvc.yaml": json.dumps(sections),
    }
    write(dvc_root, texts)
    theirs, ours = by_dvc(dvc_root), by_us(texts)
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        assert isinstance(theirs, Exception), (ours, theirs)
        assert isinstance(ours, Exception), (ours, theirs)
        return
    for name in SHOWN:
        assert json.dumps(ours[name] or None, default=list) == json.dumps(theirs[name] or None), name


FLAG_VALUES = st.dictionaries(
    st.sampled_from(["lr", "name", "no-x", "a.b"]),
    st.recursive(
        st.sampled_from([1, 0.5, True, False, None, "plain", "two words", "it's", "", "$HOME"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
        max_leaves=5,
    ),
    max_size=3,
)


STYLES = [
    FlagStyle(flag, listed) for flag in ("store_true", "boolean_optional") for listed in ("nargs", "append")
]


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=60)
@given(values=FLAG_VALUES)
def test_flags_are_what_dvc_writes(dvc_root: Path, style: FlagStyle, values: Any) -> None:
    texts = {"params.yaml": json.dumps({"all": values}), "dvc.yaml": "stages: {one: {cmd: 'run ${all} end'}}"}
    write(dvc_root, texts)
    try:
        with Repo(str(dvc_root), config={"parsing": style._asdict()}) as repo:
            theirs: Any = repo.stage.load_one("dvc.yaml", "one").cmd
    except (DvcException, TypeError) as error:
        theirs = error
    try:
        ours: Any = load(Texts(texts), flags=style).stages[0].cmd
    except FormatError as error:
        ours = error
    if isinstance(theirs, Exception):
        assert isinstance(ours, FormatError), (ours, theirs)
    else:
        assert ours == theirs


MISTAKES = {
    "${gone} in cmd": ("stages:\n  a:\n    cmd: echo ${gone}\n", 3, "could not find 'gone'"),
    "list in deps": ("vars:\n- l: [1]\nstages:\n  a:\n    cmd: b\n    deps:\n    - ${l}\n", 7, "list"),
    "foreach of text": ("stages:\n  a:\n    foreach: b\n    do:\n      cmd: c\n", 3, "list or a mapping"),
    "matrix of a number": ("stages:\n  a:\n    cmd: b\n    matrix:\n      x: 3\n", 5, "list"),
    "no command": ("stages:\n  a:\n    deps: [b]\n", 2, "'cmd' is missing"),
    "unknown key": ("stages:\n  a:\n    cmd: b\n    dep: [c]\n", 4, "deps"),
    "vars file": ("vars:\n- gone.yaml\n", 2, "'gone.yaml' does not exist"),
    "vars key": ("vars:\n- params.yaml:gone\n", 2, "params.yaml"),
    "vars redefined": ("vars:\n- a: 1\n- a: 2\n", 3, "cannot redefine 'a'"),
    "open bracket": ("stages:\n  a:\n    cmd: ${b[0}\n", 3, "not of the form"),
    "artifact without path": ("artifacts:\n  net:\n    desc: a\n", 2, "'path' is missing"),
    "artifact path": ("artifacts:\n  net:\n    path: 3\n", 3, "text"),
    "list as a key": ("vars:\n- l: [1]\nplots:\n- ${l}: {x: a}\n", 4, "a list cannot be a key"),
    "mapping as a key": (
        "vars:\n- d: {e: 1}\nstages:\n  a:\n    cmd:\n    - ${d}: b\n",
        6,
        "cannot be a key",
    ),
    "empty plot": ("plots:\n- a\n- {}\n", 3, "not an empty mapping"),
    "plot axis": ("plots:\n- p:\n    x: 3\n", 3, "x"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_shown_with_its_line(case: str) -> None:
    text, line, words = MISTAKES[case]
    with pytest.raises(FormatError) as caught:
        load(Texts({"dvc.yaml": text, "params.yaml": "x: 1\n"}))
    assert (caught.value.file, caught.value.line) == ("dvc.yaml", line), caught.value
    assert words in caught.value.message
