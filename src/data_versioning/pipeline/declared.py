"""Make a `Stage` of what a `.dvc` file, or an entry of dvc.yaml with its lock, says; check the paths in it.

An output lies inside the repository and outside of `.git` and `.dvc`, and is no file of DVC itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, TypeVar

from data_versioning import paths
from data_versioning.errors import FormatError, PathError
from data_versioning.formats import dvcfile, lockfile, pipelinefile
from data_versioning.paths import RepoPath
from data_versioning.pipeline import templates
from data_versioning.pipeline.resolve import ResolvedStage
from data_versioning.pipeline.stage import (
    Dependency,
    Lock,
    Output,
    OutputKind,
    Stage,
    is_pointer_file,
    join,
    plain,
)

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PRIVATE = re.compile(r"(?:^|/)(?:\.git|\.hg|\.dvc)(?:/|$)", re.IGNORECASE)
_SECTIONS = {"outs": OutputKind.OUT, "metrics": OutputKind.METRIC, "plots": OutputKind.PLOT}
_OPTIONS = ("cache", "persist", "push", "remote", "desc", "type")
_Entry = TypeVar("_Entry", Output, Dependency)


def from_dvcfile(parsed: dvcfile.DvcFile, *, file: RepoPath) -> Stage:
    """Return the stage that a `.dvc` file is."""
    stage = Stage(
        name="",
        file=file,
        wdir=_working_directory(file, parsed.wdir),
        deps=tuple(_recorded(_dependency(dep), dep) for dep in parsed.deps),
        outs=tuple(_recorded(_output(out), out) for out in parsed.outs),
        frozen=parsed.frozen,
        always_changed=parsed.always_changed,
        desc=parsed.desc,
        meta=plain(parsed.meta),
    )
    try:
        expected = dvcfile.stage_checksum(parsed) if stage.is_import else None
    except TypeError as error:  # a date, say: DVC cannot hash it either
        raise FormatError(f"the stage cannot be hashed: {error}", file=file) from error
    return _checked(stage)._replace(checksum_changed=parsed.md5 != expected)


def _output(entry: dvcfile.Output) -> Output:
    return Output(
        path=entry.path,
        cloud=entry.cloud,
        fs_config=plain(entry.fs_config),
        cache=entry.cache,
        persist=entry.persist,
        push=entry.push,
        remote=entry.remote,
        desc=entry.desc,
        type=entry.type,
        labels=entry.labels,
        meta=plain(entry.meta),
    )


def _dependency(entry: dvcfile.Dependency) -> Dependency:
    return Dependency(
        path=entry.path, fs_config=plain(entry.fs_config), repo=plain(entry.repo), db=plain(entry.db)
    )


def _recorded(declared: _Entry, entry: dvcfile.Output | dvcfile.Dependency) -> _Entry:
    """Add what was recorded of the content."""
    return declared._replace(
        md5=entry.digest if entry.files else entry.md5,
        etag=entry.etag,
        checksum=entry.checksum,
        version_id=entry.version_id,
        size=entry.size,
        nfiles=entry.nfiles,
        isexec=entry.isexec,
        hash=entry.hash,
        files=plain(entry.files),
    )


def from_entry(
    pipeline: pipelinefile.PipelineFile, resolved: ResolvedStage, locked: lockfile.LockedStage | None
) -> Stage:
    """Return the stage that an entry of dvc.yaml is, with what dvc.lock recorded of its last run."""
    body = resolved.body
    file = RepoPath(pipeline.file)
    try:
        stage = Stage(
            name=resolved.name,
            file=file,
            wdir=_working_directory(file, _as_text(body.get("wdir", "."), "wdir")),
            cmd=_command(body["cmd"]),
            deps=tuple(Dependency(path=_as_text(path, "deps")) for path in body.get("deps", ())),
            outs=tuple(_declared_outputs(body)),
            params=_params(body.get("params", ())),
            frozen=body.get("frozen", False),
            always_changed=body.get("always_changed", False),
            desc=body.get("desc"),
            meta=plain(body.get("meta")),
            group=resolved.group,
        )
    except _NotText as problem:
        message = f"text is expected, not {problem.value!r}"
        raise pipeline.wrong(message, *resolved.place, problem.section) from None
    return _checked(stage if locked is None else _with_lock(stage, locked))


class _NotText(Exception):
    """A template put something else where a path or a key must stand."""

    def __init__(self, value: object, section: str) -> None:
        super().__init__(value)
        self.value = value
        self.section = section


def _as_text(value: object, section: str) -> str:
    if not isinstance(value, str) or not value:
        raise _NotText(value, section)
    return value


def _command(declared: object) -> str | tuple[str, ...]:
    if isinstance(declared, list):
        return tuple(_scalar_as_text(line, "cmd") for line in declared)
    return _scalar_as_text(declared, "cmd")


def _scalar_as_text(value: object, section: str) -> str:
    if isinstance(value, (dict, list)):
        raise _NotText(value, section)
    return templates.to_text(value)


def _declared_outputs(body: Mapping[str, Any]) -> Iterator[Output]:
    for section, kind in _SECTIONS.items():
        merged: dict[str, dict[str, Any]] = {}
        for item in body.get(section, ()):
            for path, options in item.items() if isinstance(item, dict) else [(item, {})]:
                if not isinstance(options, dict):
                    raise _NotText(options, section)
                merged.setdefault(_as_text(path, section), {}).update(options)
        for path, options in merged.items():
            shown = {key: value for key, value in options.items() if key in pipelinefile.PLOT_OPTIONS}
            yield Output(
                path=path,
                kind=kind,
                plot=shown or None,
                meta=plain(options.get("meta")),
                labels=tuple(options.get("labels", ())),
                **{key: options[key] for key in _OPTIONS if key in options},
            )


def _params(declared: Sequence[Any]) -> dict[str, tuple[str, ...] | None]:
    """Collect keys by file; a file that is named without keys anywhere is tracked as a whole."""
    named: dict[str, list[str] | None] = {}
    for item in declared:
        if not isinstance(item, (str, dict)):
            raise _NotText(item, "params")
        for file, keys in (
            item.items() if isinstance(item, dict) else [(lockfile.DEFAULT_PARAMS_FILE, [item])]
        ):
            if not isinstance(keys, (list, NoneType)):
                raise _NotText(keys, "params")
            known = named.setdefault(_as_text(file, "params"), [])
            if not keys:
                named[file] = None
            elif known is not None:
                known += [_scalar_as_text(key, "params") for key in keys]
    return {file: tuple(dict.fromkeys(keys)) if keys else None for file, keys in named.items()}


def _with_lock(stage: Stage, locked: lockfile.LockedStage) -> Stage:
    deps = {entry.path: entry for entry in locked.deps}
    outs = {entry.path: entry for entry in locked.outs}
    return stage._replace(
        deps=tuple(_locked_dependency(dep, deps.get(dep.path)) for dep in stage.deps),
        outs=tuple(_locked_output(out, outs.get(out.path)) for out in stage.outs),
        lock=Lock(locked.cmd, plain(locked.params)),
    )


def _locked_dependency(dep: Dependency, entry: dvcfile.Dependency | None) -> Dependency:
    return _recorded(dep, entry)._replace(dataset=plain(entry.dataset)) if entry else dep


def _locked_output(output: Output, entry: dvcfile.Output | None) -> Output:
    return _recorded(output, entry)._replace(cloud=entry.cloud) if entry else output


def _working_directory(file: str, written: str) -> RepoPath:
    wdir = join(file.rpartition("/")[0], written) if paths.is_possible(written) else None
    if wdir is None:
        raise PathError(
            f"{file}: the working directory {written!r} lies outside of the repository, or cannot exist",
            hint=f"correct `wdir` in {file}",
        )
    return wdir


def _checked(stage: Stage) -> Stage:
    """Mark what lies elsewhere; refuse outputs that do, and everything that could do harm."""
    for path in [dep.path for dep in stage.deps] + [out.path for out in stage.outs]:
        if not paths.is_possible(path):
            raise PathError(
                f"{stage.place}: {path!r} cannot be the name of a file",
                hint=f"correct the path in {stage.file}",
            )
        if is_pointer_file(path):
            raise FormatError(
                f"{path!r} is a file of DVC itself, not data",
                file=stage.place,
                hint=f"correct the path in {stage.file}",
            )
    deps = tuple(
        dep._replace(external=True)
        if dep.repo or _URL.match(dep.path) or stage.located(dep.path) is None
        else dep
        for dep in stage.deps
    )
    return stage._replace(deps=deps, outs=tuple(_checked_output(stage, out) for out in stage.outs))


def _checked_output(stage: Stage, output: Output) -> Output:
    if _URL.match(output.path):
        if not output.cache:
            return output._replace(external=True)
        reason = "is not in the repository; only outputs with `cache: false` may be URLs"
    else:
        path = stage.located(output.path)
        if path and not _PRIVATE.search(path):
            return output
        reason = (
            "lies outside of the repository"
            if path is None
            else "cannot be an output: it holds more than data"
        )
    raise PathError(f"{stage.place}: {output.path!r} {reason}", hint=f"correct the path in {stage.file}")
