"""Which stage needs the output of which: the order of everything that follows a pipeline."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from data_versioning import paths
from data_versioning.errors import FormatError
from data_versioning.pipeline.stage import Stage


class Graph(NamedTuple):
    """Stages by place, and for each the places it directly depends on, in the order of its `deps`."""

    stages: Mapping[str, Stage]
    needs: Mapping[str, Sequence[str]]

    def upstream(self, stages: Iterable[Stage]) -> list[Stage]:
        """Return the stages and everything they need, each once, after what it needs.

        Raises `FormatError` when stages need each other in a circle.
        """
        done: dict[str, Stage] = {}
        for stage in stages:
            self._visit(stage.place, done)
        return list(done.values())

    def downstream(self, stages: Iterable[Stage]) -> list[Stage]:
        """Return the stages and everything that needs them, each once, after what it needs."""
        users: dict[str, list[str]] = {place: [] for place in self.stages}
        for place, needed in self.needs.items():
            for need in needed:
                users[need].append(place)
        wanted = {stage.place for stage in Graph(self.stages, users).upstream(stages)}
        return [stage for stage in self.upstream(self.stages.values()) if stage.place in wanted]

    def connected(self, stages: Iterable[Stage]) -> list[Stage]:
        """Return the stages and all that are connected with them, in either direction, however far."""
        neighbours: dict[str, set[str]] = {place: set(needed) for place, needed in self.needs.items()}
        for place, needed in self.needs.items():
            for need in needed:
                neighbours[need].add(place)
        found: dict[str, None] = {}
        left = [stage.place for stage in stages]
        while left:
            place = left.pop()
            if place not in found:
                found[place] = None
                left += neighbours[place]
        return [stage for place, stage in self.stages.items() if place in found]

    def _visit(self, start: str, done: dict[str, Stage]) -> None:
        """Add `start` after its needs; iterative, because chains may be longer than the stack is deep."""
        open_places: dict[str, None] = {}
        trail = [(start, iter(self.needs[start]))] if start not in done else []
        while trail:
            place, rest = trail[-1]
            open_places[place] = None
            for need in rest:
                if need in open_places:
                    raise _circle([*open_places, need], need, self.stages[need].file)
                if need not in done:
                    trail.append((need, iter(self.needs[need])))
                    break
            else:
                done[place] = self.stages[place]
                del open_places[place]
                trail.pop()


class Plan(NamedTuple):
    """Stages in an order in which they could run one by one, as `active` has it; `whole` is the graph of the project.

    In `active` stages need nothing that are frozen, or that are run by themselves.
    """

    stages: Sequence[Stage]
    active: Graph
    whole: Graph


def build(stages: Sequence[Stage]) -> Graph:
    """Connect stages: a dependency equal to, inside of, or around an output needs that output's stage."""
    owners = {_key(stage, out.path): stage.place for stage in stages for out in stage.outs}
    ordered = sorted(f"{path}/" for path in owners)
    needs = {
        stage.place: list(dict.fromkeys(_owners_of(_keys_needed(stage), owners, ordered))) for stage in stages
    }
    return Graph({stage.place: stage for stage in stages}, needs)


def between_outputs(stages: Sequence[Stage]) -> dict[str, list[str]]:
    """Return for every output (a repository path or URL) those that its stage depends on."""
    owners = {key: key for stage in stages for out in stage.outs if (key := _key(stage, out.path))}
    ordered = sorted(f"{path}/" for path in owners)
    needs: dict[str, list[str]] = {}
    for stage in stages:
        needed = list(dict.fromkeys(_owners_of(_keys_needed(stage), owners, ordered)))
        needs.update((_key(stage, out.path), needed) for out in stage.outs)
    return needs


def connected(needs: Mapping[str, Sequence[str]]) -> list[dict[str, Sequence[str]]]:
    """Return the parts of a graph that no edge connects, in the order of their first nodes.

    >>> connected({"a": [], "b": [], "c": ["a"]})
    [{'a': [], 'c': ['a']}, {'b': []}]
    """
    beside: dict[str, list[str]] = {name: list(needed) for name, needed in needs.items()}
    for name, needed in needs.items():
        for need in needed:
            beside[need].append(name)
    part_of: dict[str, int] = {}
    count = 0
    for name in needs:
        waiting = [] if name in part_of else [name]
        count += len(waiting)
        while waiting:
            here = waiting.pop()
            if here not in part_of:
                part_of[here] = count - 1
                waiting += beside[here]
    parts: list[dict[str, Sequence[str]]] = [{} for _ in range(count)]
    for name, needed in needs.items():
        parts[part_of[name]][name] = needed
    return parts


def check_acyclic(graph: Graph) -> None:
    """Raise `FormatError` when stages need each other in a circle."""
    graph.upstream(graph.stages.values())


def _keys_needed(stage: Stage) -> Iterable[str]:
    for dep in stage.deps:
        if not (dep.repo or dep.db or dep.is_dataset):
            yield _key(stage, dep.path)
    for file in stage.params:
        yield _key(stage, file)


def _key(stage: Stage, path: str) -> str:
    """Repository paths and URLs in one space; they never meet, for a repository path has no "//"."""
    return path if "://" in path else stage.located(path) or path


def _owners_of(keys: Iterable[str], owners: Mapping[str, str], ordered: Sequence[str]) -> Iterable[str]:
    for key in keys:
        for path in (key, *paths.parents(key)):
            if path in owners:
                yield owners[path]
        below = bisect_left(ordered, f"{key}/")
        while below < len(ordered) and ordered[below].startswith(f"{key}/"):
            yield owners[ordered[below][:-1]]
            below += 1


def _circle(trail: Sequence[str], start: str, file: str) -> FormatError:
    names = " → ".join(trail[trail.index(start) :])
    return FormatError(
        f"stages depend on each other in a circle: {names}",
        file=file,
        hint="take one of these outputs out of the other stage's deps",
    )


def apart(plan: Sequence[str], whole: Graph, active: Graph) -> dict[str, list[str]]:
    """Return for stages that are cut off from others in `active`, frozen or run by themselves, whom they come after.

    They go in the order of the plan: one must not read what another one writes.
    """
    order = {place: number for number, place in enumerate(plan)}
    after: dict[str, list[str]] = {}
    for place in plan:
        for need in whole.needs[place]:
            if need in order and need not in active.needs[place]:
                first, last = sorted((need, place), key=order.__getitem__)
                after.setdefault(last, []).append(first)
    return after
