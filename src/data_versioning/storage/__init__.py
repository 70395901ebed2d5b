"""Bytes in stores: one module an adapter, opened by the scheme of their url."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from data_versioning.errors import ConfigError, DataVersioningError
from data_versioning.storage import naming
from data_versioning.storage.base import UNLIMITED, Limits

if TYPE_CHECKING:
    from data_versioning.storage.base import WritableStore

# Scheme of the url -> module with `open_store(url, settings)`, and the extra with its client libraries. Modules are
# imported when used: those libraries are heavy and optional.
_ADAPTERS = {
    "": ("data_versioning.storage.local", ""),
    "file": ("data_versioning.storage.local", ""),
    "s3": ("data_versioning.storage.s3", "s3"),
    "gs": ("data_versioning.storage.gcs", "gs"),
    "azure": ("data_versioning.storage.azure", "azure"),
    "http": ("data_versioning.storage.http", "http"),
    "https": ("data_versioning.storage.http", "http"),
    "ssh": ("data_versioning.storage.sftp", "ssh"),
    "sftp": ("data_versioning.storage.sftp", "ssh"),
    "hdfs": ("data_versioning.storage.hdfs", "hdfs"),
    "webdav": ("data_versioning.storage.webdav", "webdav"),
    "webdavs": ("data_versioning.storage.webdav", "webdav"),
    "webhdfs": ("data_versioning.storage.webhdfs", "webhdfs"),
    "oss": ("data_versioning.storage.fsspec_store", "oss"),
}
_OTHERS = ("data_versioning.storage.fsspec_store", "")


def scheme(url: str) -> str:
    """Return the scheme of a url in lower case; empty for a path.

    >>> scheme("S3://bucket/x"), scheme("/mnt/data"), scheme("rel/a:b")
    ('s3', '', '')
    """
    found, separator, _ = url.partition("://")
    return found.lower() if separator else ""


def is_native(url: str) -> bool:
    """Whether `open_store` knows the scheme of `url`: it has an adapter, or fsspec is here and knows it."""
    if scheme(url) in _ADAPTERS:
        return True
    try:
        return bool(importlib.import_module(_OTHERS[0]).knows(scheme(url)))
    except ModuleNotFoundError:
        return False


def open_store(
    url: str, settings: Mapping[str, str], *, name: str = "", limits: Limits = UNLIMITED
) -> WritableStore:
    """Open the store at `url` with the settings of its remote, which hints call by its `name`.

    `limits` bind stores behind a network.

    Raises `ConfigError` for a scheme that has no adapter, or when the adapter's libraries are not installed.
    """
    if not is_native(url):
        raise ConfigError(
            f"remotes of the kind {scheme(url)}:// are not native",
            hint="dvc push and dvc pull (pip install 'data-versioning[dvc]') reach this remote",
        )
    module, extra = _ADAPTERS.get(scheme(url), _OTHERS)
    try:
        store = importlib.import_module(module).open_store(url, settings)
    except DataVersioningError as error:
        naming.tell(error, name)
        raise
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        raise ConfigError(
            f"remotes of the kind {scheme(url)}:// need {library}, which is not installed",
            hint=f"pip install 'data-versioning[{extra}]'",
        ) from error
    if name and hasattr(store, "name"):
        store.name = name
    if hasattr(store, "limits"):
        store.limits = limits
    return cast("WritableStore", store)
