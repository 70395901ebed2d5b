"""Facts about data as a pointer file can hold them: plain mappings, lists, text and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_versioning.errors import UsageError


def plain(value: object, name: str) -> object:
    """Return `value` as YAML can hold it; arrays and numbers of NumPy and the like become Python's own.

    Raises `UsageError` that names what cannot be written.

    >>> plain({"sizes": (1, 2.5), 3: None}, "params")
    {'sizes': [1, 2.5], '3': None}
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner, f"{name}.{key}") for key, inner in value.items()}
    for method in ("tolist", "item"):  # arrays and numbers of NumPy, tensors with one value
        if callable(convert := getattr(value, method, None)):
            return plain(convert(), name)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(inner, f"{name}.{at}") for at, inner in enumerate(value)]
    for kind in (str, int, float):
        if isinstance(value, kind):  # of a class of its own, an enumeration for example
            return kind(value)
    raise UsageError(
        f"{name} is a {type(value).__name__}, which a pointer file cannot hold",
        hint="give numbers, text, lists and mappings of them: str(value)",
    )
