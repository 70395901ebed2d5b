"""Charts as SVG, kept from one command to the next: to start what draws them takes longer than all the rest."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

from data_versioning.errors import ConfigError
from data_versioning.localfs import disposable
from data_versioning.repo import Repo

_DRAWING = "data_versioning.metrics.drawing"
_MOST = 32 << 20  # bytes; more is drawn anew each time


class Drawings:
    """The SVG of charts; those that the last command drew are drawn already."""

    def __init__(self, repo: Repo) -> None:
        """Raises `ConfigError` when vl-convert, which draws, is not installed."""
        self._path = f"{repo.temp_dir}/drawings"
        self._drawn_by = _version("vl_convert"), _version(_DRAWING)
        kept = disposable.load(self._path)
        self._known: dict[bytes, str] = kept[1] if kept and kept[0] == self._drawn_by else {}
        self._used: dict[bytes, str] = {}

    def svg(self, specification: Mapping[str, Any]) -> str:
        """Return a chart as an SVG image; raises `FormatError` as `drawing.svg` does."""
        # Values of other kinds than JSON's are drawn as text; here they need only be told apart.
        key = sha256(json.dumps(specification, default=repr).encode()).digest()
        found = self._known.get(key)
        if found is None:
            found = str(importlib.import_module(_DRAWING).svg(specification))
        self._used[key] = found
        return found

    def keep(self) -> None:
        """Let the next command know what this one used; the rest is forgotten."""
        is_new = self._used.keys() != self._known.keys()
        if is_new and sum(map(len, self._used.values())) <= _MOST:
            with suppress(OSError):  # a repository that cannot be written to works without
                disposable.keep(self._path, (self._drawn_by, self._used))


def _version(module: str) -> tuple[str, int, int]:
    """Return what changes when a module does; importing it would take time."""
    found = find_spec(module)
    if found is None or not found.origin:
        raise ConfigError(
            "to draw plots, vl-convert is needed, which is not installed; --json and --show-vega do without",
            hint="pip install 'data-versioning[plots]'",
        )
    about = os.stat(found.origin)
    return found.origin, about.st_size, about.st_mtime_ns
