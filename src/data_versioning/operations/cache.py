"""Where the cache is, and moving it elsewhere."""

from __future__ import annotations

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
    root = config.find_root()
    if root is None:
        raise config.missing(_NAME)
    return f"{root}/.dvc/cache"


def change_dir(path: str | None, *, level: str | None = None, argv: Sequence[str] = ()) -> None:
    """Use another cache directory from now on, or (None) the usual one; data is not moved."""
    config.change(_NAME, path, level=level, argv=argv)
