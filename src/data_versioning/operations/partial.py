"""Track a change of one part of a tracked directory, leaving what is recorded of the rest as it is."""

from __future__ import annotations

import os
from dataclasses import replace

from data_versioning.errors import NotTracked
from data_versioning.formats import dirfile
from data_versioning.formats.dvcfile import Output
from data_versioning.localfs.links import LinkType
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import pointers
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.pointers import AddedOutput, Annotations
from data_versioning.paths import RepoPath
from data_versioning.pipeline.project import Tracked
from data_versioning.progress import Progress
from data_versioning.transaction import Transaction
from data_versioning.workspace import store


def add(
    loaded: Loaded,
    transaction: Transaction,
    known: Tracked,
    path: RepoPath,
    notes: Annotations,
    kind: LinkType,
    progress: Progress,
) -> AddedOutput:
    """Store `path`, inside the tracked directory `known` (or gone from it), and queue the new listing.

    Raises `NotTracked` when nothing can lie inside `known`, `MissingObject` without its listing in the cache.
    """
    repo, output = loaded.repo, known.output
    if output.md5 and not output.is_dir:
        raise NotTracked(f"'{known.path}' is tracked as a file, so '{path}' cannot lie inside it")
    inner = path[len(known.path) + 1 :]
    cache = repo.cache
    old = _recorded(cache, ObjectId(output.md5, output.is_legacy)) if output.md5 else ([], [])
    kept = [
        (name, value)
        for name, value in zip(*old, strict=True)
        if name != inner and not name.startswith(inner + "/")
    ]
    appended = len(kept) == len(old[0])
    fresh, size = _stored(loaded, path, inner, kind, progress)
    if not fresh and appended:
        raise NotTracked(f"'{path}' does not exist, here or in what is tracked", hint="check the path")
    entries = sorted([*kept, *fresh])
    oid = cache.write_tree(dirfile.dump([name for name, _ in entries], [value for _, value in entries]))
    cache.seal([oid.value])
    total = _total(output.size, size, appended=appended, same=oid.value == output.md5)

    def change(before: Output) -> Output:
        after = replace(
            before, md5=oid.value, hash="md5", size=total, nfiles=len(entries), files=None, cloud=None
        )
        return pointers.annotated(after, notes)

    transaction.edit(known.stage.file, pointers.change_output(output.path, known.stage.file, change))
    return AddedOutput(
        path=known.path, pointer=known.stage.file, oid=oid.value, size=total or 0, nfiles=len(entries)
    )


def _recorded(cache: ObjectCache, oid: ObjectId) -> tuple[list[str], list[str]]:
    """Return the listing `oid`; one of DVC 2.x with the hashes of today, its objects stored under them."""
    paths, values = cache.read_tree(oid)
    if not oid.legacy or not values:
        return paths, values
    stored = cache.adopt(list(dict.fromkeys(values)))
    return paths, [stored[value] for value in values]


def _stored(
    loaded: Loaded, path: RepoPath, inner: str, kind: LinkType, progress: Progress
) -> tuple[list[tuple[str, str]], int]:
    """Return the entries that `path` contributes now, and their size; none when it is gone."""
    if not os.path.lexists(f"{loaded.repo.root}/{path}"):
        return [], 0
    snapshot = store.put(loaded.scanner(progress=progress), path, loaded.repo.cache, kind=kind)
    if not snapshot.is_dir:
        return [(inner, snapshot.oid.value)], snapshot.size
    names = [f"{inner}/{name}" for name in snapshot.paths()]
    return list(zip(names, snapshot.hex_digests(), strict=True)), snapshot.size


def _total(before: int | None, added: int, *, appended: bool, same: bool) -> int | None:
    """Return the size to record: known when files were only added or nothing changed, else left out, as by DVC."""
    if same:
        return before
    return before + added if appended and before else None
