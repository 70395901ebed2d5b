"""Read objects of a remote and compare their content with their names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.localfs import atomic, batch
from data_versioning.objects import oid as oids
from data_versioning.remotes import layout
from data_versioning.storage.base import Advance, Failure, Items, Store

# Objects that pass through this disk at once.
_PORTION = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Keys of objects whose content is `wrong`, and why others could not be read; the rest is sound."""

    wrong: frozenset[str]
    failures: dict[str, Failure]


def check(
    store: Store,
    keys: Sequence[str],
    scratch: str,
    *,
    jobs: int | None = None,
    advance: Advance | None = None,
) -> Judgement:
    """Read the objects `keys`.

    Those of DVC 2 are named after the hash of converted text. Where the plain content does not have that hash, it is
    fetched into the directory `scratch` for a while.
    """
    hashes = store.hash(keys, threads=jobs, advance=advance)
    failures = {keys[index]: failure for index, failure in hashes.failures.items()}
    found = dict(zip(keys, oids.hex_digests(hashes.digests), strict=True))
    wrong = [key for key in keys if key not in failures and found[key] != digest(key)]
    unsure = [key for key in wrong if layout.object_id(key).legacy]
    for start in range(0, len(unsure), _PORTION):
        part = unsure[start : start + _PORTION]
        texts, lost = _text_digests(store, part, scratch)
        failures |= lost
        found |= texts
    return Judgement(
        wrong=frozenset(key for key in wrong if key not in failures and found[key] != digest(key)),
        failures=failures,
    )


def digest(key: str) -> str:
    """Return the hash that a key says."""
    return layout.object_id(key).value[:32]


def _text_digests(
    store: Store, keys: Sequence[str], scratch: str
) -> tuple[dict[str, str], dict[str, Failure]]:
    atomic.make_directory(scratch)
    names = [os.path.basename(atomic.temporary_name(scratch)) for _ in keys]
    items = Items(directory=scratch, names=layout.pack(names), keys=layout.pack(keys))
    try:
        failures = store.download(items).failures
        arrived = items.without(failures)
        hashed = batch.hash_files(scratch, arrived.names, text_mode=True)
    finally:
        batch.remove_files(scratch, items.names)
    here = [key for index, key in enumerate(keys) if index not in failures]
    return (
        dict(zip(here, oids.hex_digests(hashed.digests), strict=True)),
        {keys[index]: failure for index, failure in failures.items()},
    )
