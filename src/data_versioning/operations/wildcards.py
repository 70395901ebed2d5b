"""Shell wildcards in targets, filled in by us."""

from __future__ import annotations

import glob as globbing
from collections.abc import Sequence

from data_versioning.errors import PathError


def expand(targets: Sequence[str], *, glob: bool) -> list[str]:
    """Return `targets`, with shell wildcards filled in when `glob` says so; `PathError` when one matches nothing."""
    if not glob:
        return list(targets)
    found: list[str] = []
    for target in targets:
        matches = sorted(globbing.glob(target, recursive=True))
        if not matches:
            raise PathError(
                f"nothing matches '{target}'", hint="quote the pattern, and check where you are: pwd"
            )
        found += matches
    return list(dict.fromkeys(found))
