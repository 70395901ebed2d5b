"""Where the cache is, and moving it elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence

from data_versioning.operations import config

_NAME = config.Name(section="cache", option="dir")


def cache_dir(*, level: str | None = None) -> str:
    """Return the absolute path of the cache, or what one level says about it.

    Raises `ConfigError` when that level says nothing, or without a repository nobody does.
    """
    found = config.get(_NAME, level=level)
    if found is not None:
        return found.value
    usual = _usual()
    if usual is None:
        raise config.missing(_NAME)
    return usual


def change_dir(path: str | None, *, level: str | None = None, argv: Sequence[str] = ()) -> None:
    """Use another cache directory from now on, or (None) the usual one; data is not moved."""
    config.change(_NAME, path, level=level, argv=argv)


def effective_dir() -> str | None:
    """Return the absolute path of the cache that commands use; None outside of a repository."""
    usual = _usual()
    return usual and config.merged().get("cache", {}).get("dir", usual)


def holds_objects(directory: str) -> bool:
    """Whether there is anything in a cache directory that would have to be moved with it."""
    return any(bool(files) for _, _, files in os.walk(directory))


def _usual() -> str | None:
    root = config.find_root()
    return None if root is None else f"{root}/.dvc/cache"
