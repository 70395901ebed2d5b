"""YAML as DVC reads and writes it: version 1.2 scalars, and the bytes ruamel would write.

Both ways have a fast path that is taken only when the result is surely the same; else ruamel does it.
A hostile document (deep nesting, multiplying aliases, repeated keys, bad bytes) ends in `FormatError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from data_versioning import formats
from data_versioning.errors import FormatError
from data_versioning.formats import limits
from data_versioning.formats.scalars import is_text

_SECOND_OPINION = 256 * 1024  # characters that ruamel reads in about a second
_WIDTH = 79  # a line may be this long before ruamel thinks of folding it
# Words with single spaces between; a colon ends none, and a number sign begins none.
_PLAIN = re.compile(
    r"[A-Za-z0-9_./](?:[!-9;-~]|:(?=[!-~]))*(?: (?:[!\"$-9;-~]|:(?=[!-~]))(?:[!-9;-~]|:(?=[!-~]))*)*"
)
_ALIAS = re.compile(r"(?:^|[\s,\[{])\*\S", re.MULTILINE)
_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
_PLAIN_FLOAT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[-+][0-9]+)?")


def decode(raw: bytes, *, file: str) -> str:
    """Return the text of a file, with "\\n" at line ends as Python's text mode has it."""
    try:
        return unix_lines(raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FormatError("not valid UTF-8", file=file, line=line) from error


def unix_lines(text: str) -> str:
    """Return `text` with every line end as "\\n"."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def read(text: str, *, file: str) -> object:
    """Return the value of the one document in `text`; None when there is none."""
    document = formats.yamlevents.Document(file)
    try:
        document.feed(text)
    except formats.yamlevents.YamlSyntaxError:
        _refuse_conflict(text, file)
        # ruamel reads some things that libyaml does not, such as "\udcff" for a byte that is not UTF-8.
        if _is_risky(text) or not (second := formats.roundtrip.try_read(text)):
            raise
        return limits.checked(second[0], file=file)
    if document.needs_ruamel:
        return limits.checked(formats.roundtrip.read(text, file=file), file=file)
    return document.value


def _refuse_conflict(text: str, file: str) -> None:
    """Say so when Git left both sides of a merge in the file: taking it back from Git fails then."""
    if conflict := _CONFLICT.search(text):
        raise FormatError(
            "both sides of a merge are in it",
            file=file,
            line=text.count("\n", 0, conflict.start()) + 1,
            hint=f"take one side: git checkout --ours -- {file}   (or --theirs), then git add {file}",
        )


def _is_risky(text: str) -> bool:
    """Whether ruamel could take long: it needs quadratic time for nesting, and multiplies aliases."""
    brackets = text.count("[") + text.count("{")
    return (
        len(text) > _SECOND_OPINION
        or brackets > limits.MAX_DEPTH
        or ("&" in text and bool(_ALIAS.search(text)))
    )


def read_mapping(text: str, *, file: str) -> dict[str, object]:
    """Return the mapping at the top of `text`, empty when there is nothing in it; keys must be text."""
    value = read(text, file=file)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FormatError(f"a mapping is expected, not {kind_of(value)}", file=file, line=1)
    for key in value:
        if not isinstance(key, str):
            raise FormatError(f"the key {key!r} is not text", file=file, line=1)
    return value


def kind_of(value: object) -> str:
    """Return what `value` is in words of YAML.

    >>> kind_of([1]), kind_of(True), kind_of(None)
    ('a list', 'a boolean', 'nothing')
    """
    if value is None:
        return "nothing"
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def write(mapping: Mapping[str, object]) -> str:
    """Return the text of a new file."""
    text = _quick(mapping)
    return formats.roundtrip.write(mapping) if text is None else text


def edit(text: str, mapping: Mapping[str, object], *, file: str) -> str:
    """Return `text` changed so that it reads as `mapping`; what already does keeps its form and comments."""
    return change(text, lambda values: settle(values, mapping), file=file)


def change(text: str, apply: Callable[[dict[str, Any]], object], *, file: str) -> str:
    """Return `text` with its mapping changed in place by `apply`, which may be called twice."""
    text = unix_lines(text)
    values = read_mapping(text, file=file)
    if not values or _quick(values) == text:
        apply(values)
        return write(values)
    return formats.roundtrip.change(text, apply, file=file)


def settle(target: Any, wanted: Any) -> None:
    """Make the mapping or list `target` equal to `wanted`, touching only what differs."""
    if isinstance(target, list):
        if len(target) != len(wanted):
            target[:] = wanted
            return
        for index, value in enumerate(wanted):
            _settle_item(target, index, value)
        return
    for key, value in wanted.items():
        if key in target:
            _settle_item(target, key, value)
        else:
            target[key] = value
    for key in [key for key in target if key not in wanted]:
        del target[key]


def _settle_item(target: Any, key: Any, value: object) -> None:
    now = target[key]
    for kind in (Mapping, list):
        if isinstance(now, kind) and isinstance(value, kind):
            settle(now, value)
            return
    if now != value:
        target[key] = value


class _Unsure(Exception):
    """ruamel may write this in a way of its own."""


def _quick(mapping: Mapping[Any, object]) -> str | None:
    """Return what ruamel would write, or None when that is not certain."""
    if not mapping:
        return None
    lines: list[str] = []
    try:
        _write_mapping(mapping, "", lines, set())
    except _Unsure:
        return None
    lines.append("")
    return "\n".join(lines)


def _write_mapping(mapping: Mapping[Any, object], indent: str, lines: list[str], seen: set[int]) -> None:
    _claim(mapping, seen)
    for key, value in mapping.items():
        if type(key) is not str:
            raise _Unsure
        head = f"{_scalar(key, indent)}:"
        if isinstance(value, dict):
            lines.append(head)
            _write_mapping(value, indent + "  ", lines, seen)
        elif isinstance(value, list):
            lines.append(head)
            _write_list(value, indent, lines, seen)
        else:
            lines.append(head if value is None else _scalar(value, head + " "))


def _write_list(items: list[object], indent: str, lines: list[str], seen: set[int]) -> None:
    _claim(items, seen)
    for item in items:
        if isinstance(item, dict):
            first = len(lines)
            _write_mapping(item, indent + "  ", lines, seen)
            lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"
        else:
            lines.append(_scalar(item, indent + "- "))


def _claim(container: Mapping[Any, object] | list[object], seen: set[int]) -> None:
    """Refuse an empty container and one that occurs twice: ruamel writes `{}` and `*id001`."""
    if not container or id(container) in seen or len(seen) > 100_000:
        raise _Unsure
    seen.add(id(container))


def _scalar(value: object, before: str) -> str:
    if type(value) is str:
        text = value
        surely_text = is_text(text) if _PLAIN.fullmatch(text) and not text.startswith("...") else None
        if surely_text is None:
            raise _Unsure
        text = text if surely_text else f"'{text}'"
    elif type(value) is bool:
        text = "true" if value else "false"
    elif type(value) is int:
        text = str(value)
    elif type(value) is float and _PLAIN_FLOAT.fullmatch(repr(value)):
        text = repr(value)
    else:
        raise _Unsure
    if len(before) + len(text) > _WIDTH:
        raise _Unsure
    return before + text
