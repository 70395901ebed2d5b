"""Hints of stores speak of the remote NAME: a store does not know which one it is. Whoever opens it does."""

from __future__ import annotations

import re

from data_versioning.errors import DataVersioningError

_PLACES = re.compile("(?<=remote modify )NAME|(?<=--local )NAME|(?<=--unset )NAME")


def tell(error: DataVersioningError, name: str) -> None:
    """Put the name of the remote into the hint of an error; without a name it stays as it is."""
    if name and error.hint:
        error.hint = _PLACES.sub(name, error.hint)
