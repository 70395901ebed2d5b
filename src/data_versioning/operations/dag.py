"""Which stage, or output, needs which: what `dv dag` draws."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from data_versioning import paths
from data_versioning.errors import DiskError
from data_versioning.localfs import atomic
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.pipeline import boxes, graph, notation, svg
from data_versioning.pipeline.project import StageSelection
from data_versioning.pipeline.stage import Stage, relative
from data_versioning.repo import Repo


class Nodes(StrEnum):
    """What the nodes of the graph are; `GROUPS` has one node for all stages of a foreach or matrix."""

    STAGES = "stages"
    GROUPS = "groups"
    OUTPUTS = "outputs"


class Dag(NamedTuple):
    """A graph: for every node, as seen from the current directory, the nodes it directly needs."""

    needs: Mapping[str, Sequence[str]]

    def boxes(self, *, plain: bool) -> str:
        """Draw it with characters; `plain`: ASCII only."""
        characters = boxes.ASCII if plain else boxes.LINES
        return "\n".join(boxes.draw(part, characters=characters) for part in graph.connected(self.needs))

    def svg(self) -> str:
        """Draw it as an image."""
        return svg.draw(graph.connected(self.needs))

    def dot(self) -> str:
        """Return it for Graphviz."""
        return notation.dot(self.needs)

    def mermaid(self) -> str:
        """Return it for Mermaid."""
        return notation.mermaid(graph.connected(self.needs))


def dag(repo: Repo, target: str | None = None, *, nodes: Nodes = Nodes.STAGES, full: bool = False) -> Dag:
    """Return the graph of the project; with a `target` only what that needs, or, if `full`, is connected with.

    Raises `NotTracked` for an unknown target.
    """
    project = loading.load(repo).project
    base = targets.base(repo)
    names = [] if target is None else targets.named(repo, [target])
    chosen = project.select_stages(names, base=base) if names else []
    if nodes is Nodes.OUTPUTS:
        found = graph.between_outputs(project.stages)
        needs = {key: found[key] for key in _as_in_a_tree(found)}
        wanted = _outputs_of(chosen, needs)
        shown = {key: key if "://" in key else relative(key, base) for key in needs}
    else:
        needs = {place: list(needed) for place, needed in graph.build(project.stages).needs.items()}
        wanted = [item.stage.place for item in chosen]
        shown = {stage.place: _shown(stage, base, nodes) for stage in project.stages}
        if nodes is Nodes.GROUPS:  # groups stand at the end, as for DVC
            grouped = {stage.place for stage in project.stages if stage.group}
            needs = dict(sorted(needs.items(), key=lambda item: item[0] in grouped))
    if names:
        kept = _connected_with(wanted, needs) if full else _needed_by(wanted, needs)
        needs = {name: needed for name, needed in needs.items() if name in kept}
    return Dag(_renamed(needs, shown))


def write_svg(found: Dag, file: str) -> None:
    """Make the image the content of a file, in one step."""
    try:
        atomic.write(os.path.abspath(file), found.svg().encode("utf-8", "replace"), durable=False)
    except OSError as error:
        raise DiskError(f"cannot write '{file}': {error.strerror}", hint="dv dag --svg OTHER-FILE") from error


def _shown(stage: Stage, base: str, nodes: Nodes) -> str:
    if nodes is Nodes.GROUPS and stage.group:
        return stage._replace(name=stage.group).address_from(base)
    return stage.address_from(base)


def _as_in_a_tree(keys: Iterable[str]) -> list[str]:
    """Sort paths so that those of one directory follow each other, where the first of them was; as DVC does."""
    place: dict[str, int] = {}
    for key in keys:
        for path in (key, *paths.parents(key)):
            place.setdefault(path, len(place))
    return sorted(keys, key=lambda key: [place[path] for path in (key, *paths.parents(key))][::-1])


def _outputs_of(chosen: Iterable[StageSelection], needs: Mapping[str, Sequence[str]]) -> list[str]:
    wanted: list[str] = []
    for stage, path in chosen:
        keys = [stage.located(out.path) or out.path for out in stage.outs]
        wanted += [
            key
            for key in keys
            if key in needs and (path is None or paths.is_inside(path, key) or paths.is_inside(key, path))
        ]
    return wanted


def _needed_by(wanted: Iterable[str], needs: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the nodes and everything they need."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs[name]
    return found


def _connected_with(wanted: Sequence[str], needs: Mapping[str, Sequence[str]]) -> set[str]:
    parts = graph.connected(needs)
    return {name for part in parts if not part.keys().isdisjoint(wanted) for name in part}


def _renamed(needs: Mapping[str, Sequence[str]], shown: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the graph with the names that are shown; nodes of one name become one."""
    merged: dict[str, dict[str, None]] = {}
    for key, needed in needs.items():
        name = shown[key]
        merged.setdefault(name, {}).update((shown[need], None) for need in needed if shown[need] != name)
    return {name: list(needed) for name, needed in merged.items()}
