"""Which objects a remote has: always asked for or listed now, never remembered."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from data_versioning.errors import StorageError
from data_versioning.objects.cache import ObjectCache
from data_versioning.remotes import layout
from data_versioning.storage.base import ReadableStore, Store
from data_versioning.storage.local import LocalStore

# Up to this many objects, asking for each is cheap enough.
_FEW = 512
# Listing an object costs at most this part of asking for it: the page holds many.
_LISTED_PER_ASKED = 4
# Objects; so many are listed one page after the other as fast as by one request a directory.
_AT_ONCE = 64_000
# Objects; for fewer, 256 requests that list cost more than one that asks for each.
_WORTH_PREFIXES = 4096
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
    prefixes = _worth_listing(store, len(keys), legacy=legacy) if isinstance(store, Store) else []
    if isinstance(store, Store) and prefixes:
        for prefix in prefixes:
            for page in store.list(prefix):
                present.update(page.keys)
    else:
        present.update(_found(store, keys))
    return [index for index, key in enumerate(keys) if key not in present]


def _found(store: ReadableStore, keys: Sequence[str]) -> Sequence[str]:
    """Return which of `keys` a store has; `StorageError` when it says so of what nobody ever wrote, too.

    So do login pages, and web servers that answer every address with the same page.
    """
    if isinstance(store, Store) or not keys:
        return store.find(keys).keys
    never = keys[0] + secrets.token_hex(8)
    found = store.find([never, *keys]).keys
    if never in found:
        raise StorageError(
            "the server says that it has everything, even what nobody wrote: a login page may answer",
            hint="open the address of the remote in a browser; dv remote list shows it",
        )
    return found


def as_cache(store: ReadableStore) -> ObjectCache | None:
    """Return a remote on the local disk as what it is, too: a cache; None for any other remote."""
    return ObjectCache(base=store.root, shared=store.shared) if isinstance(store, LocalStore) else None


def _worth_listing(store: Store, wanted: int, *, legacy: bool) -> Sequence[str]:
    """Return the prefixes that are to be listed; none when asking for each object is cheaper."""
    if wanted <= _FEW or not _has_up_to(store, wanted * _LISTED_PER_ASKED, layout.prefix(legacy=legacy)):
        return ()
    if not legacy:
        return (layout.prefix(),)
    # The listing of the base brings the objects of DVC 3, too.
    if wanted * _LISTED_PER_ASKED <= _AT_ONCE and _has_up_to(store, _AT_ONCE, layout.prefix()):
        return ("",)
    return _PREFIXES if wanted > _WORTH_PREFIXES else ()


def _has_up_to(store: Store, limit: int, base: str) -> bool:
    """Estimate the size of the remote from one of its 256 directories; MD5 spreads objects evenly."""
    seen = 0
    for page in store.list(base + _PREFIXES[0]):
        seen += len(page) * len(_PREFIXES)
        if seen > limit:
            return False
    return True
