"""Make workspace files the kind of link that is configured, and remember their new stats."""

from __future__ import annotations

import os

from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.operations import loaded as loading
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.workspace import checkout, scan, stat_cache, store
from data_versioning.workspace import relink as workspace
from data_versioning.workspace.scan import Snapshot


def relink(loaded: Loaded, path: RepoPath, snapshot: Snapshot, kind: LinkType) -> Snapshot:
    """Turn the files of a stored path into links as configured; return the snapshot with their new stats."""
    repo = loaded.repo
    own = store.fitting(kind, is_executable=snapshot.is_executable)
    listing = workspace.relink(
        repo.cache,
        repo.root,
        _directory(path, snapshot),
        snapshot.listing,
        snapshot.hex_digests(),
        kinds=loading.link_kinds(repo) if own is kind else [own],
        kind=own,
        legacy=snapshot.oid.legacy,
    )
    if (
        not snapshot.is_dir
        and own in {LinkType.COPY, LinkType.REFLINK}
        and checkout.set_mode(f"{repo.root}/{path}", is_executable=snapshot.is_executable)
    ):
        listing = scan.single(loaded.scanner(), path)
    return _remembered(loaded, path, snapshot, listing)


def unprotect(loaded: Loaded, path: RepoPath, snapshot: Snapshot) -> Snapshot:
    """Make the files of a directory that are copies writable; return the snapshot with their new stats."""
    listing = workspace.unprotect(loaded.repo.root, _directory(path, snapshot), snapshot.listing)
    return _remembered(loaded, path, snapshot, listing)


def _directory(path: str, snapshot: Snapshot) -> str:
    return path if snapshot.is_dir else os.path.dirname(path)


def _remembered(loaded: Loaded, path: str, snapshot: Snapshot, listing: Listing) -> Snapshot:
    if listing is snapshot.listing:
        return snapshot
    scanner = loaded.scanner(legacy=snapshot.oid.legacy)
    record = loaded.stats.tree(scanner.key(path)) if snapshot.is_dir else None
    if not snapshot.is_dir:
        scan.remember_file(scanner, path, listing, snapshot.digests)
    elif record is not None:
        stats = stat_cache.keep_blanks(record.stats, listing.stats)
        loaded.stats.remember_tree(scanner.key(path), record._replace(stats=stats))
    return snapshot._replace(listing=listing)
