"""Tell who needs the damaged objects of a remote, take them away, and push from the cache what it has of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_versioning.errors import StorageError
from data_versioning.formats.dirfile import Listing
from data_versioning.objects import oid as oids
from data_versioning.operations import loaded as loading
from data_versioning.operations import repair
from data_versioning.remotes import aside, layout
from data_versioning.remotes.aside import Removal
from data_versioning.remotes.remote import Remote
from data_versioning.repo import Repo
from data_versioning.storage.base import FailureKind, Items, Store


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

    All names are below the prefix of objects; `present` are those that were seen.
    """
    lacking = {
        name: [value for value in dict.fromkeys(values) if oids.name(value) not in present]
        for name, (_, values) in trees.items()
    }
    lacking = {name: values for name, values in lacking.items() if values}
    wanted = [*map(_value, suspects), *(value for values in lacking.values() for value in values)]
    absent = repo.cache.missing(wanted)
    here = {*wanted}.difference([wanted[index] for index in absent])
    kept: set[str] = set()
    restored: set[str] = set()
    if (restore or removal) and wanted:
        with repo.transaction("fsck"):
            suspects = _still_wrong(store, suspects)
            kept = _take_away(repo, store, suspects, removal)
            restored = _push(repo, remote, here & {*wanted}) if restore else restored
    users = _users(repo, trees)
    return (
        tuple(_damage(name, users, here, restored, kept, removal) for name in suspects),
        tuple(
            Incomplete(
                listing=layout.prefix() + name,
                used_by=users.get(name, ()),
                missing=len(values),
                in_cache=len(here.intersection(values)),
                restored=len(restored.intersection(values)),
            )
            for name, values in sorted(lacking.items())
        ),
    )


def _damage(
    name: str,
    users: Mapping[str, tuple[str, ...]],
    here: set[str],
    restored: set[str],
    kept: set[str],
    removal: Removal | None,
) -> RemoteDamage:
    key = layout.prefix() + name
    is_gone = removal is not None and name not in kept
    return RemoteDamage(
        path=key,
        used_by=users.get(name, ()),
        in_cache=_value(name) in here,
        quarantine=aside.place(key) if is_gone and removal is Removal.QUARANTINE else None,
        deleted=is_gone and removal is Removal.DELETE,
        restored=_value(name) in restored,
    )


def _still_wrong(store: Store, suspects: Sequence[str]) -> list[str]:
    """Return those that somebody else has not replaced or removed in the meantime."""
    hashes = store.hash([layout.prefix() + name for name in suspects])
    for index, (kind, reason) in hashes.failures.items():
        if kind is not FailureKind.MISSING:
            raise StorageError(
                f"{layout.prefix()}{suspects[index]} cannot be read again ({reason}); nothing was changed",
                hint="run it again",
            )
    found = oids.hex_digests(hashes.digests)
    return [
        name
        for index, name in enumerate(suspects)
        if index not in hashes.failures and found[index] != _value(name)[:32]
    ]


def _take_away(repo: Repo, store: Store, suspects: Sequence[str], removal: Removal | None) -> set[str]:
    """Return the suspects that are still there."""
    if removal is None or not suspects:
        return set()
    keys = [layout.prefix() + name for name in suspects]
    return {suspects[index] for index in aside.remove(store, keys, removal, repo.temp_dir)}


def _push(repo: Repo, remote: Remote, values: set[str]) -> set[str]:
    """Upload objects, listings last, and return those that arrived."""
    arrived: set[str] = set()
    for is_listing in (False, True):
        chosen = sorted(value for value in values if value.endswith(oids.DIRECTORY_SUFFIX) is is_listing)
        if not chosen:
            continue
        items = Items(
            directory=repo.cache.root(),
            names=oids.names(chosen),
            keys=layout.packed_keys(chosen),
            digests=bytes.fromhex("".join([value[:32] for value in chosen])),
        )
        outcome = remote.store.upload(items, threads=remote.jobs)
        arrived.update(value for index, value in enumerate(chosen) if index not in outcome.failures)
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
        found.setdefault(key.removeprefix(layout.prefix()), {})[path] = None
    for item in loaded.project.outputs():
        paths, values = trees.get(oids.name(item.output.md5 or ""), ((), ()))
        for path, value in zip(paths, values, strict=True):
            found.setdefault(oids.name(value), {})[f"{item.path}/{path}"] = None
    return {name: tuple(paths) for name, paths in found.items()}


def _value(name: str) -> str:
    return name.replace("/", "")
