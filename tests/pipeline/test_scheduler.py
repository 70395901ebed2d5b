from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_versioning.pipeline.outcome import OnError
from data_versioning.pipeline.runner import Ended, Task
from data_versioning.pipeline.scheduler import End, Handlers, Scheduler


class Inline(Executor):
    """Pretends to run: every task ends at once, with the exit code that its command is."""

    def submit(self, run: Callable[..., Any], /, task: Task, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(Ended(exit_code=int(task.commands[0]), seconds=0))
        return future


class Story:
    """What happened, in order."""

    def __init__(self, codes: Mapping[str, int], done_without: frozenset[str] = frozenset()) -> None:
        self.codes = codes
        self.done_without = done_without
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.skipped: list[str] = []

    def begin(self, stage: str) -> Task | End:
        self.begun.append(stage)
        if stage in self.done_without:
            self.ended.append(stage)
            return End.DONE
        return Task(name=stage, commands=(str(self.codes.get(stage, 0)),), directory="/", log="")

    def end(self, stage: str, ended: Ended | BaseException) -> Task | End:
        self.ended.append(stage)
        return End.FAILED if isinstance(ended, BaseException) or ended.exit_code else End.DONE

    def run(
        self,
        needs: Mapping[str, Sequence[str]],
        *,
        after: Mapping[str, Sequence[str]] = {},
        slots: int = 1,
        on_error: OnError = OnError.STOP,
    ) -> None:
        handlers = Handlers(self.begin, self.end, self.skipped.append, lambda: None)
        Scheduler(list(needs), needs, handlers, Inline(), after=after, slots=slots, on_error=on_error).run()


DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": []}


def test_one_by_one_is_the_order_of_the_plan() -> None:
    story = Story({})
    story.run(DIAMOND)
    assert story.begun == story.ended == list("abcde")


@pytest.mark.parametrize(
    ("on_error", "ended", "skipped"),
    [(OnError.STOP, "ab", "cde"), (OnError.KEEP_GOING, "abce", "d"), (OnError.IGNORE, "abcde", "")],
)
def test_a_failure(on_error: OnError, ended: str, skipped: str) -> None:
    story = Story({"b": 1})
    story.run(DIAMOND, on_error=on_error)
    assert "".join(story.ended) == ended
    assert "".join(story.skipped) == skipped


def test_what_must_not_meet_goes_one_after_the_other() -> None:
    story = Story({})
    story.run({"a": [], "b": [], "c": []}, after={"b": ["a"]}, slots=3)
    assert story.begun == ["a", "c", "b"]


@pytest.mark.parametrize("failing", ["a", "b"])
def test_what_only_comes_after_is_not_lost_with_it(failing: str) -> None:
    story = Story({failing: 1})
    story.run({"a": [], "b": ["a"], "c": []}, after={"c": ["b"]}, slots=3, on_error=OnError.KEEP_GOING)
    assert story.begun[-1] == "c"
    assert story.skipped == (["b"] if failing == "a" else [])


@given(
    st.integers(1, 12).flatmap(
        lambda count: st.tuples(*[st.lists(st.integers(0, max(0, n - 1)), max_size=3) for n in range(count)])
    ),
    st.integers(1, 4),
    st.sets(st.integers(0, 11)),
)
def test_nothing_begins_before_what_it_needs(
    graph: tuple[list[int], ...], slots: int, without: set[int]
) -> None:
    needs = {str(n): [str(need) for need in wanted if need != n] for n, wanted in enumerate(graph)}
    story = Story({}, frozenset(map(str, without)))
    done: set[str] = set()
    begin = story.begin

    def checked(stage: str) -> Task | End:
        assert set(needs[stage]) <= set(story.ended)
        return begin(stage)

    story.begin = checked  # type: ignore[method-assign]
    story.run(needs, slots=slots)
    done.update(story.ended)
    assert done == set(needs)
    assert sorted(story.begun) == sorted(needs)


def test_what_has_to_wait_for_others_keeps_nobody_back() -> None:
    """It is asked again until it can begin; what needs it comes after it."""
    story, asked = Story({}), []
    begin = story.begin

    def busy(stage: str) -> Task | End | None:
        asked.append(stage)
        return None if stage == "a" and asked.count("a") < 3 else begin(stage)

    handlers = Handlers(busy, story.end, story.skipped.append, lambda: None)
    needs: Mapping[str, Sequence[str]] = {"a": [], "b": ["a"], "c": [], "d": ["c"]}
    Scheduler(list(needs), needs, handlers, Inline()).run()
    assert story.begun == ["c", "d", "a", "b"]


def test_a_failure_while_a_stage_waits_for_others() -> None:
    story = Story({"b": 1})
    begin = story.begin
    handlers = Handlers(
        lambda stage: None if stage == "a" else begin(stage), story.end, story.skipped.append, lambda: None
    )
    Scheduler(["a", "b", "c"], {"a": [], "b": [], "c": []}, handlers, Inline()).run()
    assert story.ended == ["b"]
    assert story.skipped == ["a", "c"]


def test_several_at_once(place: Path) -> None:
    """Two commands that wait for each other."""
    commands = {
        "a": f"touch {place}/a; while [ ! -e {place}/b ]; do sleep 0.01; done",
        "b": f"touch {place}/b; while [ ! -e {place}/a ]; do sleep 0.01; done",
    }
    ended = []

    def end(stage: str, how: Ended | BaseException) -> End:
        assert isinstance(how, Ended)
        ended.append((stage, how.exit_code))
        return End.DONE

    handlers = Handlers(
        begin=lambda stage: Task(
            name=stage,
            commands=(commands[stage],),
            directory=str(place),
            log=f"{place}/{stage}.log",
            timeout=30,
        ),
        end=end,
        skip=lambda _: None,
        idle=lambda: None,
    )
    with ThreadPoolExecutor(2) as threads:
        Scheduler(["a", "b"], {"a": [], "b": []}, handlers, threads, slots=2).run()
    assert sorted(ended) == [("a", 0), ("b", 0)]


def test_an_interrupt_ends_commands_and_is_passed_on(place: Path) -> None:
    ended: list[Ended | BaseException] = []

    def idle() -> None:
        if (place / "up").exists():
            raise KeyboardInterrupt

    def end(_stage: str, how: Ended | BaseException) -> End:
        ended.append(how)
        return End.FAILED

    handlers = Handlers(
        begin=lambda stage: Task(
            name=stage, commands=("touch up; sleep 60",), directory=str(place), log=f"{place}/log"
        ),
        end=end,
        skip=lambda _: None,
        idle=idle,
    )
    with ThreadPoolExecutor(1) as threads, pytest.raises(KeyboardInterrupt):
        Scheduler(["a"], {"a": []}, handlers, threads).run()
    assert len(ended) == 1
    assert isinstance(ended[0], Ended)
    assert ended[0].exit_code != 0
