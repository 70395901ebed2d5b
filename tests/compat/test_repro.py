"""A pipeline reproduced by `dvc` in one repository and by `dv` in its twin leaves the same bytes.

Compared after every command: workspace, dvc.lock, `.gitignore`, cache and run cache, exit code, and what `status` says.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.compat.pipelines import Edit, Pipeline, edits, pipelines, repros
from tests.compat.trees import remove
from tests.compat.twins import Twins, assert_same_disk, fresh, prune
from tests.oracle import Sandbox, Tool

FIRST = {"source": "0\n", "tracked": "0\n", "params.yaml": "lr: 0.1\nnet:\n  layers: [1, 2]\nname: n\n"}


@st.composite
def histories(draw: st.DrawFn) -> tuple[Pipeline, list[Edit | tuple[str, ...]]]:
    pipeline = draw(pipelines())
    step = st.one_of(edits(pipeline), edits(pipeline), repros(pipeline))
    return pipeline, [("repro",), *draw(st.lists(step, max_size=8)), ("repro",)]


def apply(twins: Twins, edit: Edit) -> None:
    for player in twins.players:
        path = player.root / edit.path
        if edit.content is None:
            remove(path)
        elif path.parent.is_dir() and not path.is_dir():
            path.unlink(missing_ok=True)
            path.write_text(edit.content)


def play(twins: Twins, pipeline: Pipeline, steps: list[Edit | tuple[str, ...]], jobs: int) -> None:
    """Without `jobs` both tools take turns in our repository."""
    for path, content in FIRST.items():
        twins.write(path, content)
    twins.each("add", "tracked")
    twins.write("dvc.yaml", pipeline.text)
    ours = twins.ours.tool
    for number, step in enumerate(steps):
        if isinstance(step, Edit):
            apply(twins, step)
            continue
        expected = twins.theirs.run(*step)
        if jobs:
            actual = twins.ours.run(*step, "-j", str(jobs))
        else:
            tool = twins.theirs.tool if number % 2 else ours
            actual = tool(twins.ours.root, *step)
        assert actual.code == expected.code, f"{expected}\n{actual}"
        if expected.code:
            return
        assert_same_disk(prune(twins.theirs.disk()), prune(twins.ours.disk()), (pipeline.text, step))
        twins.compare_status((pipeline.text, step))


def check(sandbox: Sandbox, tools: tuple[Tool, Tool], template: Path, jobs: int, examples: int) -> None:
    @settings(max_examples=examples)
    @given(histories())
    def run(history: tuple[Pipeline, list[Edit | tuple[str, ...]]]) -> None:
        with fresh(sandbox) as place:
            play(Twins.make(tools, sandbox, template, place), *history, jobs)

    seed(jobs)(run)()


@pytest.mark.parametrize("jobs", [0, 1, 3])
def test_pipelines(sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, jobs: int) -> None:
    check(sandbox, (dvc, dv), template, jobs, examples=8)


@pytest.mark.soak
@pytest.mark.parametrize("jobs", [0, 1, 3])
def test_many_pipelines(sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, jobs: int) -> None:
    check(sandbox, (dvc, dv), template, jobs, examples=1_000)
