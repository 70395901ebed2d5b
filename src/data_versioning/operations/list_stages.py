"""The stages of dvc.yaml and `.dvc` files, each with what it is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from data_versioning import paths
from data_versioning.errors import DataVersioningError, FormatError, NotTracked, Overlap, PathError
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.pipeline import graph, load
from data_versioning.pipeline.project import Project, Sections
from data_versioning.pipeline.stage import PIPELINE_FILE, Output, OutputKind, Stage, is_pointer_file, join
from data_versioning.repo import Repo
from data_versioning.workspace.source import Workspace

_LONGEST = 80
_Mistake = (FormatError, PathError, Overlap)


class Listed(NamedTuple):
    """A stage by its address in the current directory, and the first line of its description, or what it makes."""

    stage: str
    desc: str


class StageList(NamedTuple):
    """`skipped`: what is wrong with the files that could not be read."""

    stages: tuple[Listed, ...]
    skipped: tuple[DataVersioningError, ...] = ()


def list_stages(repo: Repo, names: Sequence[str] = (), *, recursive: bool = False) -> StageList:
    """Return the stages that `names` mean: by default those of the dvc.yaml in the current directory.

    Files that cannot be understood are skipped, if what was asked for is elsewhere. Raises `NotTracked` for
    unknown names.
    """
    project, mistakes = _readable(repo)
    base = targets.base(repo)
    try:
        chosen = _chosen(repo, project, names or [PIPELINE_FILE], base, recursive=recursive)
    except NotTracked:
        if mistakes:
            raise mistakes[0] from None
        raise
    return StageList(_listed(chosen, base), tuple(mistakes))


def all_stages(repo: Repo) -> StageList:
    """Return all stages of the repository; files that cannot be understood are skipped."""
    project, mistakes = _readable(repo)
    return StageList(_listed(project.stages, targets.base(repo)), tuple(mistakes))


def _readable(repo: Repo) -> tuple[Project, list[DataVersioningError]]:
    """Return the project, or as much of it as can be understood, and what is wrong with the rest."""
    try:
        return loading.load(repo).project, []
    except _Mistake as error:
        mistakes: list[DataVersioningError] = []
        source = Workspace(repo.root)
        stages: list[Stage] = []
        sections: list[Sections] = []
        for file in source.walk():
            if is_pointer_file(file):
                try:
                    found = load.load(source, [file])
                except _Mistake as problem:
                    mistakes.append(problem)
                else:
                    stages += found.stages
                    sections += found.sections
        try:
            return Project(stages, sections), mistakes or [error]
        except Overlap:
            raise error from None


def _chosen(
    repo: Repo, project: Project, names: Sequence[str], base: str, *, recursive: bool
) -> Iterable[Stage]:
    chosen: dict[str, Stage] = {}
    for name in targets.named(repo, names):
        path = join(base, name)
        below = [stage for stage in project.stages if path is not None and paths.is_inside(stage.file, path)]
        if recursive and below:
            ordered = graph.build(project.stages).upstream(project.stages)
            found = [stage for stage in ordered if stage in below]
        else:
            found = [item.stage for item in project.select_stages([name], base=base)]
        chosen.update((stage.place, stage) for stage in found)
    return chosen.values()


def _listed(stages: Iterable[Stage], base: str) -> tuple[Listed, ...]:
    return tuple(Listed(stage.address_from(base), _description(stage)) for stage in stages)


def _description(stage: Stage) -> str:
    lines = (line.strip() for line in (stage.desc or "").splitlines() if line)
    text = next(lines, "") or _what_it_does(stage)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _what_it_does(stage: Stage) -> str:
    needed = [*(dep.path for dep in stage.deps), *stage.params]
    if not stage.outs:
        return f"Depends on {', '.join(needed)}" if needed else "No outputs or dependencies"
    outputs = _paths(out for out in stage.outs if out.kind is OutputKind.OUT)
    reports = _paths(out for out in stage.outs if out.kind is not OutputKind.OUT)
    said = [f"Outputs {outputs}" if outputs else "", f"Reports {reports}" if reports else ""]
    return "; ".join(filter(None, said))


def _paths(outs: Iterable[Output]) -> str:
    return ", ".join(out.path for out in outs)
