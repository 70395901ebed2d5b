"""Text of a DVC repository turned into values and back; no I/O.

Parts that need a slow library (ruamel, PyYAML, configobj, difflib, hashlib, …) are modules of their own, reached as
attributes of this package and loaded when first used: `formats.roundtrip.write(...)`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_versioning.formats import (
        checksums,
        configtext,
        explain,
        paramfiles,
        preferences,
        roundtrip,
        suggest,
        yamlevents,
        yamltext,
    )

__all__ = [
    "checksums",
    "configtext",
    "explain",
    "paramfiles",
    "preferences",
    "roundtrip",
    "suggest",
    "yamlevents",
    "yamltext",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
