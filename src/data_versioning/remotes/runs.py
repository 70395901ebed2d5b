"""Copy the run cache: small files that say which stage once turned which inputs into which outputs.

Their names are hashes of what they say, so an entry that exists is never written again.
"""

from __future__ import annotations

import os

from data_versioning.localfs import batch, walk
from data_versioning.objects.cache import ObjectCache
from data_versioning.remotes import layout
from data_versioning.remotes.transfer import Pace, Problem, Report
from data_versioning.storage.base import Items, Outcome, Store, WritableStore


def plan_push(cache: ObjectCache, store: WritableStore) -> list[str]:
    """Return the keys of the entries that the remote lacks; none where it cannot be listed: nobody would find them."""
    if not isinstance(store, Store):
        return []
    present = _on_remote(store)
    return [key for key in _in_cache(cache) if key not in present]


def plan_fetch(cache: ObjectCache, store: WritableStore) -> list[str]:
    """Return the keys of the entries that the cache lacks."""
    present = set(_in_cache(cache))
    return sorted(_on_remote(store) - present)


def push(keys: list[str], cache: ObjectCache, store: WritableStore, *, pace: Pace) -> Report:
    """Copy entries to the remote."""
    items = Items(directory=cache.base, names=layout.pack(keys), keys=layout.pack(keys))
    return _report(keys, store.upload(items, threads=pace.jobs, advance=pace.advance))


def fetch(keys: list[str], cache: ObjectCache, store: WritableStore, *, pace: Pace) -> Report:
    """Copy entries to the cache."""
    names = layout.pack(keys)
    items = Items(directory=cache.base, names=names, keys=names)
    outcome = store.download(items, threads=pace.jobs, advance=pace.advance)
    if cache.shared:
        batch.chmod_files(cache.base, items.without(outcome.failures).names, 0o664)
    if cache.durable:
        batch.sync(cache.base)
    return _report(keys, outcome)


def _on_remote(store: WritableStore) -> set[str]:
    if not isinstance(store, Store):
        return set()
    return {key for page in store.list(layout.RUNS) for key in page.keys if layout.is_run(key)}


def _in_cache(cache: ObjectCache) -> list[str]:
    try:
        listing = walk.walk(os.path.join(cache.base, layout.RUNS), prune_nested=False)
    except FileNotFoundError:
        return []
    return [key for path in listing.paths() if layout.is_run(key := layout.RUNS + path)]


def _report(keys: list[str], outcome: Outcome) -> Report:
    problems = [
        Problem(f"run cache entry {keys[index]}", keys[index], kind, reason)
        for index, (kind, reason) in outcome.failures.items()
    ]
    copied = len(keys) - len(problems)
    return Report(copied=copied, size=outcome.size, problems=problems, held=[])
