"""All stages of a repository, and which of them a target on the command line means."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise, repeat
from typing import NamedTuple, Self, TypeAlias

from data_versioning import formats, paths
from data_versioning.errors import NotTracked, Overlap, UsageError
from data_versioning.paths import RepoPath
from data_versioning.pipeline import graph
from data_versioning.pipeline.stage import (
    LOCK_FILE,
    PIPELINE_FILE,
    POINTER_SUFFIX,
    Dependency,
    Lock,
    Output,
    OutputKind,
    Stage,
    join,
)

Packed: TypeAlias = tuple[object, ...]


class Tracked(NamedTuple):
    """An output at its place in the repository."""

    path: RepoPath
    output: Output
    stage: Stage


class Selection(NamedTuple):
    """A tracked output, or only the part `inner` (a path relative to it) of a tracked directory."""

    tracked: Tracked
    inner: RepoPath | None = None


class StageSelection(NamedTuple):
    """A stage, or only what lies at or below `path` of its outputs."""

    stage: Stage
    path: RepoPath | None = None


class Sections(NamedTuple):
    """The parts of a dvc.yaml that are not stages, templates filled in; paths as written."""

    file: RepoPath
    params: Sequence[str] = ()
    metrics: Sequence[str] = ()
    plots: Sequence[object] = ()
    artifacts: Mapping[str, object] = {}
    datasets: Sequence[object] = ()
    locked_datasets: Sequence[object] = ()


class Options(NamedTuple):
    """The settings that decide what a project is."""

    no_scm: bool = False
    flag_bool: str = "store_true"  # parsing.bool: how a mapping in a command becomes flags
    flag_list: str = "nargs"  # parsing.list


class Project:
    """Immutable: the stages in the order they were found, and their outputs by path."""

    __slots__ = ("_paths", "_tracked", "sections", "stages")

    def __init__(self, stages: Iterable[Stage], sections: Iterable[Sections] = ()) -> None:
        self.stages: tuple[Stage, ...] = tuple(stages)
        self.sections: tuple[Sections, ...] = tuple(sections)
        tracked = [
            Tracked(stage.located(output.path) or RepoPath(""), output, stage)
            for stage in self.stages
            for output in stage.outs
            if not output.external
        ]
        tracked.sort(key=_path_of)
        self._tracked: dict[RepoPath, Tracked] = {item.path: item for item in tracked}
        self._paths: list[RepoPath] = list(self._tracked)
        if len(self._tracked) != len(tracked):
            raise next(_overlap(*pair) for pair in pairwise(tracked) if pair[0].path == pair[1].path)

    def outputs(self) -> list[Tracked]:
        """Return all outputs inside the repository, cached or not, sorted by path."""
        return list(self._tracked.values())

    def tracked(self, path: str) -> Tracked | None:
        """Return the output that is, or contains, `path`."""
        for place in (path, *paths.parents(path)):
            if found := self._tracked.get(RepoPath(place)):
                return found
        return None

    def conflict(self, path: str, *, file: str) -> Tracked | None:
        """Return an output that a new output `path`, declared in the pointer file `file`, would overlap."""
        around = self.tracked(path)
        if around and around.stage.file != file:
            return around
        prefix = f"{path}/" if path else ""
        for index in range(bisect_left(self._paths, prefix), len(self._paths)):
            below = self._tracked[self._paths[index]]
            if not below.path.startswith(prefix):
                break
            if below.stage.file != file:
                return below
        return None

    def check(self) -> None:
        """Raise `Overlap` when an output lies inside another one, or contains a pointer file.

        Raises `FormatError` when stages need each other in a circle.
        """
        by_parts = sorted(self._tracked.values(), key=lambda item: f"{item.path}/")
        for outer, inner in pairwise(by_parts):
            if paths.is_inside(inner.path, outer.path):
                raise _overlap(outer, inner)
        for stage in self.stages:
            if around := self._tracked.get(RepoPath("")) or self.tracked(stage.file):
                raise Overlap(
                    f"{stage.file} lies inside {around.path or '.'!r}, an output of {around.stage.place}",
                    hint=f"move {stage.file} out of {around.path or 'the directory'}, "
                    f"or run: dv remove {around.stage.address}",
                )
        graph.check_acyclic(graph.build(self.stages))

    def select_stages(
        self, targets: Sequence[str], *, base: str = "", recursive: bool = False, with_deps: bool = False
    ) -> list[StageSelection]:
        """Return the stages that targets mean, each once; all of them when there are no targets.

        A target is a pointer file, "file:stage", the name of a stage or group in dvc.yaml of `base`, or a
        path of (or inside) an output; all relative to the directory `base` of the repository. `recursive`:
        also a directory of pointer files. `with_deps` puts upstream stages first. Raises `NotTracked`.
        """
        if not targets:
            return [StageSelection(stage) for stage in self.stages]
        by_file: dict[str, list[Stage]] = {}
        for stage in self.stages:
            by_file.setdefault(stage.file, []).append(stage)
        chosen: list[StageSelection] = []
        for target in targets:
            chosen += self._resolve(target, base, by_file, recursive=recursive)
        if with_deps:
            upstream = graph.build(self.stages).upstream(item.stage for item in chosen)
            direct = {item.stage.place for item in chosen}
            chosen = [StageSelection(stage) for stage in upstream if stage.place not in direct] + chosen
        return list({(item.stage.place, item.path): item for item in chosen}.values())

    def select(
        self, targets: Sequence[str], *, base: str = "", recursive: bool = False, with_deps: bool = False
    ) -> list[Selection]:
        """Return the outputs that targets mean, as `select_stages` does; a whole output hides its parts."""
        whole: dict[RepoPath, Selection] = {}
        parts: dict[RepoPath, Selection] = {}
        for stage, path in self.select_stages(targets, base=base, recursive=recursive, with_deps=with_deps):
            for item in self._of(stage):
                if path is None or path == item.path:
                    whole[item.path] = Selection(item)
                elif paths.is_inside(path, item.path):
                    parts[path] = Selection(item, RepoPath(path[len(item.path) + 1 :]))
        return [*whole.values(), *(part for part in parts.values() if part.tracked.path not in whole)]

    def _of(self, stage: Stage) -> Iterable[Tracked]:
        for output in stage.outs:
            if not output.external:
                yield self._tracked[stage.located(output.path) or RepoPath("")]

    def _resolve(
        self, target: str, base: str, by_file: Mapping[str, list[Stage]], *, recursive: bool
    ) -> list[StageSelection]:
        path = join(base, target)
        if recursive and path is not None:
            inside = [stage for stage in self.stages if paths.is_inside(stage.file, path)]
            if inside:
                return [StageSelection(stage) for stage in inside]
        if path is not None and path in by_file:
            return [StageSelection(stage) for stage in by_file[path]]
        if any(section.file == path for section in self.sections) or (recursive and path == ""):
            return []  # a dvc.yaml without stages, or a repository without
        file, name = _split_target(target)
        declared = by_file.get(join(base, file) or "", [])
        named = [stage for stage in declared if name in (stage.name, stage.group)]
        if named:
            return [StageSelection(stage) for stage in named]
        if path is not None and (found := self.tracked(path)):
            return [StageSelection(found.stage, path)]
        raise self._not_tracked(target)

    def _not_tracked(self, target: str) -> NotTracked:
        stages_hint = "the stages: dv stage list --all"
        if target.rpartition("/")[2] == PIPELINE_FILE:
            return NotTracked(f"there is no {target!r}", hint=stages_hint)
        is_address = _split_target(target)[1] != target
        known = [item.path for item in self._tracked.values()] + [stage.address for stage in self.stages]
        if is_address:
            known += [stage.place for stage in self.stages]
        data = target.removesuffix(POINTER_SUFFIX)
        # Targets count from the current directory, but in scripts that work in a repository elsewhere.
        is_there = not is_address and os.path.lexists(data)
        return NotTracked(
            f"{target!r} is neither a tracked path, nor a pointer file, nor a stage"
            + formats.suggest.nearest(target, {*known} - {target}),
            hint=f"to track it: dv add {data}; {stages_hint}" if is_there else stages_hint,
        )

    def pack(self) -> Packed:
        """Return plain tuples, mappings, text and numbers, which `marshal` can write."""
        return (tuple(_pack_stages(self.stages)), tuple(map(tuple, self.sections)))

    @classmethod
    def unpack(cls, packed: Packed) -> Self:
        """Turn the result of `pack` back; nothing is checked again."""
        stages, sections = packed
        return cls(_unpack_stages(stages), map(Sections._make, sections))  # type: ignore[arg-type, call-overload]


class Discovered(NamedTuple):
    """A project with what it was made from."""

    project: Project
    ignore_files: list[str]  # .dvcignore files that hold rules
    directories: list[str]
    files: list[str]  # read or asked for, whether or not they exist


def _path_of(item: Tracked) -> str:
    return item.path


def _overlap(outer: Tracked, inner: Tracked) -> Overlap:
    if outer.path == inner.path:
        message = f"{outer.path!r} is an output of both {outer.stage.place} and {inner.stage.place}"
    else:
        message = (
            f"{inner.path!r}, an output of {inner.stage.place}, "
            f"lies inside {outer.path or '.'!r}, an output of {outer.stage.place}"
        )
    return Overlap(message, hint=f"keep one of them: dv remove {inner.stage.address}")


def _split_target(target: str) -> tuple[str, str]:
    """Split "dir/dvc.yaml:name" into file and name; the key of a generated stage may hold anything."""
    group, at, key = target.partition("@")
    file, colon, name = group.rpartition(":")
    if not colon or "/" in name or "\\" in name:
        return PIPELINE_FILE, target
    if file.rsplit("/", 1)[-1] == LOCK_FILE:
        meant = file.removesuffix(LOCK_FILE) + PIPELINE_FILE
        raise UsageError(f"{file} holds no stages", hint=f"did you mean {meant}:{name}{at}{key}?")
    return file or PIPELINE_FILE, name + at + key


def _pack_stages(stages: Iterable[Stage]) -> Iterable[Packed]:
    """Pack stages in their order; neighbours that are what `dv add` makes in one directory go into columns.

    There may be very many of them: a tuple each would take most of the time and memory of a command.
    """
    for wdir, group in groupby(stages, _added_in):
        if wdir is None:
            yield from map(_pack_stage, group)
        else:
            outs = [stage.outs[0] for stage in group]
            yield (wdir, *zip(*[(out.path, out.md5, out.size, out.nfiles) for out in outs], strict=True))


def _added_in(stage: Stage) -> str | None:
    """Return the directory of a `.dvc` file that says no more than `_added` does; None for any other stage."""
    if len(stage.outs) != 1:
        return None
    out = stage.outs[0]
    return stage.wdir if stage == _added(stage.wdir, out.path, out.md5, out.size, out.nfiles) else None


def _added(wdir: str, path: str, md5: str | None, size: int | None, nfiles: int | None) -> Stage:
    """Return the stage that a `.dvc` file beside its output is."""
    output = tuple.__new__(
        Output, (path, OutputKind.OUT, md5, None, None, None, size, nfiles, *_ADDED_OUTPUT)
    )
    file = f"{wdir}/{path}.dvc" if wdir else f"{path}.dvc"
    return tuple.__new__(Stage, ("", file, wdir, None, (), (output,), *_ADDED_STAGE))


def _unpack_stages(packed: Iterable[Packed]) -> Iterable[Stage]:
    for row in packed:
        if len(row) == _COLUMNS:
            wdir, *columns = row
            yield from map(_added, repeat(wdir), *columns)  # type: ignore[arg-type]
        else:
            yield _unpack_stage(row)


def _pack_stage(stage: Stage) -> Packed:
    fields = stage._asdict()
    fields["deps"] = tuple(map(tuple, stage.deps))
    fields["outs"] = tuple((output.path, output.kind.value, *output[2:]) for output in stage.outs)
    fields["lock"] = stage.lock and tuple(stage.lock)
    return tuple(fields.values())


def _unpack_stage(row: Packed) -> Stage:
    stage = Stage._make(row)
    outs = tuple(Output._make((out[0], _KINDS[out[1]], *out[2:])) for out in stage.outs)
    if not stage.deps and not stage.lock:
        return stage._replace(outs=outs)
    return stage._replace(
        outs=outs, deps=tuple(map(Dependency._make, stage.deps)), lock=stage.lock and Lock._make(stage.lock)
    )


_KINDS: Mapping[str, OutputKind] = {kind.value: kind for kind in OutputKind}
_COLUMNS = 5
# The other fields of what `dv add` makes.
_ADDED_OUTPUT = tuple(Output("", hash="md5"))[8:]
_ADDED_STAGE = tuple(Stage("", RepoPath(""), RepoPath("")))[6:]
