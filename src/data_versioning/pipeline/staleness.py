"""What changed since stages ran and outputs were added, in the shape of `dvc status --json`."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

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
    is_cached: Callable[[Output], bool],
    read_params: ReadParams,
    base: str = "",
) -> dict[str, list[Entry]]:
    """Return the changed stages by address, with addresses and paths as seen from the directory `base`.

    `is_cached` tells whether all objects of a recorded output are in the cache. Whether the origin of a
    frozen import has news is not asked.
    """
    chosen: dict[str, tuple[Stage, list[str | None]]] = {}
    for stage, path in selected:
        chosen.setdefault(stage.place, (stage, []))[1].append(path)
    found: dict[str, list[Entry]] = {}
    for stage, parts in chosen.values():
        entries: list[Entry] = []
        if not stage.frozen and (changes := _changed_deps(stage, base, current_hash, read_params)):
            entries.append({"changed deps": changes})
        outputs = [out for out in stage.outs if _is_chosen(stage, out, parts)]
        if changes := _changed_outs(stage, outputs, base, current_hash, is_cached):
            entries.append({"changed outs": changes})
        if stage.is_callback or stage.always_changed:
            entries.append("always changed")
        if stage.cmd_changed:
            entries.append("changed command")
        if stage.checksum_changed:
            entries.append("changed checksum")
        if entries:
            found[stage.address_from(base)] = entries
    return found


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


def _changed_deps(stage: Stage, base: str, current_hash: CurrentHash, read_params: ReadParams) -> Changes:
    changes: Changes = {}
    for dep in stage.deps:
        if dep.repo or dep.db or dep.is_dataset:
            continue
        place = _place(stage, dep.path)
        now = current_hash(place, dep)
        if now is None or now != dep.digest:
            changes[_shown(place, base)] = "deleted" if now is None else "modified"
    for file, keys in stage.params.items():
        place = _place(stage, file)
        recorded = stage.lock.params.get(file) if stage.lock else None
        if change := changed_params(recorded, keys, read_params(place)):
            changes[_shown(place, base)] = change
    return changes


def _changed_outs(
    stage: Stage,
    outputs: Iterable[Output],
    base: str,
    current_hash: CurrentHash,
    is_cached: Callable[[Output], bool],
) -> Changes:
    changes: Changes = {}
    for output in outputs:
        place = _place(stage, output.path)
        if output.digest and output.cache and not is_cached(output):
            changes[_shown(place, base)] = "not in cache"
            continue
        now = current_hash(place, output)
        if now is None or now != output.digest:
            changes[_shown(place, base)] = "deleted" if now is None else "modified"
    return changes


def _is_chosen(stage: Stage, output: Output, parts: Sequence[str | None]) -> bool:
    place = _place(stage, output.path)
    return any(part is None or paths.is_inside(part, place) for part in parts)


def _place(stage: Stage, path: str) -> str:
    inside = stage.located(path)
    if inside is not None or path.startswith("/") or "://" in path:
        return inside or path
    return posixpath.normpath(f"{stage.wdir}/{path}" if stage.wdir else path)


def _shown(place: str, base: str) -> str:
    return place if place.startswith(("/", "../")) or "://" in place else relative(place, base)
