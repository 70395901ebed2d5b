"""Which objects a remote has: always asked for or listed now, never remembered."""

from __future__ import annotations

from collections.abc import Sequence

from data_versioning.objects.cache import ObjectCache
from data_versioning.remotes import layout
from data_versioning.storage.base import ReadableStore, Store
from data_versioning.storage.local import LocalStore

# Up to this many objects, asking for each is cheap enough.
_FEW = 512
# Listing an object costs at most this part of asking for it: the page holds many.
_LISTED_PER_ASKED = 4
_PREFIXES = [f"{number:02x}/" for number in range(256)]


def absent(store: ReadableStore, values: Sequence[str], *, legacy: bool = False) -> list[int]:
    """Return the indices of the objects that `store` does not have.

    A local remote's objects count only when they are read-only (0444) or, read now, have the right content.
    """
    local = as_cache(store)
    if local is not None:
        return local.missing(values, legacy=legacy)
    keys = layout.keys(values, legacy=legacy)
    present: set[str] = set()
    base = layout.prefix(legacy=legacy)
    if len(keys) > _FEW and isinstance(store, Store) and _is_listing_cheaper(store, len(keys), base):
        for prefix in [base] if base else _PREFIXES:
            for page in store.list(prefix):
                present.update(page.keys)
    else:
        present.update(store.find(keys).keys)
    return [index for index, key in enumerate(keys) if key not in present]


def as_cache(store: ReadableStore) -> ObjectCache | None:
    """Return a remote on the local disk as what it is, too: a cache; None for any other remote."""
    return ObjectCache(base=store.root, shared=store.shared) if isinstance(store, LocalStore) else None


def _is_listing_cheaper(store: Store, wanted: int, base: str) -> bool:
    """Estimate the size of the remote from one of its 256 directories; MD5 spreads objects evenly."""
    limit = wanted * _LISTED_PER_ASKED
    seen = 0
    for page in store.list(base + _PREFIXES[0]):
        seen += len(page) * len(_PREFIXES)
        if seen > limit:
            return False
    return True
