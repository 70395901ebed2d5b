"""Remove from a remote what nobody uses. Planned as for a cache, by `objects.gc`; only the listing is the store's.

Keys that are not those of objects are never touched, whatever lies in the same bucket.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import repeat

from data_versioning.errors import StorageError
from data_versioning.localfs.walk import RECORD, Listing
from data_versioning.objects.gc import LEFTOVER_NAME, OBJECT_NAME, Sweep
from data_versioning.remotes import aside, layout
from data_versioning.remotes.aside import Removal
from data_versioning.storage.base import Store


def roots(store: Store) -> Iterator[tuple[str, Listing, bool]]:
    """List the objects of a remote: each prefix that has any, what lies below it, and whether it is that of DVC 2.

    Where the store does not say when an object was written, it counts as written now.
    """
    modern = layout.prefix()
    found: dict[bool, list[tuple[bytes, bytes]]] = {False: [], True: []}
    now = time.time()
    for page in store.list(""):
        for key, size, modified in zip(page.keys, page.sizes, page.modified or repeat(now), strict=False):
            legacy = not key.startswith(modern)
            name = key.removeprefix(modern).encode()
            # Unfinished writes are in the directory of objects; elsewhere such a name is somebody's file.
            if OBJECT_NAME.fullmatch(name) or (not legacy and LEFTOVER_NAME.fullmatch(name)):
                at = int(modified * 1e9)
                found[legacy].append((name, RECORD.pack(0, size, at, at, 0, 0)))
    for legacy, rows in found.items():
        if rows:
            rows.sort()
            names = b"".join([name + b"\0" for name, _ in rows])
            yield (
                layout.prefix(legacy=legacy),
                Listing.of(names, b"".join([stat for _, stat in rows])),
                legacy,
            )


def apply(store: Store, sweep: Sweep, prefix: str, removal: Removal, scratch: str) -> None:
    """Remove what was planned below `prefix`; directory listings go first, so none outlives its files.

    See `aside.remove` for `scratch`. Unfinished writes are deleted in any case. Raises `StorageError` for the first
    object that cannot be removed; the others are gone.
    """
    for listing in (sweep.directories, sweep.files, sweep.leftovers):
        paths = listing.paths()
        how = Removal.DELETE if listing is sweep.leftovers else removal
        if failures := aside.remove(store, [prefix + path for path in paths], how, scratch):
            index, failure = min(failures.items())
            raise StorageError(
                f"{len(failures)} objects could not be removed, among them {sweep.root}/{paths[index]}: "
                f"{failure.reason}",
                hint="check that the remote permits it, then run `dv gc -c` again",
            )
