"""What differs between the values of two sides, as DVC tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from data_versioning.errors import DataVersioningError
from data_versioning.metrics.read import Values

_UNREADABLE = "unable to parse"  # DVC's word for a value where the other side has a mapping


class Change(NamedTuple):
    """One value on both sides, None where it is absent; `difference` only between numbers."""

    old: Any
    new: Any
    difference: Any = None

    @property
    def is_change(self) -> bool:
        """Whether the sides differ; NaN differs from everything."""
        return bool(self.old != self.new)


def compare(old: Values, new: Values) -> dict[str, dict[str, Change]]:
    """Return every value of either side, changed or not, by file and dotted key, both sorted."""
    found = {}
    for path in sorted(old.keys() | new.keys()):
        changes = _compare(*(_known(side.get(path, {})) for side in (old, new)))
        if changes:
            found[path] = changes
    return found


def flatten(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Return nested values by dotted key; of two with the same key, the last.

    >>> flatten({"train": {"loss": 0.1, 2: True}, "seed": 1})
    {'train.loss': 0.1, 'train.2': True, 'seed': 1}
    """
    found: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            found |= {f"{key}.{below}": inner for below, inner in flatten(item).items()}
        else:
            found[str(key)] = item
    return found


def shown(value: Any) -> Any:
    """Return a value with lists as text, the way they are compared and printed."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return str(value) if isinstance(value, list) else value


def _known(value: Any) -> Any:
    """Return the values of a file as they are compared; nothing is known of one that could not be read."""
    value = {} if isinstance(value, DataVersioningError) else shown(value)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _compare(old: Any, new: Any) -> dict[str, Change]:
    if not isinstance(old, dict) and not isinstance(new, dict):
        return {"": _change(old, new)}
    before, after = (flatten(side) if isinstance(side, dict) else {} for side in (old, new))
    missing = [_UNREADABLE if side and not isinstance(side, dict) else None for side in (old, new)]
    return {
        key: _change(before.get(key, missing[0]), after.get(key, missing[1]))
        for key in sorted(before.keys() | after.keys())
    }


def _change(old: Any, new: Any) -> Change:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) == 1:
        return _change(old[0], new[0])
    if isinstance(old, int | float) and isinstance(new, int | float):
        try:
            return Change(old, new, new - old)
        except OverflowError:  # an integer beyond what a float can be
            return Change(old, new)
    return Change(old, new)
