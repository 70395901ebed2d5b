"""Values out of metric and parameter files; what cannot be read is an error in its place, and stops nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from data_versioning.errors import DataVersioningError
from data_versioning.formats import values, yamltext
from data_versioning.metrics.files import Files

Values: TypeAlias = dict[str, Any]
"""By file, as DVC orders them: nested values, or the `DataVersioningError` that reading it met."""

_KEYS = str | int | float | None  # what may be a key in JSON


def metrics(files: Files, names: Iterable[str]) -> Values:
    """Return the metrics in files, or in all files of directories: numbers, booleans and text, nested.

    Anything else, such as a list, is no metric and is left out.
    """
    found: Values = {}
    for name in names:
        for path in files.expand(name):
            if path not in found:
                value = _parsed(files, path)
                found[path] = value if isinstance(value, DataVersioningError) else _metrics_in(value) or {}
    return found


def params(files: Files, wanted: Mapping[str, Sequence[str]]) -> Values:
    """Return parameters by file: those with the dotted keys, in which * and ? match; without keys all of the file."""
    found: Values = {}
    for name, keys in wanted.items():
        for path in files.expand(name):
            value = _parsed(files, path)
            if keys and not isinstance(value, DataVersioningError):
                chosen = _chosen(value, [key.split(".") for key in keys])
                value = {} if chosen is _NOTHING else chosen
            found[path] = value
    return found


def _parsed(files: Files, path: str) -> Any:
    try:
        text = yamltext.decode(files.read(path), file=path)
        return values.parse(text, suffix=os.path.splitext(path)[1], file=path)
    except DataVersioningError as error:
        return error


def _metrics_in(value: object) -> Any:
    if isinstance(value, int | float | str):
        return value
    if not isinstance(value, dict):
        return None
    inside = {
        key if isinstance(key, _KEYS) else str(key): _metrics_in(item)  # a date, for one
        for key, item in value.items()
    }
    return {key: item for key, item in inside.items() if item is not None and item != {}}


def _chosen(value: object, keys: Sequence[Sequence[str]]) -> Any:
    """Return the part of `value` that some of the keys lead to; of a list, None where nothing is chosen before."""
    if any(not key for key in keys):
        return value
    if isinstance(value, dict):
        inside = {name: _below(keys, str(name)) for name in value}
        chosen = {name: _chosen(value[name], rest) for name, rest in inside.items() if rest}
        return {name: item for name, item in chosen.items() if item is not _NOTHING} or _NOTHING
    if isinstance(value, list | tuple):
        inside_list = [_below(keys, str(index)) for index in range(len(value))]
        picked = [
            _chosen(item, rest) if rest else _NOTHING for item, rest in zip(value, inside_list, strict=True)
        ]
        while picked and picked[-1] is _NOTHING:
            picked.pop()
        return [None if item is _NOTHING else item for item in picked] or _NOTHING
    return _NOTHING


_NOTHING = object()


def _below(keys: Sequence[Sequence[str]], name: str) -> list[Sequence[str]]:
    return [key[1:] for key in keys if fnmatchcase(name, key[0])]
