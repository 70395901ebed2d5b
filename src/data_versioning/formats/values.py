"""Parameter and metric files: nested values out of YAML, JSON, TOML or Python."""

from __future__ import annotations

from data_versioning import formats
from data_versioning.formats import limits, yamltext


def parse(text: str, *, suffix: str, file: str) -> object:
    """Return the values in `text`, an empty mapping when there are none.

    `suffix` (".json", ".toml", ".py", in any case) tells the format; every other one means YAML.
    """
    match suffix.lower():
        case ".json":
            value = limits.checked(formats.paramfiles.read_json(text, file=file), file=file)
        case ".toml":
            value = limits.checked(formats.paramfiles.read_toml(text, file=file), file=file)
        case ".py":
            value = limits.checked(formats.paramfiles.read_python(text, file=file), file=file)
        case _:
            value = yamltext.read(text, file=file)
    return value or {}


def lookup(values: object, key: str) -> object:
    """Return what is at the dotted `key`; a number picks an item of a list. `KeyError` when nothing is.

    >>> lookup({"train": {"epochs": 3, "layers": [64, 32]}}, "train.layers.1")
    32
    """
    at = values
    for step in key.removeprefix(".").split("."):
        if isinstance(at, dict) and (names := [name for name in at if str(name) == step]):
            at = at[names[0]]
        elif isinstance(at, (list, tuple)) and _is_index(step, len(at)):
            at = at[int(step)]
        else:
            raise KeyError(key)
    return at


def _is_index(step: str, length: int) -> bool:
    return step.removeprefix("-").isdecimal() and -length <= int(step) < length
