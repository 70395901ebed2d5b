"""Tell who needs the damaged objects of a remote, take them away, and push from the cache what it has of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data_versioning.errors import StorageError
from data_versioning.formats.dirfile import Listing
from data_versioning.objects import oid as oids
from data_versioning.operations import loaded as loading
from data_versioning.operations import repair
from data_versioning.remotes import aside, integrity, layout, transfer
from data_versioning.remotes.aside import Removal
from data_versioning.remotes.remote import Remote
from data_versioning.remotes.transfer import Pace, Plan
from data_versioning.repo import Repo
from data_versioning.storage.base import FailureKind, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDamage:
    """An object whose content is wrong; `path` is its key."""

    path: str
    # Files of the workspace with this content.
    used_by: tuple[str, ...]
    # Whether the cache here has the right content.
    in_cache: bool
    # Where it lies now; None when it was not moved.
    quarantine: str | None
    deleted: bool
    restored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A directory whose listing, the key `listing`, is on the remote, and some of whose files are not."""

    listing: str
    used_by: tuple[str, ...]
    missing: int
    # How many of them the cache here has, and how many were pushed from it.
    in_cache: int
    restored: int


def treat(
    repo: Repo,
    remote: Remote,
    store: Store,
    *,
    suspects: Sequence[str],
    trees: Mapping[str, Listing],
    present: set[str],
    restore: bool,
    removal: Removal | None,
) -> tuple[tuple[RemoteDamage, ...], tuple[Incomplete, ...]]:
    """Act on the objects `suspects` that still are damaged, and on what the listings `trees` name and nobody has.

    Objects go by their keys; `present` are those that were seen.
    """
    lacking = {
        key: [file for file in _files(key, dict.fromkeys(values)) if file not in present]
        for key, (_, values) in trees.items()
    }
    lacking = {key: files for key, files in lacking.items() if files}
    wanted = [*suspects, *(file for files in lacking.values() for file in files)]
    here = _in_cache(repo, wanted)
    kept: set[str] = set()
    restored: set[str] = set()
    if (restore or removal) and wanted:
        with repo.transaction("fsck"):
            suspects = _still_wrong(repo, store, suspects)
            kept = _take_away(repo, store, suspects, removal)
            restored = _push(repo, remote, here) if restore else restored
    users = _users(repo, trees)
    return (
        tuple(_damage(key, users, here, restored, kept, removal) for key in suspects),
        tuple(
            Incomplete(
                listing=key,
                used_by=users.get(key, ()),
                missing=len(files),
                in_cache=len(here.intersection(files)),
                restored=len(restored.intersection(files)),
            )
            for key, files in sorted(lacking.items())
        ),
    )


def _files(listing: str, values: Iterable[str]) -> list[str]:
    """Return the keys of the files of a listing: they lie where it does."""
    return layout.keys(list(values), legacy=layout.object_id(listing).legacy)


def _in_cache(repo: Repo, keys: Sequence[str]) -> set[str]:
    found = {*keys}
    for legacy in (False, True):
        mine = [key for key in keys if layout.object_id(key).legacy is legacy]
        values = [layout.object_id(key).value for key in mine]
        found.difference_update([mine[index] for index in repo.cache.missing(values, legacy=legacy)])
    return found


def _damage(
    key: str,
    users: Mapping[str, tuple[str, ...]],
    here: set[str],
    restored: set[str],
    kept: set[str],
    removal: Removal | None,
) -> RemoteDamage:
    is_gone = removal is not None and key not in kept
    return RemoteDamage(
        path=key,
        used_by=users.get(key, ()),
        in_cache=key in here,
        quarantine=aside.place(key) if is_gone and removal is Removal.QUARANTINE else None,
        deleted=is_gone and removal is Removal.DELETE,
        restored=key in restored,
    )


def _still_wrong(repo: Repo, store: Store, suspects: Sequence[str]) -> list[str]:
    """Return those that somebody else has not replaced or removed in the meantime."""
    found = integrity.check(store, suspects, repo.temp_dir)
    for key, (kind, reason) in found.failures.items():
        if kind is not FailureKind.MISSING:
            raise StorageError(
                f"{key} cannot be read again ({reason}); nothing was changed", hint="run it again"
            )
    return [key for key in suspects if key in found.wrong]


def _take_away(repo: Repo, store: Store, suspects: Sequence[str], removal: Removal | None) -> set[str]:
    """Return the suspects that are still there."""
    if removal is None or not suspects:
        return set()
    return {suspects[index] for index in aside.remove(store, suspects, removal, repo.temp_dir)}


def _push(repo: Repo, remote: Remote, keys: set[str]) -> set[str]:
    """Upload objects, listings last, and return those that arrived."""
    arrived: set[str] = set()
    for legacy in (False, True):
        values = sorted(oid.value for key in keys if (oid := layout.object_id(key)).legacy is legacy)
        trees = [value for value in values if value.endswith(oids.DIRECTORY_SUFFIX)]
        files = [value for value in values if not value.endswith(oids.DIRECTORY_SUFFIX)]
        plan = Plan(legacy=legacy, files=files, trees=trees, names=dict(zip(values, values, strict=True)))
        report = transfer.push(plan, repo.cache, remote.store, pace=Pace(jobs=remote.jobs))
        lost = {problem.value for problem in report.problems}.union(report.held)
        arrived.update(layout.keys([value for value in values if value not in lost], legacy=legacy))
    return arrived


def _users(repo: Repo, trees: Mapping[str, Listing]) -> dict[str, tuple[str, ...]]:
    """Return by object the files and directories of the workspace that have its content.

    What is in a directory is known from the cache, or from the listings `trees` of the remote.
    """
    loaded = loading.load(repo)
    uses = repair.uses_of(loaded)
    # Ordered sets of paths.
    found: dict[str, dict[str, None]] = {}
    for key, path in zip(uses.keys, uses.paths, strict=True):
        found.setdefault(key, {})[path] = None
    for item in loaded.project.outputs():
        if not item.output.md5:
            continue
        (listing,) = layout.keys([item.output.md5], legacy=item.output.is_legacy)
        paths, values = trees.get(listing, ((), ()))
        for path, key in zip(paths, _files(listing, values), strict=True):
            found.setdefault(key, {})[f"{item.path}/{path}"] = None
    return {key: tuple(paths) for key, paths in found.items()}
