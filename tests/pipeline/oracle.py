"""What the real DVC makes of the same files, in-process; and a source of files that are only text."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dvc.annotations import ANNOTATION_FIELDS
from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo

from data_versioning.errors import DataVersioningError
from data_versioning.paths import RepoPath
from data_versioning.pipeline.load import load
from data_versioning.pipeline.project import Project
from data_versioning.pipeline.stage import OutputKind, Stage
from data_versioning.pipeline.templates import to_text


class Texts(dict[str, str]):
    """A source: path -> text."""

    def read(self, path: RepoPath) -> bytes:
        if path not in self:
            kind = IsADirectoryError if self.exists(path) else FileNotFoundError
            raise kind(path)
        return self[path].encode(errors="surrogateescape")

    def exists(self, path: RepoPath) -> bool:
        return path in self or any(name.startswith(f"{path}/") for name in self)

    def walk(self) -> Iterator[RepoPath]:
        return iter(sorted(map(RepoPath, self)))


def project(**texts: str) -> Project:
    """Load keyword names as files, with "__" for "/" and "_" for ".": `sub__data_dvc=…`."""
    return load(Texts({name.replace("__", "/").replace("_", "."): text for name, text in texts.items()}))


def write(root: Path, texts: Mapping[str, str]) -> None:
    """Replace the files of the repository."""
    for path in sorted(root.rglob("*"), reverse=True):
        if not {".dvc", ".git"} & set(path.relative_to(root).parts):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, text in texts.items():
        root.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        root.joinpath(name).write_text(text)


def by_dvc(root: Path) -> dict[str, Any] | Exception:
    """Return the stages that DVC sees below the current directory `root`, or what it raised."""
    assert Path.cwd() == root
    try:
        with Repo(str(root)) as repo:
            stages = repo.index.stages
            repo.index.check_graph()
            return {stage.addressing: _dvc_stage(stage) for stage in stages}
    except (DvcException, TypeError, ValueError, AttributeError, KeyError, AssertionError) as error:
        return error


def _dvc_stage(stage: Any) -> dict[str, Any]:
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    return {
        "cmd": stage.cmd,
        "wdir": os.path.relpath(stage.wdir),
        "deps": [(dep.def_path, _hash(dep)) for dep in stage.deps if not isinstance(dep, ParamsDependency)],
        "params": {
            dep.def_path: (list(dict.fromkeys(map(to_text, dep.params))), _recorded(dep)) for dep in params
        },
        "outs": [_dvc_output(out) for out in stage.outs],
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "desc": stage.desc,
        "meta": stage.meta,
        "callback": bool(stage.is_callback),
        "changed": stage.changed_stage(),
    }


def _dvc_output(out: Any) -> dict[str, Any]:
    annotations = {field: getattr(out.annot, field) for field in ANNOTATION_FIELDS}
    return {
        "path": out.def_path,
        "place": os.path.relpath(out.fs_path),
        "kind": "metric" if out.metric else "plot" if out.plot else "out",
        "plot": out.plot if isinstance(out.plot, dict) else {},
        "options": (out.use_cache, out.persist, out.can_push, out.remote),
        "annotations": {key: value for key, value in annotations.items() if value},
        "recorded": _hash(out),
        "legacy": out.hash_name == "md5-dos2unix" and bool(out.hash_info),
    }


def _hash(entry: Any) -> str | None:
    return (
        entry.hash_info.value if isinstance(getattr(entry, "hash_info", None), object) and entry.fs else None
    )


def _recorded(dep: Any) -> Any:
    return None if dep.hash_info.value is None else dict(dep.hash_info.value)


def by_us(loaded: Project) -> dict[str, Any]:
    """Return a project in the words of `by_dvc`."""
    return {stage.address: _our_stage(stage) for stage in loaded.stages}


def _our_stage(stage: Stage) -> dict[str, Any]:
    return {
        "cmd": list(stage.cmd) if isinstance(stage.cmd, tuple) else stage.cmd,
        "wdir": stage.wdir or ".",
        "deps": [(dep.path, dep.digest) for dep in stage.deps],
        "params": {
            file: (list(keys or ()), _locked(stage, file, keys)) for file, keys in stage.params.items()
        },
        "outs": [_our_output(stage, out) for out in stage.outs],
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "desc": stage.desc,
        "meta": stage.meta,
        "callback": stage.is_callback,
        "changed": stage.cmd_changed or stage.checksum_changed,
    }


def _our_output(stage: Stage, out: Any) -> dict[str, Any]:
    annotations = {"desc": out.desc, "type": out.type, "labels": list(out.labels), "meta": out.meta}
    return {
        "path": out.path,
        "place": stage.located(out.path),
        "kind": OutputKind(out.kind).value,
        "plot": dict(out.plot or {}),
        "options": (out.cache, out.persist, out.push, out.remote),
        "annotations": {key: value for key, value in annotations.items() if value},
        "recorded": out.digest,
        "legacy": out.is_legacy,
    }


def _locked(stage: Stage, file: str, keys: tuple[str, ...] | None) -> Any:
    """What DVC keeps of the recorded values: those that are still asked for."""
    recorded = stage.lock.params.get(file) if stage.lock else None
    if recorded is None:
        return None
    return {key: value for key, value in recorded.items() if not keys or key in keys}


def compare(root: Path, texts: Mapping[str, str]) -> None:
    """Both see the same stages, or both refuse."""
    write(root, texts)
    theirs = by_dvc(root)
    try:
        ours: Any = by_us(load(Texts(texts)))
    except DataVersioningError as error:
        ours = error
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        assert isinstance(theirs, Exception), (ours, theirs)
        assert isinstance(ours, Exception), (ours, theirs)
    else:
        assert json.dumps(ours, sort_keys=True, default=repr, indent=1) == json.dumps(
            theirs, sort_keys=True, default=repr, indent=1
        )
