"""Generated pipelines, and edits of what they read and made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

SOURCES = ("source", "tracked")  # a plain file, and one with a `.dvc` file
PARAMS = ("lr", "net.layers", "name")


@dataclass(frozen=True, slots=True)
class Edit:
    """One file gets new content; None removes what is there."""

    path: str
    content: str | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The text of dvc.yaml, its stages, and where they write."""

    text: str
    stages: tuple[str, ...]
    outs: tuple[str, ...]


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    """One to five stages; each may read sources, params and what earlier ones made."""
    made: list[str] = []
    stages: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from(["b", "a", "c-1", "Z_"])) + str(number)
        stages[name] = _stage(draw, number, made)
    # JSON is YAML, and needs no writer.
    return Pipeline(json.dumps({"stages": stages}, indent=1), tuple(stages), tuple(made))


def _stage(draw: st.DrawFn, number: int, made: list[str]) -> dict[str, Any]:
    deps = draw(st.lists(st.sampled_from([*SOURCES, *made]), max_size=3, unique=True))
    params = draw(st.lists(st.sampled_from(PARAMS), max_size=2, unique=True))
    stage: dict[str, Any] = {}
    if deps:
        stage["deps"] = deps
    if params:
        stage["params"] = params
    commands = []
    for at in range(draw(st.integers(0 if deps else 1, 2))):
        kind = draw(st.sampled_from(["outs", "outs", "outs", "metrics", "plots"]))
        is_directory = kind == "outs" and draw(st.booleans())
        path = f"{'d' if is_directory else 'f'}{number}{at}"
        reads = " ".join(f"$(find {dep} -type f | sort | xargs cat | cksum)" for dep in deps)
        commands.append(
            f"mkdir -p {path}/in && echo {number} {reads} > {path}/in/x && echo same > {path}/y"
            if is_directory
            else f"echo {number} {at} {reads} > {path}"
        )
        stage.setdefault(kind, []).append({path: _options(draw)} if draw(st.booleans()) else path)
        made.append(path)
    stage["cmd"] = draw(st.sampled_from([commands, "\n".join(commands)])) if commands else "true"
    for flag in ("always_changed", "frozen"):
        if draw(st.integers(0, 9)) == 0:
            stage[flag] = True
    return stage


def _options(draw: st.DrawFn) -> dict[str, Any]:
    return draw(
        st.sampled_from([{"cache": False}, {"persist": True}, {"push": False}, {"desc": "what it is"}])
    )


def edits(pipeline: Pipeline) -> st.SearchStrategy[Edit]:
    """Changes of sources and params, and of what was made."""
    params = st.builds(
        lambda lr, layers, name: Edit(
            "params.yaml", f"lr: {lr}\nnet:\n  layers: {json.dumps(layers)}\nname: {name}\n"
        ),
        st.sampled_from(["1", "1e-3", "0.5"]),
        st.lists(st.integers(0, 3), max_size=2),
        st.sampled_from(["x", "'1'", "null"]),
    )
    sources = st.builds(Edit, st.sampled_from(SOURCES), st.sampled_from(["1\n", "2\n", ""]))
    files = [path for path in pipeline.outs if path.startswith("f")]
    directories = [path for path in pipeline.outs if path.startswith("d")]
    outs = [st.builds(Edit, st.sampled_from(pipeline.outs), st.none())] if pipeline.outs else []
    if files:
        outs.append(st.builds(Edit, st.sampled_from(files), st.just("edited\n")))
    if directories:
        outs.append(st.builds(Edit, st.sampled_from([f"{path}/new" for path in directories]), st.just("n\n")))
    return st.one_of(params, sources, *outs)


def repros(pipeline: Pipeline) -> st.SearchStrategy[tuple[str, ...]]:
    """Commands that reproduce all or a part."""
    some = st.sampled_from(pipeline.stages)
    return st.one_of(
        st.just(("repro",)),
        st.just(("repro",)),
        some.map(lambda name: ("repro", name)),
        some.map(lambda name: ("repro", "-s", name)),
        some.map(lambda name: ("repro", "-f", name)),
        some.map(lambda name: ("repro", "-p", name)),
        some.map(lambda name: ("repro", "--force-downstream", name)),
        st.sampled_from([("repro", "-P"), ("repro", "-f"), ("repro", "--no-run-cache"), ("repro", "-k")]),
    )
