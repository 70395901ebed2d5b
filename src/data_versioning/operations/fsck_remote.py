"""Check the objects of a remote: by the digest that the store itself took, else by reading them.

Nothing on the remote changes unless it is asked for: others use it, too.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import repeat

from data_versioning.errors import DataVersioningError, FormatError, StorageError
from data_versioning.formats import dirfile
from data_versioning.localfs import atomic, batch, disposable, regular
from data_versioning.localfs.walk import RECORD, Listing
from data_versioning.objects import fsck as objects
from data_versioning.objects import oid as oids
from data_versioning.objects.fsck import State
from data_versioning.objects.gc import OBJECT_NAME
from data_versioning.operations import repair_remote, sharing
from data_versioning.operations.fsck import Options
from data_versioning.operations.repair_remote import Incomplete, RemoteDamage
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import integrity, layout
from data_versioning.remotes import remote as remotes
from data_versioning.remotes.aside import Removal
from data_versioning.repo import Repo
from data_versioning.storage.base import DigestingStore, FailureKind, Items, Store

_PORTION = 256  # listings that are fetched at once
_LEGACY = re.compile("[0-9a-f]{2}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFsckResult:
    """What a check found; `told` objects were judged by the store's own digest, the others were read."""

    remote: str
    sound: int
    told: int
    size: int
    damaged: tuple[RemoteDamage, ...]
    # Key and reason.
    unreadable: tuple[tuple[str, str], ...]
    malformed: tuple[str, ...]
    incomplete: tuple[Incomplete, ...]
    # When the interrupted check began that this one continued.
    resumed: float | None
    sampled: bool
    dry_run: bool

    @property
    def repaired(self) -> int:
        """Objects that were pushed from the cache in the place of damaged or missing ones."""
        return sum(one.restored for one in self.damaged) + sum(one.restored for one in self.incomplete)

    @property
    def damaged_left(self) -> int:
        """Objects and directories that are still unusable."""
        broken = sum(not one.restored for one in self.damaged)
        lacking = sum(one.missing > one.restored for one in self.incomplete)
        return broken + lacking + len(self.unreadable) + len(self.malformed)

    @property
    def is_clean(self) -> bool:
        """Whether everything that was checked can be pulled."""
        return self.damaged_left == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Root:
    """The objects below one prefix of a remote, and by name the digest that the store tells, where it does."""

    legacy: bool
    objects: Listing
    told: Mapping[str, str] = field(repr=False)

    def keys(self, names: Iterable[str]) -> list[str]:
        prefix = layout.prefix(legacy=self.legacy)
        return [prefix + name for name in names]


def fsck_remote(
    repo: Repo,
    name: str | None,
    options: Options,
    *,
    removal: str | None = None,
    progress: Progress = SILENT,
) -> RemoteFsckResult:
    """Check a remote, the default one without a name; what is damaged is taken away as `removal`, the value of a
    `Removal`, says.

    With `options.repair`, damaged and missing objects are pushed from the cache. May be interrupted: the next call
    continues, unless a sample is checked. Raises `StorageError` when the remote cannot be listed.
    """
    remote = sharing.open_remote(repo, name)
    store = remote.store
    if not isinstance(store, Store):
        raise StorageError(
            f"what is on the remote {remote.name!r} cannot be listed, so it cannot be checked",
            hint="dv fetch -A   reads and checks what the cache lacks",
        )
    progress.start("listing the remote")
    roots = _list(store, read=options.read)
    chosen = objects.sampled([root.objects for root in roots], options.sample)
    path = f"{repo.temp_dir}/fsck-remote.state"
    state, resumed = _state(path, _identity(repo, remote.name, options), options)
    _check_all(repo, store, roots, chosen, state, options, progress)
    keys = [key for root, some in zip(roots, chosen, strict=True) for key in root.keys(some.paths())]
    trees, malformed = _trees(repo, store, keys, state, progress)
    damaged, incomplete = repair_remote.treat(
        repo,
        remote,
        store,
        suspects=state.damaged,
        trees=trees,
        present={key for root in roots for key in root.keys(root.objects.paths())},
        restore=options.repair and not options.dry_run,
        removal=Removal(removal) if removal and not options.dry_run else None,
    )
    progress.finish()
    if not options.sample:
        with suppress(FileNotFoundError):
            os.unlink(path)
    return RemoteFsckResult(
        remote=remote.name,
        sound=state.sound,
        told=state.told,
        size=state.size,
        damaged=damaged,
        unreadable=tuple(state.refused),
        malformed=tuple(malformed),
        incomplete=incomplete,
        resumed=resumed,
        sampled=options.sample is not None,
        dry_run=options.dry_run,
    )


def _identity(repo: Repo, name: str, options: Options) -> str:
    """Return what tells one remote, and way to check it, from others, and no secret of its url."""
    how = "read" if options.read else "told"
    return f"{name} {how} {sha256(remotes.locate(repo.settings, name).url.encode()).hexdigest()}"


