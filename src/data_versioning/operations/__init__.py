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
        add_stage,
        add_to_remote,
        artifact_get,
        cache,
        check_ignore,
        checkout,
        cloud_status,
        commit,
        config,
        dag,
        data_status,
        destroy,
        diff,
        doctor,
        external,
        fetch,
        freeze,
        fsck,
        gc,
        get,
        get_url,
        import_data,
        import_url,
        init,
        install,
        list,
        list_stages,
        list_url,
        log,
        merge,
        migrate,
        move,
        origin,
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
        undo,
        unprotect,
        update,
        url_origin,
        version,
    )

__all__ = [
    "add",
    "add_stage",
    "add_to_remote",
    "artifact_get",
    "cache",
    "check_ignore",
    "checkout",
    "cloud_status",
    "commit",
    "config",
    "dag",
    "data_status",
    "destroy",
    "diff",
    "doctor",
    "external",
    "fetch",
    "freeze",
    "fsck",
    "gc",
    "get",
    "get_url",
    "import_data",
    "import_url",
    "init",
    "install",
    "list",
    "list_stages",
    "list_url",
    "log",
    "merge",
    "migrate",
    "move",
    "origin",
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
    "undo",
    "unprotect",
    "update",
    "url_origin",
    "version",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
