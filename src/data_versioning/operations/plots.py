"""Plots of the workspace and of revisions: which there are, and what their files hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from data_versioning import paths
from data_versioning.errors import DataVersioningError, PathError
from data_versioning.git import history as commits
from data_versioning.metrics import plotfiles
from data_versioning.metrics.files import Files
from data_versioning.metrics.plotfiles import UnknownKind
from data_versioning.metrics.plots import (
    Contents,
    DataPlot,
    Declared,
    Pictures,
    Plot,
    Properties,
    collect,
    sources,
)
from data_versioning.operations import sides
from data_versioning.operations.sides import Side
from data_versioning.pipeline.project import Sections
from data_versioning.pipeline.stage import OutputKind, Stage
from data_versioning.repo import Repo

__all__ = ["DataPlot", "Found", "Pictures", "Plot", "Request", "UnknownKind", "diff", "show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which plots, and how to draw them.

    `targets` are files, directories, or the beginnings of names, also as regular expressions; all plots without any.
    `properties` (template, x, y, x_label, y_label, title, header) win over those of definitions.
    """

    targets: Sequence[str] = ()
    properties: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The plots of all revisions, files named as the user sees them; by revision, why nothing is known of one."""

    plots: Sequence[Plot]
    errors: Mapping[str, DataVersioningError]


def show(repo: Repo, request: Request) -> Found:
    """Return the plots of the workspace."""
    return _found(repo, {sides.WORKSPACE: None}, request)


def diff(repo: Repo, revisions: Sequence[str], request: Request) -> Found:
    """Return the plots of revisions: of one and the workspace, of no more than these if there are several.

    Without any, of the workspace and the last commit, if they differ; nothing before the first commit. Raises
    `GitError` for an unknown revision.
    """
    git = sides.in_git(repo)
    if git.head() is None:
        return Found(plots=[], errors={})
    chosen = list(revisions)
    if len(chosen) < 2:
        chosen = [sides.WORKSPACE, *(chosen or (["HEAD"] if git.is_dirty() else []))]
    elif sides.WORKSPACE in chosen:
        chosen = [sides.WORKSPACE, *(name for name in chosen if name != sides.WORKSPACE)]
    shas = {name: None if name == sides.WORKSPACE else commits.require(git.root, name) for name in chosen}
    return _found(repo, shas, request)


def _found(repo: Repo, revisions: Mapping[str, str | None], request: Request) -> Found:
    files = sides.located(repo, request.targets)
    found = sides.read(repo, revisions, partial(_declared, repo=repo, request=request, files=files))
    return Found(
        plots=collect({name: side for name, side in found.items() if isinstance(side, Declared)}),
        errors={name: side for name, side in found.items() if isinstance(side, DataVersioningError)},
    )


def _declared(side: Side, *, repo: Repo, request: Request, files: Sequence[str]) -> Declared:
    search = _Search(repo, side.files, request)
    definitions = {
        repo.shown(sections.file): dict(search.of_sections(sections))
        for sections in side.project.sections
        if sections.plots
    }
    free = {
        path: properties for stage in side.project.stages for path, properties in search.of_outputs(stage)
    }
    for path in search.of_files(files, missing=not definitions and not free):
        free[path] = {**free.get(path, {}), **request.properties}
    definitions[""] = free
    return Declared(definitions, search.contents(side.project.stages, definitions))


@dataclass(frozen=True, slots=True)
class _Search:
    """Finds what was asked for among the definitions of one side."""

    repo: Repo
    files: Files
    request: Request

    def of_sections(self, sections: Sections) -> Iterator[tuple[str, Properties]]:
        """Yield the plots at the top of a dvc.yaml."""
        directory = sections.file.rpartition("/")[0]
        declared: dict[str, Mapping[str, object]] = {}
        for item in sections.plots:
            for name, properties in item.items() if isinstance(item, dict) else [(item, None)]:
                declared[str(name)] = properties if isinstance(properties, dict) else {}
        places = {name: self._shown(directory, name) for name in declared}
        for name, properties in declared.items():
            if not self._is_wanted(self.repo.shown(sections.file), name):
                continue
            if isinstance(properties.get("y"), dict):
                yield name, {**self._relocated(directory, properties), **self.request.properties}
                continue
            for file in self._files(places[name]):
                # A directory and something inside it may both be declared: the nearer one tells how to draw a file.
                around = (place for place in places.values() if paths.is_inside(file, place))
                if max(around, key=len, default=places[name]) == places[name]:
                    yield file, {**properties, **self.request.properties}

    def of_outputs(self, stage: Stage) -> Iterator[tuple[str, Properties]]:
        """Yield the plots that a stage writes."""
        for output in stage.outs:
            if output.kind is OutputKind.PLOT and not output.external:
                place = self._shown(stage.wdir, output.path)
                if self._is_wanted(self.repo.shown(stage.file), place):
                    for file in self._files(place):
                        yield file, {**(output.plot or {}), **self.request.properties}

    def of_files(self, wanted: Sequence[str], *, missing: bool) -> Iterator[str]:
        """Yield files that were asked for, declared or not; `missing`: also those that are not there."""
        for path in wanted:
            if missing or self.files.exists(path):
                yield from self._files(self.repo.shown(path))

    def contents(
        self, stages: Iterable[Stage], definitions: Mapping[str, Mapping[str, Properties]]
    ) -> Contents:
        """Return what the files of all these plots hold. The stage that writes a table says whether it has a header."""
        headers = {
            self._shown(stage.wdir, output.path): output.plot["header"]
            for stage in stages
            for output in stage.outs
            if output.plot and "header" in output.plot and not output.external
        }
        asked = self.request.properties.get("header")
        files = [
            file
            for declared in definitions.values()
            for name, properties in declared.items()
            for file in sources(name, properties)
        ]
        return {
            file: self._content(file, header=bool(headers.get(file, True) if asked is None else asked))
            for file in dict.fromkeys(files)
        }

    def _is_wanted(self, file: str, name: str) -> bool:
        return not self.request.targets or any(
            _begins(target, full) for target in self.request.targets for full in (name, f"{file}::{name}")
        )

    def _files(self, place: str) -> list[str]:
        path = self.repo.relative(place)
        if _problem(place, path):
            return [place]
        return [self.repo.shown(file) for file in self.files.expand("" if path == "." else path)]

    def _content(self, file: str, *, header: bool) -> object:
        path = self.repo.relative(file)
        return _problem(file, path) or plotfiles.read(self.files, path, name=file, header=header)

    def _shown(self, directory: str, name: str) -> str:
        """Return a name written in a directory of the repository, as the user sees it; it may lead outside."""
        return os.path.relpath(os.path.join(self.repo.root, directory, name))

    def _relocated(self, directory: str, properties: Mapping[str, object]) -> dict[str, object]:
        found = dict(properties)
        for axis in ("x", "y"):
            value = properties.get(axis)
            if isinstance(value, dict):
                found[axis] = {self._shown(directory, file): fields for file, fields in value.items()}
        return found


def _begins(target: str, name: str) -> bool:
    try:
        return re.match(target, name) is not None
    except re.error:
        return name.startswith(target)


def _problem(file: str, path: str) -> PathError | None:
    if not paths.is_possible(file):
        return PathError(f"{file!r} cannot be the name of a file", hint="correct it in dvc.yaml")
    if path == ".." or path.startswith("../"):
        return PathError(f"'{file}' lies outside of the repository", hint="copy it into the repository")
    return None
