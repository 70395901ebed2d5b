"""What an operation replaced, kept beside the log so that it can be undone. Reads and writes the disk.

One file an operation, written before its record, which names it. Only the newest are kept; losing one costs the
possibility to undo, nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from data_versioning.localfs import atomic

MOST_FILES = 200
MOST_BYTES = 64 * 1024 * 1024  # of one file, and of all together
_VERSION = 1


class DataChange(NamedTuple):
    """Data in the workspace and the object it was before and after; None where nothing was.

    An id of DVC 2.x begins with `LEGACY`. `is_executable` is about a single file that was there before.
    """

    path: str
    before: str | None
    after: str | None
    is_executable: bool = False


LEGACY = "md5-dos2unix:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The content of edited files before (None: absent), what happened to data, and listings no cache holds.

    `moves` are data that was renamed, from and to, whatever it holds.
    """

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    data: tuple[DataChange, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()
    listings: Mapping[str, str] = field(default_factory=dict)  # object id -> content

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed."""
        return not (self.files or self.data or self.moves)


def keep(directory: str, kept: Kept, *, durable: bool) -> str | None:
    """Write `kept` and return the name for the record; None when there is nothing, or too much, to keep.

    Raises `OSError`.
    """
    if kept.is_empty:
        return None
    value = {
        "version": _VERSION,
        "files": {path: None if content is None else _text(content) for path, content in kept.files.items()},
        "data": kept.data,
        "moves": kept.moves,
        "listings": kept.listings,
    }
    packed = json.dumps(value, separators=(",", ":")).encode()
    if len(packed) > MOST_BYTES:
        return None
    name = f"{time.time_ns():020}-{os.getpid()}.json"
    os.makedirs(directory, exist_ok=True)
    _prune(directory, len(packed))
    atomic.write(f"{directory}/{name}", packed, durable=durable)
    return name


def load(directory: str, name: str) -> Kept | None:
    """Return what was kept under a name; None when it is gone, or cannot be understood."""
    if os.path.basename(name) != name:
        return None
    try:
        with open(f"{directory}/{name}", "rb") as file:
            value = json.load(file)
        if value["version"] != _VERSION:
            return None
        return Kept(
            files={
                path: None if text is None else text.encode("utf-8", "surrogateescape")
                for path, text in value["files"].items()
            },
            data=tuple(DataChange(*change) for change in value["data"]),
            moves=tuple((source, target) for source, target in value["moves"]),
            listings=value["listings"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _prune(directory: str, coming: int) -> None:
    """Remove the oldest files until `coming` bytes more are within the limits."""
    sizes = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                sizes[entry.name] = entry.stat().st_size
    total = sum(sizes.values()) + coming
    oldest = sorted(name for name in sizes if name.endswith(".json"))
    while oldest and (len(oldest) >= MOST_FILES or total > MOST_BYTES):
        total -= sizes[oldest[0]]
        atomic.remove(f"{directory}/{oldest.pop(0)}")
