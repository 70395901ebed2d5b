"""What data in the workspace was before a command: told to the transaction, and brought back by `undo`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from data_versioning.errors import Conflict, CorruptObject, DiskError, FormatError, MissingObject
from data_versioning.eventlog.kept import LEGACY, DataChange
from data_versioning.formats import dirfile
from data_versioning.localfs import batch
from data_versioning.localfs.links import LinkType
from data_versioning.objects import oid as oids
from data_versioning.objects.oid import ObjectId
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import parents
from data_versioning.transaction import Transaction
from data_versioning.workspace import checkout as workspace
from data_versioning.workspace import scan, store
from data_versioning.workspace.checkout import Plan, Wanted
from data_versioning.workspace.scan import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """One output, and how it becomes again what it was before `change`."""

    change: DataChange
    actual: Snapshot | None
    plan: Plan

    @property
    def oid(self) -> ObjectId | None:
        """What the path holds afterwards; None for nothing."""
        return _read(self.change.before)


def tell(
    transaction: Transaction, loaded: Loaded, path: str, actual: Snapshot | None, after: ObjectId | None
) -> None:
    """Tell that `path` held `actual`, and holds `after` now."""
    before = actual.oid if actual else None
    if before == after:
        return
    is_executable = actual is not None and not actual.is_dir and actual.is_executable
    listing: str | None = None
    if actual is not None and actual.is_dir and not loaded.repo.cache.has(actual.oid):
        listing = scan.tree_content(actual.listing, actual.digests).decode()
    transaction.changed_data(DataChange(path, _written(before), _written(after), is_executable), listing)


def plan(loaded: Loaded, change: DataChange, listings: Mapping[str, str]) -> Restoration | None:
    """Plan to bring back what was at a path before `change`; None when it is there already.

    Raises `Conflict` when something would be lost, or is lost already; `PathError` behind a symbolic link.
    """
    path, shown = change.path, loaded.repo.shown(change.path)
    workspace.refuse_links(path, loaded.repo.root)
    legacy = (change.before or change.after or "").startswith(LEGACY)
    actual = scan.look(loaded.scanner(legacy=legacy), path)
    now = _written(actual.oid if actual else None)
    if now == change.before:
        return None
    if now != change.after:
        raise Conflict(
            f"'{shown}' was changed since", hint="dv status; dv checkout brings recorded data back"
        )
    wanted = _wanted(loaded, change, listings)
    planned = workspace.plan(path, actual, wanted)
    workspace.check(planned, loaded.repo.root)
    cache = loaded.repo.cache
    if cache.missing([wanted.values[index] for index in planned.needed()], legacy=legacy):
        raise _lost(shown)
    if cache.missing(planned.lost, legacy=legacy):
        raise Conflict(
            f"'{shown}' holds content that is saved nowhere, and would be overwritten", hint=f"dv add {shown}"
        )
    return Restoration(change=change, actual=actual, plan=planned)


def apply(loaded: Loaded, transaction: Transaction, found: Restoration, kind: LinkType) -> None:
    """Carry out a plan and tell the transaction. May be interrupted and run again."""
    repo, path = loaded.repo, found.change.path
    is_executable = found.change.is_executable
    oid = found.oid
    done = workspace.apply(
        found.plan,
        repo.root,
        repo.cache,
        kind=store.fitting(kind, is_executable=is_executable),
        legacy=bool(oid and oid.legacy),
    )
    if not done.is_complete:
        reason = workspace.reason(next(iter(done.failed.values()), batch.TARGET_CHANGED))
        raise DiskError(
            f"'{repo.shown(path)}' is not restored: {reason}", hint="run the undo again: it goes on"
        )
    if oid is None:
        _tidy(repo.root, path)
    elif is_executable:
        workspace.set_mode(f"{repo.root}/{path}", is_executable=True)
    key = loaded.scanner(legacy=bool(oid and oid.legacy)).key(path)
    loaded.stats.remember_tree(key, None)
    loaded.stats.remember_file(key, None)
    tell(transaction, loaded, path, found.actual, oid)


def is_moved(loaded: Loaded, source: str, target: str) -> bool:
    """Whether data that was renamed to `target` is there still; False when it is back, or gone.

    Raises `Conflict` when there is something else at `source` by now.
    """
    root = loaded.repo.root
    for path in (source, target):
        workspace.refuse_links(path, root)
    if not os.path.lexists(f"{root}/{target}"):
        return False
    if os.path.lexists(f"{root}/{source}"):
        shown = [loaded.repo.shown(path) for path in (target, source)]
        raise Conflict(
            f"'{shown[0]}' cannot be moved back: there is '{shown[1]}'", hint=f"mv {shown[1]} ELSEWHERE"
        )
    return True


def move_back(loaded: Loaded, transaction: Transaction, source: str, target: str) -> None:
    """Rename `target` to `source`, as it was before, and tell the transaction."""
    root = loaded.repo.root
    try:
        os.makedirs(os.path.dirname(f"{root}/{source}"), exist_ok=True)
        os.rename(f"{root}/{target}", f"{root}/{source}")
    except OSError as error:
        raise DiskError(f"cannot move '{target}' back to '{source}': {error.strerror}") from error
    for path in (source, target):
        loaded.stats.remember_tree(path, None)
        loaded.stats.remember_file(path, None)
    transaction.moved(target, source)


def _wanted(loaded: Loaded, change: DataChange, listings: Mapping[str, str]) -> Wanted:
    oid = _read(change.before)
    if oid is None:
        return Wanted(is_dir=_is_dir(change.after), paths=[], values=[])
    if not oid.is_dir:
        return Wanted(is_dir=False, paths=[""], values=[oid.value])
    try:
        if (kept := listings.get(change.before or "")) is not None:
            return Wanted(True, *dirfile.load(kept.encode(), file=change.path))
        return Wanted(True, *loaded.repo.cache.read_tree(oid))
    except (MissingObject, CorruptObject, FormatError):
        raise _lost(loaded.repo.shown(change.path)) from None


def _lost(shown: str) -> Conflict:
    return Conflict(
        f"what '{shown}' held before is not in the cache: it was never stored there, or removed since",
        hint="dv fetch, if a remote may have it; dv log -v tells what was done",
    )


def _tidy(root: str, path: str) -> None:
    """Remove an empty directory, and those above it that are empty now."""
    for place in (path, *parents(path)):
        with contextlib.suppress(OSError):
            os.rmdir(f"{root}/{place}")


def _written(oid: ObjectId | None) -> str | None:
    return None if oid is None else f"{LEGACY}{oid.value}" if oid.legacy else oid.value


def _read(written: str | None) -> ObjectId | None:
    if written is None:
        return None
    return oids.parse(written.removeprefix(LEGACY), legacy=written.startswith(LEGACY))


def _is_dir(written: str | None) -> bool:
    return (written or "").endswith(oids.DIRECTORY_SUFFIX)
