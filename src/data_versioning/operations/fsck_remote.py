"""Check the objects of a remote: by the digest that the store itself took, else by reading them.

Nothing on the remote changes unless it is asked for: others use it, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from data_versioning.errors import DataVersioningError, FormatError, StorageError
from data_versioning.formats import dirfile
from data_versioning.localfs import atomic, batch, disposable, regular
from data_versioning.localfs.walk import RECORD, Listing
from data_versioning.objects import fsck as objects
from data_versioning.objects import oid as oids
from data_versioning.objects.fsck import State
from data_versioning.objects.gc import OBJECT_NAME
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import repair_remote, sharing
from data_versioning.operations.fsck import Options
from data_versioning.operations.repair_remote import Incomplete, RemoteDamage
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import layout
from data_versioning.remotes import remote as remotes
from data_versioning.remotes.aside import Removal
from data_versioning.repo import Repo
from data_versioning.storage.base import FailureKind, Items, Store

_PORTION = 256  # listings that are fetched at once


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
class _Contents:
    """The objects of a remote, and by name the digest that the store tells, where it does."""

    objects: Listing
    told: Mapping[str, str] = field(repr=False)


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
    contents = _list(store)
    chosen = contents.objects
    if options.sample and len(chosen):
        chosen = objects.sample(chosen, objects.sample_size(options.sample, len(chosen)))
    path = f"{repo.temp_dir}/fsck-remote.state"
    state, resumed = _state(path, _identity(repo, remote.name), options)
    _check(store, contents, chosen, state, options, progress, path)
    trees, malformed = _trees(repo, store, chosen, state, progress)
    damaged, incomplete = repair_remote.treat(
        repo,
        remote,
        store,
        suspects=state.damaged,
        trees=trees,
        present=set(contents.objects.paths()),
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


def _identity(repo: Repo, name: str) -> str:
    """Return what tells one remote from others, and no secret of its url."""
    return f"{name} {sha256(remotes.locate(repo.settings, name).url.encode()).hexdigest()}"


def _list(store: Store) -> _Contents:
    rows: list[tuple[bytes, int]] = []
    told: dict[str, str] = {}
    base = layout.prefix()
    for page in store.list(base):
        for index, (key, size) in enumerate(zip(page.keys, page.sizes, strict=True)):
            name = key[len(base) :]
            if OBJECT_NAME.fullmatch(name.encode()):
                rows.append((name.encode(), size))
                if page.md5s and page.md5s[index]:
                    told[name] = page.md5s[index]
    rows.sort()
    names = b"".join([name + b"\0" for name, _ in rows])
    return _Contents(
        objects=Listing.of(names, b"".join([RECORD.pack(0, size, 0, 0, 0, 0) for _, size in rows])), told=told
    )


def _state(path: str, identity: str, options: Options) -> tuple[State, float | None]:
    """Return how far an interrupted check came, and when it began."""
    now = time.time()
    fresh = State(base=identity, started=now)
    kept = None if options.restart or options.sample else disposable.load(path)
    if not isinstance(kept, bytes):
        return fresh, None
    found = State.load(kept, identity, now=now)
    return found, found.started if found.done else None


def _check(
    store: Store,
    contents: _Contents,
    chosen: Listing,
    state: State,
    options: Options,
    progress: Progress,
    path: str,
) -> None:
    """Check what `state` does not know yet, and note it there."""
    left = [share for _, share in objects.shares(chosen, state.done)]
    progress.start("checking objects", files=sum(map(len, left)))
    for prefixes, share in objects.shares(chosen, state.done):
        names = share.paths()
        unsure = [name for name in names if contents.told.get(name) != _digest(name)]
        progress.advance(len(names) - len(unsure))
        hashes = store.hash(_keys(unsure), threads=options.jobs, advance=progress.advance)
        found = oids.hex_digests(hashes.digests)
        for index, name in enumerate(unsure):
            failure = hashes.failures.get(index)
            if failure is None and found[index] != _digest(name):
                state.damaged.append(name)
            elif failure is not None and failure.kind is not FailureKind.MISSING:
                state.refused.append((layout.prefix() + name, failure.reason))
            else:
                state.sound += failure is None
        state.told += len(names) - len(unsure)
        state.sound += len(names) - len(unsure)
        state.size += share.sizes()
        state.done += prefixes
        if not options.sample:
            disposable.keep(path, state.dump())


def _trees(
    repo: Repo, store: Store, chosen: Listing, state: State, progress: Progress
) -> tuple[dict[str, dirfile.Listing], list[str]]:
    """Return the content of each sound listing among `chosen`, by its name, and the keys of those without sense."""
    wrong = {*state.damaged, *(key.removeprefix(layout.prefix()) for key, _ in state.refused)}
    names = [name for name in chosen.paths() if name.endswith(oids.DIRECTORY_SUFFIX) and name not in wrong]
    found: dict[str, dirfile.Listing] = {}
    malformed: list[str] = []
    progress.start("reading directory listings", files=len(names))
    for start in range(0, len(names), _PORTION):
        for name, content in _contents(repo, store, names[start : start + _PORTION]).items():
            try:
                found[name] = dirfile.load(content, file=name)
            except FormatError:
                malformed.append(layout.prefix() + name)
        progress.advance(len(names[start : start + _PORTION]))
    return found, malformed


def _contents(repo: Repo, store: Store, names: Sequence[str]) -> dict[str, bytes]:
    """Return the content of listings, from the cache or else from the remote."""
    found: dict[str, bytes] = {}
    for name in names:
        with suppress(DataVersioningError):
            found[name] = repo.cache.read(ObjectId(name.replace("/", "")))
    lacking = [name for name in names if name not in found]
    atomic.make_directory(repo.temp_dir)
    files = [os.path.basename(atomic.temporary_name(repo.temp_dir)) for _ in lacking]
    packed = "".join([f"{file}\0" for file in files]).encode()
    try:
        items = Items(directory=repo.temp_dir, names=packed, keys=layout.pack(_keys(lacking)))
        outcome = store.download(items)
        for index, (name, file) in enumerate(zip(lacking, files, strict=True)):
            if index not in outcome.failures:
                found[name] = regular.read(f"{repo.temp_dir}/{file}")
    finally:
        batch.remove_files(repo.temp_dir, packed)
    return found


def _keys(names: Sequence[str]) -> list[str]:
    return [layout.prefix() + name for name in names]


def _digest(name: str) -> str:
    return name.replace("/", "")[:32]
