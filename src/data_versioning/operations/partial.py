"""Track changes of some parts of a tracked directory, leaving what is recorded of the rest as it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from data_versioning.errors import NotTracked
from data_versioning.formats import dirfile
from data_versioning.formats.dvcfile import Output
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import pointers
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.pointers import AddedOutput, Annotations
from data_versioning.paths import RepoPath, parents
from data_versioning.pipeline.project import Tracked
from data_versioning.transaction import Transaction
from data_versioning.workspace import checkout
from data_versioning.workspace.scan import Snapshot


def add(
    loaded: Loaded,
    transaction: Transaction,
    known: Tracked,
    paths: Sequence[RepoPath],
    notes: Annotations,
    stored: Callable[[RepoPath], Snapshot],
) -> AddedOutput:
    """Store `paths`, inside the tracked directory `known` (or gone from it), and queue the new listing.

    `stored` puts a path into the cache. Raises `NotTracked` when nothing can lie inside `known`, `MissingObject`
    without its listing in the cache.
    """
    repo, output, cache = loaded.repo, known.output, loaded.repo.cache
    if output.md5 and not output.is_dir:
        raise NotTracked(
            f"'{known.path}' is tracked as a file, so '{paths[0]}' cannot lie inside it",
            hint=f"dv add {repo.shown(known.path)}   tracks the directory that is there now",
        )
    old = _recorded(cache, ObjectId(output.md5, output.is_legacy)) if output.md5 else ([], [])
    entries = dict(zip(*old, strict=True))
    added, appended = _merge(entries, loaded, known, paths, stored)
    oid = cache.write_tree(dirfile.dump(list(entries), list(entries.values())))
    cache.seal([oid.value])
    total = _total(output.size, added, appended=appended, same=oid.value == output.md5)

    def change(before: Output) -> Output:
        after = replace(
            before, md5=oid.value, hash="md5", size=total, nfiles=len(entries), files=None, cloud=None
        )
        return pointers.annotated(after, notes)

    transaction.edit(known.stage.file, pointers.change_output(output.path, known.stage.file, change))
    return AddedOutput(
        path=known.path, pointer=known.stage.file, oid=oid.value, size=total or 0, nfiles=len(entries)
    )


def _merge(
    entries: dict[str, str],
    loaded: Loaded,
    known: Tracked,
    paths: Sequence[RepoPath],
    stored: Callable[[RepoPath], Snapshot],
) -> tuple[int, bool]:
    """Make `entries` say what `paths` hold now; return the bytes that came, and whether nothing went."""
    directories = {parent for name in entries for parent in parents(name)}
    added, appended = 0, True
    for path in paths:
        inner = path[len(known.path) + 1 :]
        # Many files may be named: only for a directory all entries are looked at.
        gone = checkout.within(list(entries), inner) if inner in directories else [inner] * (inner in entries)
        for name in gone:
            del entries[name]
        if os.path.lexists(f"{loaded.repo.root}/{path}"):
            snapshot = stored(path)
            names = [f"{inner}/{name}" for name in snapshot.paths()] if snapshot.is_dir else [inner]
            entries |= zip(names, snapshot.hex_digests(), strict=True)
            added += snapshot.size
        elif not gone:
            raise NotTracked(f"'{path}' does not exist, here or in what is tracked", hint="check the path")
        appended = appended and not gone
    return added, appended


def _recorded(cache: ObjectCache, oid: ObjectId) -> tuple[list[str], list[str]]:
    """Return the listing `oid`; one of DVC 2.x with the hashes of today, its objects stored under them."""
    paths, values = cache.read_tree(oid)
    if not oid.legacy or not values:
        return paths, values
    stored = cache.adopt(list(dict.fromkeys(values)))
    return paths, [stored[value] for value in values]


def _total(before: int | None, added: int, *, appended: bool, same: bool) -> int | None:
    """Return the size to record: known when files were only added or nothing changed, else left out, as by DVC."""
    if same:
        return before
    return before + added if appended and before else None
