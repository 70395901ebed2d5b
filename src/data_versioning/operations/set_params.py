"""Set parameters in their files before a pipeline runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data_versioning.errors import UsageError
from data_versioning.formats import paramedit, suggest, values, yamltext
from data_versioning.formats.lockfile import DEFAULT_PARAMS_FILE
from data_versioning.localfs import regular
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.project import Project
from data_versioning.pipeline.stage import Stage, join
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class SetParam:
    """One parameter that was set, and the file it stands in."""

    file: RepoPath
    key: str
    value: str


def set_params(
    repo: Repo, settings: Sequence[str], *, check: Callable[[Project], object]
) -> tuple[SetParam, ...]:
    """Carry out assignments "[+][FILE:]KEY=VALUE", all or none; without FILE the file that has the key is meant.

    `check` gets the project that comes of them, and when it raises nothing is set. Raises `UsageError` for a key
    that is in no params file, or in several; `+` adds it to FILE, or to params.yaml.
    """
    with repo.transaction("set params") as transaction:
        loaded = loading.load(repo)
        done = []
        contents: dict[RepoPath, bytes] = {}
        for setting in settings:
            file, key, value, new = paramedit.parse_assignment(setting)
            base = targets.base(repo)
            place = join(base, file) if file else _place_of(loaded, base, key, new=new)
            if place is None:
                raise UsageError(f"'{file}' lies outside of the repository", hint="name a file inside")
            edit = _edit(place, key, value, new=new)
            contents[place] = edit(contents.get(place, _content(repo, place)))
            transaction.edit(place, edit)
            done.append(SetParam(file=place, key=key, value=value))
        check(loading.planned(repo, contents))
    return tuple(done)


def _edit(file: RepoPath, key: str, value: str, *, new: bool) -> Callable[[bytes | None], bytes]:
    def edit(before: bytes | None) -> bytes:
        text = yamltext.decode(before or b"", file=file)
        suffix = os.path.splitext(file)[1]
        return paramedit.set_value(text, key, value, suffix=suffix, file=file, new=new).encode()

    return edit


def _content(repo: Repo, file: RepoPath) -> bytes | None:
    try:
        return regular.read(f"{repo.root}/{file}")
    except OSError:
        return None


def _place_of(loaded: Loaded, base: str, key: str, *, new: bool) -> RepoPath:
    """Return the one params file that holds `key`; that of the stages here goes first."""
    default = join(base, DEFAULT_PARAMS_FILE)
    files = dict.fromkeys([default, *(place for stage in loaded.project.stages for place in _files(stage))])
    known: dict[RepoPath, object] = {}
    for file in files:
        if file is not None and (found := _read(loaded.repo, file)) is not None:
            known[file] = found
    holding = [file for file, content in known.items() if _has(content, key)]
    if default in holding or (new and default is not None):
        return default or RepoPath(DEFAULT_PARAMS_FILE)
    if len(holding) == 1:
        return holding[0]
    if holding:
        raise UsageError(
            f"'{key}' is in several files: {', '.join(holding)}", hint=f"dv repro -S {holding[0]}:{key}=VALUE"
        )
    names = [name for content in known.values() for name in _names(content)]
    raise UsageError(
        f"no params file has '{key}'" + suggest.nearest(key, names),
        hint=f"dv repro -S '+{key}=VALUE'   adds it to {DEFAULT_PARAMS_FILE}",
    )


def _files(stage: Stage) -> list[RepoPath]:
    return [place for file in stage.params if (place := stage.located(file))]


def _read(repo: Repo, file: RepoPath) -> object | None:
    if (raw := _content(repo, file)) is None:
        return None
    text = yamltext.decode(raw, file=file)
    return values.parse(text, suffix=os.path.splitext(file)[1], file=file)


def _has(content: object, key: str) -> bool:
    try:
        values.lookup(content, key)
    except KeyError:
        return False
    return True


def _names(content: object, prefix: str = "") -> list[str]:
    if not isinstance(content, dict):
        return []
    found = []
    for name, value in content.items():
        found.append(f"{prefix}{name}")
        found += _names(value, f"{prefix}{name}.")
    return found
