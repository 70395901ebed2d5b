"""Chooses who does the work over many files: the C extension `_native`, or Python where it is missing.

`DV_NATIVE=0` forces Python. Both offer the functions that `_native.pyi` declares and behave the same.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from types import ModuleType

# The Python modules are imported only when they are needed: the fast path starts without them.
_PYTHON = {
    "walk": "data_versioning.localfs.walk_python",
    "batch": "data_versioning.localfs.batch_python",
    "text": "data_versioning.localfs.text_python",
}


def native() -> ModuleType | None:
    """Return the C extension; None without it, or when `DV_NATIVE=0`."""
    if os.environ.get("DV_NATIVE") == "0":
        return None
    try:
        module = import_module("data_versioning._native")
    except ImportError:
        return None
    # A source tree that was never compiled has the folder of C files under this name.
    return module if hasattr(module, "walk") else None


@cache
def choose(part: str) -> ModuleType:
    """Return the module that implements `part` ("walk" or "batch")."""
    return native() or python(part)


def python(part: str) -> ModuleType:
    """Return the Python module for `part`."""
    return import_module(_PYTHON[part])


def threads(wanted: int | None) -> int:
    """Return how many threads to use: as many as this process may use processors, unless told."""
    if wanted is not None:
        return max(1, min(wanted, 64))
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), 64)
    return min(os.cpu_count() or 1, 64)