def _list(store: Store, *, read: bool) -> list[_Root]:
    """Return what there is of DVC 3 and, where anything looks like it, of DVC 2.

    Digests that take another listing are not asked for when all is read anyway.
    """
    modern = layout.prefix()
    rows: dict[bool, list[tuple[bytes, int]]] = {False: [], True: []}
    told: dict[bool, dict[str, str]] = {False: {}, True: {}}
    directories, _ = store.directories(layout.prefix(legacy=True))
    below = "" if any(map(_LEGACY.fullmatch, directories)) else modern
    digests = store.digests(below) if isinstance(store, DigestingStore) and not read else {}
    for page in store.list(below):
        for key, size, digest in zip(page.keys, page.sizes, page.md5s or repeat(""), strict=False):
            legacy = not key.startswith(modern)
            name = key.removeprefix(modern)
            if OBJECT_NAME.fullmatch(name.encode()):
                rows[legacy].append((name.encode(), size))
                if digest := digest or digests.get(key, ""):
                    told[legacy][name] = digest
    return [
        _Root(legacy=legacy, objects=_listing(some), told=told[legacy])
        for legacy, some in rows.items()
        if some
    ]


def _listing(rows: list[tuple[bytes, int]]) -> Listing:
    rows.sort()
    names = b"".join([name + b"\0" for name, _ in rows])
    return Listing.of(names, b"".join([RECORD.pack(0, size, 0, 0, 0, 0) for _, size in rows]))


def _state(path: str, identity: str, options: Options) -> tuple[State, float | None]:
    """Return how far an interrupted check came, and when it began."""
    now = time.time()
    fresh = State(base=identity, started=now)
    kept = None if options.restart or options.sample else disposable.load(path)
    if not isinstance(kept, bytes):
        return fresh, None
    found = State.load(kept, identity, now=now)
    return found, found.started if found.done else None


def _check_all(
    repo: Repo,
    store: Store,
    roots: Sequence[_Root],
    chosen: Sequence[Listing],
    state: State,
    options: Options,
    progress: Progress,
) -> None:
    pairs = list(zip(roots, chosen, strict=True))
    left = sum(state.left(some, legacy=root.legacy) for root, some in pairs)
    progress.start("checking objects", files=left)
    for root, some in pairs:
        _check(repo, store, root, some, state, options, progress)


def _check(
    repo: Repo,
    store: Store,
    root: _Root,
    chosen: Listing,
    state: State,
    options: Options,
    progress: Progress,
) -> None:
    """Check what `state` does not know yet, and note it there."""
    for prefixes, share in objects.shares(chosen, state.finished(legacy=root.legacy)):
        names = share.paths()
        unsure = names if options.read else [name for name in names if root.told.get(name) != _digest(name)]
        progress.advance(len(names) - len(unsure))
        found = integrity.check(
            store, root.keys(unsure), repo.temp_dir, jobs=options.jobs, advance=progress.advance
        )
        state.damaged += sorted(found.wrong)
        for key, failure in found.failures.items():
            if failure.kind is not FailureKind.MISSING:
                state.refused.append((key, failure.reason))
        state.told += len(names) - len(unsure)
        state.sound += len(names) - len(found.wrong) - len(found.failures)
        state.size += share.sizes()
        state.finish(prefixes, legacy=root.legacy)
        if not options.sample:
            disposable.keep(f"{repo.temp_dir}/fsck-remote.state", state.dump())


def _trees(
    repo: Repo, store: Store, keys: Sequence[str], state: State, progress: Progress
) -> tuple[dict[str, dirfile.Listing], list[str]]:
    """Return the content of each sound listing among `keys`, by its key, and the keys of those without sense."""
    wrong = {*state.damaged, *(key for key, _ in state.refused)}
    wanted = [key for key in keys if key.endswith(oids.DIRECTORY_SUFFIX) and key not in wrong]
    found: dict[str, dirfile.Listing] = {}
    malformed: list[str] = []
    progress.start("reading directory listings", files=len(wanted))
    for start in range(0, len(wanted), _PORTION):
        for key, content in _contents(repo, store, wanted[start : start + _PORTION]).items():
            try:
                found[key] = dirfile.load(content, file=key)
            except FormatError:
                malformed.append(key)
        progress.advance(len(wanted[start : start + _PORTION]))
    return found, malformed


def _contents(repo: Repo, store: Store, keys: Sequence[str]) -> dict[str, bytes]:
    """Return the content of listings, from the cache or else from the remote."""
    found: dict[str, bytes] = {}
    for key in keys:
        with suppress(DataVersioningError):
            found[key] = repo.cache.read(layout.object_id(key))
    lacking = [key for key in keys if key not in found]
    atomic.make_directory(repo.temp_dir)
    files = [os.path.basename(atomic.temporary_name(repo.temp_dir)) for _ in lacking]
    packed = layout.pack(files)
    try:
        outcome = store.download(Items(directory=repo.temp_dir, names=packed, keys=layout.pack(lacking)))
        for index, (key, file) in enumerate(zip(lacking, files, strict=True)):
            if index not in outcome.failures:
                found[key] = regular.read(f"{repo.temp_dir}/{file}")
    finally:
        batch.remove_files(repo.temp_dir, packed)
    return found


def _digest(name: str) -> str:
    return name.replace("/", "")[:32]
