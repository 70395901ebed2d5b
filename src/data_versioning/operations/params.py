"""Parameters compared between revisions, or between one and the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_versioning.formats import pipelinefile
from data_versioning.formats.lockfile import DEFAULT_PARAMS_FILE
from data_versioning.metrics import compare, read
from data_versioning.metrics.read import Values
from data_versioning.operations import sides
from data_versioning.operations.metrics import Diff
from data_versioning.operations.sides import Side
from data_versioning.pipeline import resolve
from data_versioning.repo import Repo


def diff(
    repo: Repo,
    old: str = "HEAD",
    new: str = sides.WORKSPACE,
    names: Sequence[str] = (),
    *,
    only_dependencies: bool = False,
) -> Diff:
    """Compare parameters: those that stages depend on, and unless `only_dependencies` all that dvc.yaml lists.

    Of files that are neither, what templates put into stages. `params.yaml` at the root counts as listed. `names` are
    files that are read instead, whole. Raises `GitError`.
    """
    located = sides.located(repo, names)

    def ask(side: Side) -> Values:
        if located:
            return read.params(side.files, dict.fromkeys(located, ()))
        declared = _declared(side, only_dependencies=only_dependencies)
        return _used(side) | read.params(side.files, declared)

    found = sides.pair(repo, old, new, ask)
    return Diff(changes=compare.compare(*(sides.values_of(found, name) for name in (old, new))), sides=found)


def _declared(side: Side, *, only_dependencies: bool) -> Mapping[str, Sequence[str]]:
    """Return the keys by file, none where the whole file counts."""
    chosen: dict[str, tuple[str, ...]] = {}
    whole: dict[str, tuple[str, ...]] = {}
    for stage in side.project.stages:
        for file, keys in stage.params.items():
            if (path := stage.located(file)) is None:
                continue
            chosen[path] = (*chosen.get(path, ()), *(keys or ()))
            if not keys:
                whole[path] = ()
    if not only_dependencies:
        whole |= dict.fromkeys(sides.listed(side.project, "params"), ())
        if side.files.exists(DEFAULT_PARAMS_FILE):
            whole[DEFAULT_PARAMS_FILE] = ()
    return chosen | whole


def _used(side: Side) -> Values:
    """Return what templates of all dvc.yaml files put into stages, by file."""
    found: Values = {}
    for sections in side.project.sections:
        text = side.files.source.read(sections.file).decode()
        if "${" in text:
            pipeline = pipelinefile.parse(text, file=sections.file)
            for file, values in resolve.used_values(pipeline, read=side.files.source.read).items():
                found.setdefault(file, {}).update(values)
    return found
