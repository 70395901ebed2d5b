"""Set one parameter in the text of its file; everything else keeps its form and comments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from data_versioning import formats
from data_versioning.errors import FormatError, UsageError
from data_versioning.formats import suggest, yamltext

_INDENT = re.compile(r"^[\[{]\n( +)", re.MULTILINE)
_AS_TEXT = "quotes make it text: {key}='\"…\"'"


def set_value(text: str, key: str, value: str, *, suffix: str, file: str, new: bool = False) -> str:
    """Return `text` with the dotted `key` set to the YAML scalar (or list, or mapping) `value`.

    `new` allows a key that is not there yet. Raises `UsageError` for one that is not, and for Python files.
    """
    value = value or "''"  # as `dvc exp run` has it
    match suffix.lower():
        case ".json":
            whole = _set_json(text, key, value, file=file, new=new)
            return _replaced(text, key, value, whole, formats.paramfiles.read_json) or whole
        case ".toml":
            return _set_toml(text, key, value, file=file, new=new)
        case ".py":
            raise UsageError(f"{file} is a program, which is not changed from here", hint=f"edit {file}")
    text = yamltext.unix_lines(text) or "{}\n"
    whole = _set_yaml(text, key, value, file=file, new=new)
    return _replaced(text, key, value, whole, yamltext.read) or whole


def _replaced(text: str, key: str, value: str, whole: str, read: Callable[..., object]) -> str | None:
    """Return `text` with only the characters of the value replaced, when it reads as `whole`, written anew, does."""
    span = formats.explain.span_of(text, tuple(key.split(".")))
    if span is None:
        return None
    start, end = span
    found = f"{text[:start]}{' ' * (start == end)}{value.strip()}{text[end:]}"
    try:
        return found if repr(read(found, file="")) == repr(read(whole, file="")) else None
    except FormatError:
        return None


def _set_yaml(text: str, key: str, value: str, *, file: str, new: bool) -> str:
    return formats.roundtrip.change(
        text,
        lambda values: _put(values, key, _value(formats.roundtrip.scalar, value, key), file=file, new=new),
        file=file,
    )


def _set_json(text: str, key: str, value: str, *, file: str, new: bool) -> str:
    values = formats.paramfiles.read_json(text or "{}", file=file)
    _put(values, key, _value(yamltext.read, value, key), file=file, new=new)
    found = _INDENT.search(text)
    indent = len(found[1]) if found else (2 if "\n" in text.strip() else None)
    try:
        return json.dumps(values, indent=indent, ensure_ascii=False) + ("\n" if text.endswith("\n") else "")
    except TypeError as error:
        raise _unwritable(key, value, file) from error


def _set_toml(text: str, key: str, value: str, *, file: str, new: bool) -> str:
    try:
        values = tomlkit.parse(text)
    except TOMLKitError as error:
        raise FormatError(str(error), file=file) from error
    try:
        _put(values, key, _value(yamltext.read, value, key), file=file, new=new)
        return tomlkit.dumps(values)
    except TOMLKitError as error:
        raise _unwritable(key, value, file) from error


def _value(read: Callable[..., object], text: str, key: str) -> object:
    try:
        yamltext.read(text, file="")  # refuses tags
        return read(text, file="")
    except FormatError as error:
        raise UsageError(
            f"the value of '{key}' cannot be understood: {error.message}", hint=_AS_TEXT.format(key=key)
        ) from error


def _unwritable(key: str, value: str, file: str) -> UsageError:
    return UsageError(f"{file} cannot hold the value {value} of '{key}'", hint=_AS_TEXT.format(key=key))


def _put(values: Any, key: str, value: object, *, file: str, new: bool) -> None:
    at = values
    *parents, last = key.split(".")
    for step in parents:
        if isinstance(at, Mapping) and step not in at and new:
            at[step] = {}  # type: ignore[index]
        at = _step(at, step, key, file)
    if isinstance(at, Mapping) and new:
        at[last] = value  # type: ignore[index]
        return
    _step(at, last, key, file)
    at[_index(at, last)] = value


def _step(at: Any, step: str, key: str, file: str) -> Any:
    try:
        return at[_index(at, step)]
    except (KeyError, IndexError, TypeError):
        known = list(_keys(at)) if isinstance(at, Mapping) else []
        raise UsageError(
            f"{file} has no parameter '{key}'" + suggest.nearest(step, known),
            hint=f"dv repro -S '+{file}:{key}=VALUE'   adds it",
        ) from None


def _index(at: Any, step: str) -> Any:
    if isinstance(at, list):
        return int(step) if step.isdecimal() else step
    if isinstance(at, Mapping) and step not in at:
        return next((name for name in at if str(name) == step), step)
    return step


def _keys(at: Mapping[Any, object]) -> list[str]:
    return [str(name) for name in at]


def parse_assignment(text: str) -> tuple[str | None, str, str, bool]:
    """Split "[+][FILE:]KEY=VALUE" into file, key, value and whether the key may be new.

    >>> parse_assignment("train.lr=1e-3"), parse_assignment("+conf/p.yaml:a=[1, 2]")
    ((None, 'train.lr', '1e-3', False), ('conf/p.yaml', 'a', '[1, 2]', True))
    """
    left, equals, value = text.partition("=")
    new = left.startswith("+")
    file, colon, key = left.removeprefix("+").rpartition(":")
    if not equals or not key:
        raise UsageError(f"'{text}' does not set a parameter", hint="dv repro -S train.epochs=200")
    return (file if colon else None), key, value, new
