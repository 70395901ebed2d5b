"""One module a verb: arguments in, a frozen result out, no printing.

The command line reaches them as attributes of this package, so that each is loaded when a command is carried
out, and not for its help: `operations.add.add(...)`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_versioning.operations import (
        add,
        cache,
        check_ignore,
        checkout,
        commit,
        config,
        data_status,
        destroy,
        diff,
        doctor,
        fetch,
        fsck,
        gc,
        init,
        install,
        log,
        merge,
        move,
        pointers,
        pull,
        push,
        reachable,
        remote,
        remove,
        repair,
        root,
        sharing,
        status,
        unprotect,
        version,
    )

__all__ = [
    "add",
    "cache",
    "check_ignore",
    "checkout",
    "commit",
    "config",
    "data_status",
    "destroy",
    "diff",
    "doctor",
    "fetch",
    "fsck",
    "gc",
    "init",
    "install",
    "log",
    "merge",
    "move",
    "pointers",
    "pull",
    "push",
    "reachable",
    "remote",
    "remove",
    "repair",
    "root",
    "sharing",
    "status",
    "unprotect",
    "version",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
