"""Merge two versions of a `.dvc` file or of dvc.lock that began as one, by their parts and not by their lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from data_versioning.formats import dvcfile, yamltext

Values = Mapping[str, Any]
Combine = Callable[[Values, Values, Values], Values | None]
"""From the content that both sides changed (before, ours, theirs) to one that has both changes; None: a conflict."""

_ABSENT = object()
_CONTENT = frozenset(dvcfile.CONTENT_KEYS | {"hash", "cloud", "files"})
_STAGES = "stages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Three versions of one file; "" is one that does not exist."""

    base: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockMerge:
    """What is agreed on stands in all three texts, so that lines differ in `conflicts` only: names of stages."""

    texts: Texts
    conflicts: tuple[str, ...]


def merge(base: Values, ours: Values, theirs: Values) -> tuple[dict[str, Any], list[str]]:
    """Return what both sides made of `base`, and the keys that they changed to different values; ours stands there.

    >>> merge({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "c": 3})
    ({'a': 2, 'c': 3}, [])
    >>> merge({"a": 1}, {"a": 2}, {})
    ({'a': 2}, ['a'])
    """
    merged: dict[str, Any] = {}
    conflicts = []
    for key in dict.fromkeys([*ours, *theirs]):
        before, left, right = (side.get(key, _ABSENT) for side in (base, ours, theirs))
        if left != right and before not in (left, right):
            conflicts.append(key)
        chosen = right if left == before else left
        if chosen is not _ABSENT:
            merged[key] = chosen
    return merged, conflicts


def pointer(texts: Texts, combine: Combine, *, file: str) -> str | None:
    """Return a `.dvc` file of one output with the changes of both sides; None when they exclude each other.

    What is no content is merged key by key. Raises `FormatError`.
    """
    parts = [_parts(text, file) for text in (texts.base, texts.ours, texts.theirs)]
    if any(part is None for part in parts[1:]):
        return None
    empty: tuple[Values, Values, Values] = ({}, {}, {})
    base, ours, theirs = (part or empty for part in parts)
    merged = [merge(*sides) for sides in zip(base[:2], ours[:2], theirs[:2], strict=True)]
    content = _content(base[2], ours[2], theirs[2], combine)
    if content is None or any(conflicts for _, conflicts in merged):
        return None
    (top, _), (options, _) = merged
    entry = {**options, **content}
    known = _entry(yamltext.read_mapping(texts.ours, file=file)["outs"])
    ordered = {key: entry[key] for key in dict.fromkeys([*known, *entry]) if key in entry}
    return yamltext.edit(texts.ours, {**top, "outs": [ordered]}, file=file)


def _parts(text: str, file: str) -> tuple[Values, Values, Values] | None:
    """Return what stands beside the output, its options and its content; None for a file of another kind."""
    parsed = dvcfile.parse(text, file=file)
    if len(parsed.outs) != 1 or parsed.deps:
        return None
    top = dict(yamltext.read_mapping(text, file=file))
    entry = _entry(top.pop("outs"))
    content = {key: value for key, value in entry.items() if key in _CONTENT}
    return top, {key: value for key, value in entry.items() if key not in _CONTENT}, content


def _entry(outs: Any) -> dict[str, Any]:
    """Return the one output of a list that `dvcfile` has checked."""
    return dict(outs[0])


def _content(base: Values, ours: Values, theirs: Values, combine: Combine) -> Values | None:
    if theirs in (ours, base):
        return ours
    return theirs if ours == base else combine(base, ours, theirs)


def lock_file(texts: Texts, *, file: str) -> LockMerge:
    """Merge dvc.lock stage by stage. Raises `FormatError`."""
    base, ours, theirs = (
        yamltext.read_mapping(text, file=file) for text in (texts.base, texts.ours, texts.theirs)
    )
    stages, names = merge(*(_stages(values) for values in (base, ours, theirs)))
    rest, keys = merge(*(_without_stages(values) for values in (base, ours, theirs)))

    def agreed(side: Values) -> str:
        """Return our text with what is agreed on, and with what `side` says where there is a conflict."""
        inner = _with(stages, names, _stages(side))
        outer = _with(rest, keys, _without_stages(side))
        if _STAGES in side or inner:
            outer = {**outer, _STAGES: inner}
        return yamltext.edit(texts.ours, outer, file=file)

    found = Texts(base=agreed(base), ours=agreed(ours), theirs=agreed(theirs))
    return LockMerge(texts=found, conflicts=(*names, *keys))


def _stages(values: Values) -> Values:
    found = values.get(_STAGES)
    return found if isinstance(found, dict) else {}


def _without_stages(values: Values) -> Values:
    return {key: value for key, value in values.items() if key != _STAGES}


def _with(merged: Values, conflicts: list[str], side: Values) -> dict[str, Any]:
    """Return `merged` in its order, where there is a conflict with the value of `side`, which may be none."""
    found = {key: side.get(key, _ABSENT) if key in conflicts else value for key, value in merged.items()}
    found |= {key: side[key] for key in conflicts if key in side}
    return {key: value for key, value in found.items() if value is not _ABSENT}
