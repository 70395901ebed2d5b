"""`diff` of generated histories: `dvc` and `dv`, asked in the same repository, print the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compat.trees import Change, Editor, Kind, remove
from tests.compat.twins import fresh
from tests.operations.work import Work
from tests.oracle import Sandbox, Tool, copy_repository

OUTPUTS = ("data", "model", "sub/data", "caf\u00e9")
# Few names and contents: so there are renames, and files where directories were.
INNER = ("", "a", "b", "in/a", "in/b", "in/deep/c", "a/x", "in")
CONTENTS = (b"1", b"2", b"3", b"4")

edits = st.lists(
    st.tuples(
        st.sampled_from(OUTPUTS),
        st.builds(
            Change,
            st.sampled_from([Kind.WRITE, Kind.WRITE, Kind.WRITE, Kind.DELETE]),
            st.sampled_from(INNER),
            st.sampled_from(CONTENTS),
        ),
    ),
    max_size=8,
)


@dataclass(frozen=True, slots=True)
class Question:
    """Revisions by their number, -1 for the workspace, and perhaps a target."""

    old: int
    new: int
    targets: tuple[str, ...]

    def arguments(self, count: int) -> list[str]:
        revisions = [f"HEAD~{count - 1 - self.old}", *([f"c{self.new}"] if self.new >= 0 else [])]
        return [*revisions, *(["--targets", *self.targets] if self.targets else [])]


@dataclass(frozen=True, slots=True)
class History:
    """Edits, then what is not tracked any more, for each commit; edits after the last; what the cache loses."""

    commits: tuple[tuple[list[tuple[str, Change]], frozenset[str]], ...]
    later: list[tuple[str, Change]]
    lost: frozenset[bytes]


commits = st.tuples(edits, st.frozensets(st.sampled_from(OUTPUTS), max_size=1))
histories = st.builds(
    History,
    st.lists(commits, min_size=2, max_size=3).map(tuple),
    st.one_of(st.just([]), edits),
    st.frozensets(st.sampled_from(CONTENTS), max_size=1),
)
some_targets = st.one_of(
    st.just(()),
    st.tuples(st.builds(os.path.join, st.sampled_from(OUTPUTS), st.sampled_from(INNER))),
    st.just(OUTPUTS),
)
questions = st.lists(
    st.builds(Question, st.integers(0, 1), st.integers(-1, 1), some_targets), min_size=3, max_size=3
)


def play(history: History, work: Work) -> None:
    """Commit after commit, each with everything that is there tracked."""
    editor = Editor((work.root,))
    work.write(
        ".git/info/exclude", "".join(f"/{name}\n" for name in OUTPUTS)
    )  # data that is not tracked any more
    for number, (changes, dropped) in enumerate(history.commits):
        apply(editor, changes, work.root)
        there = [name for name in OUTPUTS if (work.root / name).exists() and name not in dropped]
        for name in set(OUTPUTS) - set(there):
            remove(work.root / f"{name}.dvc")
        if there:
            work.add(*there)
        work.save()
        work.git("tag", f"c{number}")
    apply(editor, history.later, work.root)
    for content in history.lost:
        work.object(content).unlink(missing_ok=True)


def apply(editor: Editor, changes: list[tuple[str, Change]], root: Path) -> None:
    """Without leaving empty directories: DVC does not tell of a file in whose place one is."""
    for output, change in changes:
        (root / output).parent.mkdir(exist_ok=True)
        editor.apply(output, change)
    for output in OUTPUTS:
        for directory, _, _ in os.walk(root / output, topdown=False):
            if not os.listdir(directory):
                os.rmdir(directory)


def check(sandbox: Sandbox, tools: tuple[Tool, Tool], template: Path, examples: int) -> None:
    @settings(max_examples=examples)
    @given(history=histories, asked=questions)
    def run(history: History, asked: list[Question]) -> None:
        with fresh(sandbox) as place:
            work = Work(copy_repository(template, place / "repo"), sandbox)
            work.configure(type="copy")
            play(history, work)
            for question in asked:
                arguments = question.arguments(len(history.commits))
                for options in (("--json", "--show-hash"), ()):
                    theirs, ours = (tool(work.root, "diff", *options, *arguments) for tool in tools)
                    assert ours.code == theirs.code, f"{theirs}\n{ours}"
                    assert theirs.code or ours.out == theirs.out, f"{theirs}\n{ours}"

    run()


def test_dvc_and_dv_tell_the_same(
    sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, private_home: None
) -> None:
    check(sandbox, (dvc, dv), template, examples=15)


@pytest.mark.soak
def test_dvc_and_dv_tell_the_same_for_long(
    sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, private_home: None
) -> None:
    check(sandbox, (dvc, dv), template, examples=500)
