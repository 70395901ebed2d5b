"""Make the workspace match a recorded tree.

`plan` compares and touches nothing; `apply` may be interrupted and run again. Files appear complete under their name
or not at all. Content that is saved nowhere else is never overwritten unless the caller says so.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from data_versioning.errors import DiskError, PathError
from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.paths import parents
from data_versioning.workspace.scan import Snapshot


class Wanted(NamedTuple):
    """What a path should hold: a directory's files with their digests, or one file under the name ""."""

    is_dir: bool
    paths: list[str]
    values: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The fewest actions for one output; the lists hold indices into `wanted` or paths inside `path`."""

    path: str
    wanted: Wanted
    create: list[int]
    replace: list[int]
    delete: list[str]
    lost: list[str]  # digests that `replace` and `delete` would overwrite
    clear: bool = False  # `path` itself has the wrong kind and goes first
    make: bool = False  # an empty directory is wanted

    @property
    def is_empty(self) -> bool:
        """Whether the workspace matches already."""
        return not (self.create or self.replace or self.delete or self.make or self.clear)


class Applied(NamedTuple):
    """What `apply` did: stats of created files by index into `wanted`, and what failed, by index, with errno."""

    stats: dict[int, bytes]
    failed: dict[int, int]


def plan(path: str, actual: Snapshot | None, wanted: Wanted, *, inner: str | None = None) -> Plan:
    """Return the fewest actions that turn `actual` into `wanted`; with `inner`, only below that part of a directory."""
    if actual is None:
        everything = list(range(len(wanted.paths)))
        make = wanted.is_dir and not everything
        return Plan(path=path, wanted=wanted, create=everything, replace=[], delete=[], lost=[], make=make)
    old_paths, old_values = (
        ([""], [actual.oid.value]) if not actual.is_dir else (actual.paths(), actual.hex_digests())
    )
    if actual.is_dir != wanted.is_dir:
        return Plan(
            path=path,
            wanted=wanted,
            create=list(range(len(wanted.paths))),
            replace=[],
            delete=old_paths,
            lost=old_values,
            clear=True,
            make=wanted.is_dir and not wanted.paths,
        )
    if inner is not None:
        inside = [i for i, name in enumerate(old_paths) if name == inner or name.startswith(inner + "/")]
        old_paths, old_values = [old_paths[i] for i in inside], [old_values[i] for i in inside]
    old = dict(zip(old_paths, old_values, strict=True))
    create, replace, lost = [], [], []
    for index, (name, value) in enumerate(zip(wanted.paths, wanted.values, strict=True)):
        before = old.pop(name, None)
        if before is None:
            create.append(index)
        elif before != value:
            replace.append(index)
            lost.append(before)
    return Plan(
        path=path,
        wanted=wanted,
        create=create,
        replace=replace,
        delete=list(old),
        lost=[*lost, *old.values()],
    )


def unsaved(plan: Plan, cache: ObjectCache, *, legacy: bool = False) -> bool:
    """Whether applying would overwrite content that is not in the cache."""
    values = list(dict.fromkeys(plan.lost))
    absent = cache.missing(values)
    return bool(absent) and not (legacy and not cache.missing([values[i] for i in absent], legacy=True))


def apply(
    plan: Plan,
    root: str,
    cache: ObjectCache,
    *,
    kind: LinkType,
    legacy: bool = False,
    advance: Callable[[int], None] | None = None,
) -> Applied:
    """Carry out `plan` below the workspace `root`; objects that are missing are reported, not raised.

    Raises `DiskError` when something that must go cannot be removed.
    """
    base, names = _base(plan)
    top = f"{root}/{base}" if base else root
    _delete(plan, top if plan.wanted.is_dir or not plan.clear else f"{root}/{plan.path}", root)
    if plan.make:
        os.makedirs(f"{root}/{plan.path}", exist_ok=True)
    stats: dict[int, bytes] = {}
    failed: dict[int, int] = {}
    for indices, replace in ((plan.create, False), (plan.replace, True)):
        if not indices:
            continue
        found = place(
            cache,
            [plan.wanted.values[i] for i in indices],
            top,
            [names[i] for i in indices],
            kind=kind,
            replace=replace,
            legacy=legacy,
            advance=advance,
        )
        size = walk.RECORD.size
        for at, index in enumerate(indices):
            if at in found.errors:
                failed[index] = found.errors[at]
            else:
                stats[index] = found.stats[at * size : (at + 1) * size]
    return Applied(stats, failed)


def place(
    cache: ObjectCache,
    values: Sequence[str],
    top: str,
    names: Sequence[str],
    *,
    kind: LinkType,
    replace: bool,
    legacy: bool = False,
    advance: Callable[[int], None] | None = None,
) -> batch.Batch:
    """Make files from cache objects, as links of the given kind or as copies."""
    source = cache.root(legacy=legacy)
    sources = oids.names(list(values))
    targets = b"".join([os.fsencode(name) + b"\0" for name in names])
    if kind is LinkType.COPY:
        return batch.copy_files(
            source, sources, top, targets, digests=None, mode=None, replace=replace, advance=advance
        )
    return batch.link_files(source, sources, top, targets, kind=kind, replace=replace, advance=advance)


def _base(plan: Plan) -> tuple[str, list[str]]:
    """Return the directory in which files are made, and their names there."""
    if plan.wanted.is_dir:
        return plan.path, plan.wanted.paths
    parent, _, name = plan.path.rpartition("/")
    return parent, [name]


def _delete(plan: Plan, top: str, root: str) -> None:
    if plan.clear and plan.wanted.is_dir:
        _unlink(f"{root}/{plan.path}")
        return
    if not plan.delete and not plan.clear:
        return
    if plan.delete == [""]:
        _unlink(f"{root}/{plan.path}")
        return
    names = b"".join([os.fsencode(name) + b"\0" for name in plan.delete])
    for index, code in batch.remove_files(top, names).items():
        raise DiskError(f"cannot remove '{plan.path}/{plan.delete[index]}': {os.strerror(code)}")
    _remove_empty(top, plan.delete)
    if plan.clear:
        _remove_empty_tree(f"{root}/{plan.path}", plan.path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise DiskError(f"cannot remove '{path}': {error.strerror}") from error


def _remove_empty(top: str, deleted: list[str]) -> None:
    for parent in sorted({parent for name in deleted for parent in parents(name)}, reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(f"{top}/{parent}")


def _remove_empty_tree(absolute: str, shown: str) -> None:
    """Remove a directory that holds nothing but directories, where a file is wanted."""
    for directory, _, _ in os.walk(absolute, topdown=False):
        try:
            os.rmdir(directory)
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                raise PathError(
                    f"'{shown}' must become a file, but is a directory that holds files which are not tracked",
                    hint=f"move them out of '{shown}', then run the command again",
                ) from error
            raise DiskError(f"cannot remove '{directory}': {error.strerror}") from error


def remembered(plan: Plan, actual: Snapshot | None, applied: Applied) -> tuple[Listing, bytes]:
    """Return listing and digests of the directory after `apply`, without walking it again."""
    size = walk.RECORD.size
    gone = {os.fsencode(name) for name in plan.delete} | {
        os.fsencode(plan.wanted.paths[i]) for i in (*plan.replace, *plan.create)
    }
    rows: list[tuple[bytes, bytes, bytes]] = []
    if actual is not None and actual.is_dir and not plan.clear:
        listing = actual.listing
        rows = [
            (name, listing.stats[i * size : (i + 1) * size], actual.digests[i * 16 : (i + 1) * 16])
            for i, name in enumerate(listing.raw_paths())
            if name not in gone
        ]
    rows += [
        (os.fsencode(plan.wanted.paths[i]), found, bytes.fromhex(plan.wanted.values[i]))
        for i, found in applied.stats.items()
    ]
    rows.sort()
    listing = Listing.of(b"".join([row[0] + b"\0" for row in rows]), b"".join([row[1] for row in rows]))
    return listing, b"".join([row[2] for row in rows])
