"""Take objects away from where they are on a remote: moved aside, or deleted.

What is moved aside keeps its key below `.dv-quarantine/DATE/`, where neither `dv` nor `dvc` looks for data.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum

from data_versioning.localfs import atomic, batch
from data_versioning.storage.base import Failure, Items, MovingStore, Store

PREFIX = ".dv-quarantine/"
# What passes through this disk at once, where the store cannot move objects itself.
_PORTION = 64


class Removal(StrEnum):
    """What becomes of objects that go."""

    QUARANTINE = "quarantine"
    DELETE = "delete"


def place(key: str) -> str:
    """Return where an object goes that is moved aside today."""
    return f"{PREFIX}{time.strftime('%Y-%m-%d')}/{key}"


def remove(store: Store, keys: Sequence[str], removal: Removal, scratch: str) -> dict[int, Failure]:
    """Take objects away; return those that are still there, by index.

    `scratch` is a directory of this machine, through which objects pass where the store cannot move them itself.
    """
    if removal is Removal.DELETE:
        return store.delete(keys)
    targets = [place(key) for key in keys]
    if isinstance(store, MovingStore):
        return store.move(keys, targets)
    failures: dict[int, Failure] = {}
    for start in range(0, len(keys), _PORTION):
        part = _carry(store, keys[start : start + _PORTION], targets[start : start + _PORTION], scratch)
        failures |= {start + index: failure for index, failure in part}
    return failures


def _carry(
    store: Store, keys: Sequence[str], targets: Sequence[str], scratch: str
) -> Iterator[tuple[int, Failure]]:
    """Copy objects to other keys by way of this disk, and delete those that arrived there."""
    atomic.make_directory(scratch)
    names = "".join([os.path.basename(atomic.temporary_name(scratch)) + "\0" for _ in keys]).encode()
    try:
        down = store.download(Items(directory=scratch, names=names, keys=_packed(keys)))
        todo = [index for index in range(len(keys)) if index not in down.failures]
        arrived = Items(directory=scratch, names=names, keys=_packed(targets)).without(down.failures)
        up = store.upload(arrived)
        done = [index for at, index in enumerate(todo) if at not in up.failures]
        gone = store.delete([keys[index] for index in done])
    finally:
        batch.remove_files(scratch, names)
    yield from down.failures.items()
    yield from ((todo[at], failure) for at, failure in up.failures.items())
    yield from ((done[at], failure) for at, failure in gone.items())


def _packed(keys: Sequence[str]) -> bytes:
    return "".join([f"{key}\0" for key in keys]).encode()
