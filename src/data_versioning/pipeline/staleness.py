"""What changed since stages ran and outputs were added, in the shape of `dvc status --json`."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from data_versioning import paths
from data_versioning.pipeline.project import StageSelection
from data_versioning.pipeline.stage import Dependency, Output, Stage, plain, relative

Changes: TypeAlias = dict[str, "str | dict[str, str]"]
"""Path -> "modified", "deleted", "not in cache" or "new"; for params: file -> key -> the same."""
Entry: TypeAlias = "str | dict[str, Changes]"

CurrentHash: TypeAlias = Callable[[str, Output | Dependency], str | None]
"""What the content at a place hashes to now, in the way the entry was recorded; None when nothing is there.

The place is a repository path, or for an external dependency a URL, an absolute path, or one starting "../".
"""
ReadParams: TypeAlias = Callable[[str], Mapping[str, object] | None]
"""The values in a params file at a place; None when there is no such file."""


def status(
    selected: Iterable[StageSelection],
    *,
    current_hash: CurrentHash,
    is_cached: Callable[[str, Output], bool],
    read_params: ReadParams,
    base: str = "",
    root: str = "",
) -> dict[str, list[Entry]]:
    """Return the changed stages by address, with addresses and paths as seen from the directory `base`.

    `is_cached` tells whether all objects of what an output recorded are there. A dependency outside of the
    repository is shown as an absolute path if `root` tells where the repository is. Whether the origin of a
    frozen import has news is not asked.
    """
    compare = _Comparison(current_hash, is_cached, read_params, base, root)
    chosen: dict[str, tuple[Stage, list[str | None]]] = {}
    for stage, path in selected:
        chosen.setdefault(stage.place, (stage, []))[1].append(path)
    return {
        stage.address_from(base): changes
        for stage, parts in chosen.values()
        if (changes := _entries(stage, parts, compare))
    }


def _entries(stage: Stage, parts: Sequence[str | None], compare: _Comparison) -> list[Entry]:
    entries: list[Entry] = []
    if not stage.frozen and (changes := compare.deps(stage)):
        entries.append({"changed deps": changes})
    if changes := compare.outs(stage, parts):
        entries.append({"changed outs": changes})
    if stage.is_callback or stage.always_changed:
        entries.append("always changed")
    if stage.cmd_changed:
        entries.append("changed command")
    if stage.checksum_changed:
        entries.append("changed checksum")
    return entries


def changed_params(
    recorded: Mapping[str, object] | None, keys: Sequence[str] | None, current: Mapping[str, object] | None
) -> str | dict[str, str]:
    """Compare params with what dvc.lock recorded; `keys` None: all of the file. Empty when nothing changed.

    >>> changed_params({"lr": 1}, ("lr", "net.layers"), {"lr": 2, "net": {"layers": 3}})
    {'lr': 'modified', 'net.layers': 'new'}
    """
    if current is None:
        return "deleted"
    if recorded is None:
        return "new"
    changes = {}
    for key in keys or dict.fromkeys([*current, *recorded]):
        value = lookup(current, key) if keys else current.get(key, _MISSING)
        if value is _MISSING:
            changes[key] = "deleted"
        elif key not in recorded:
            changes[key] = "new"
        elif _as_list(plain(value)) != recorded[key]:
            changes[key] = "modified"
    return changes


def lookup(values: object, key: str) -> object:
    """Return what the dotted `key` names, `_MISSING` when there is nothing."""
    for step in key.split("."):
        if isinstance(values, Mapping):
            values = values[step] if step in values else _by_text(values, step)
        elif isinstance(values, (list, tuple)) and step.isdecimal() and int(step) < len(values):
            values = values[int(step)]
        else:
            return _MISSING
    return values


_MISSING = object()


def _by_text(values: Mapping[object, object], step: str) -> object:
    return next((value for key, value in values.items() if str(key) == step), _MISSING)


def _as_list(value: object) -> object:
    """A tuple of a Python params file is recorded as a list."""
    return list(value) if isinstance(value, tuple) else value


class _Comparison(NamedTuple):
    """What is asked about the workspace, and how places are shown."""

    current_hash: CurrentHash
    is_cached: Callable[[str, Output], bool]
    read_params: ReadParams
    base: str
    root: str

    def deps(self, stage: Stage) -> Changes:
        changes: Changes = {}
        for dep in stage.deps:
            if dep.repo or dep.db or dep.is_dataset:
                continue
            place = place_of(stage, dep.path)
            if change := self._content(place, dep):
                changes[self._shown(place)] = change
        for file, keys in stage.params.items():
            place = place_of(stage, file)
            recorded = stage.lock.params.get(file) if stage.lock else None
            if found := changed_params(recorded, keys, self.read_params(place)):
                changes[self._shown(place)] = found
        return changes

    def outs(self, stage: Stage, parts: Sequence[str | None]) -> Changes:
        changes: Changes = {}
        for output in stage.outs:
            place = place_of(stage, output.path)
            if not any(part is None or paths.is_inside(part, place) for part in parts):
                continue
            if output.digest and output.cache and not self.is_cached(place, output):
                changes[self._shown(place)] = "not in cache"
            elif change := self._content(place, output):
                changes[self._shown(place)] = change
        return changes

    def _content(self, place: str, entry: Output | Dependency) -> str:
        now = self.current_hash(place, entry)
        if now is None:
            return "deleted"
        return "" if now == entry.digest else "modified"

    def _shown(self, place: str) -> str:
        if place.startswith("../"):
            return posixpath.normpath(f"{self.root}/{place}") if self.root else place
        return place if place.startswith("/") or "://" in place else relative(place, self.base)


def place_of(stage: Stage, path: str) -> str:
    """Return where a path written in a stage lies: in the repository, or absolute, a URL, or starting "../"."""
    if path.startswith("/") or "://" in path:
        return path
    inside = stage.located(path)
    if inside is not None:
        return inside
    return posixpath.normpath(f"{stage.wdir}/{path}" if stage.wdir else path)
