"""Data that comes from a URL of a network store: recorded, brought into the cache, or passed on to a remote.

Nothing lies on this disk twice on its way: what arrives beside the cache becomes the object, and what goes on to a
remote passes in portions. Nothing is recorded that changed while it was read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from data_versioning.errors import DiskError, FileChanged, PathError, StorageError
from data_versioning.formats import dirfile
from data_versioning.formats.dvcfile import Dependency
from data_versioning.localfs import atomic, batch
from data_versioning.localfs.batch import Batch
from data_versioning.localfs.walk import RECORD, Listing
from data_versioning.objects import hashing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.sharing import ServedByDvc
from data_versioning.paths import RepoPath
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import existence, layout
from data_versioning.remotes import origin as origins
from data_versioning.remotes.origin import Found, Origin
from data_versioning.remotes.remote import Remote
from data_versioning.storage.base import Failure, FailureKind, Items, Store, Untold
from data_versioning.workspace.scan import Snapshot

if TYPE_CHECKING:
    from data_versioning.workspace.ignore import IgnoreRules

_ATTEMPTS = 3
# What is on this disk at once of data that passes on to a remote, unless one file alone is larger.
_PORTION_FILES, _PORTION_SIZE = 256, 256 << 20
_OWN = frozenset({".git", ".hg", ".dvc"})
_IGNORE = ".dvcignore"


class LeftToDvc(ServedByDvc):
    """Only the program `dvc` may do it, because of how things are set up here."""

    is_avoidable = True


class Arrived(NamedTuple):
    """What was read: the record of its origin, and what of it is tracked, all of it stored.

    The record is empty when the path it was to be written with is.
    """

    dependency: Dependency
    stored: Snapshot


def existing(origin: Origin) -> Found:
    """Return what the origin holds; `PathError` when there is nothing."""
    found = origins.look(origin)
    if found is None:
        raise PathError(
            f"'{origin.url}' does not exist, or is an empty directory", hint=_looking_around(origin)
        )
    return found


def _existing(origin: Origin, written: str) -> Found:
    """Return what the origin holds, with what identifies it where that is to be `written`.

    Raises `LeftToDvc` where only `dvc` may learn that.
    """
    found = existing(origin)
    try:
        return origins.identified(origin, found) if written else found
    except Untold as error:
        raise LeftToDvc(error.message, hint=error.hint) from None


def _looking_around(origin: Origin) -> str:
    """Return the hint for an origin that is not there."""
    if not isinstance(origin.store, Store) or not origin.key:
        return "check the address for a typo"
    return f"dv list-url {origin.url.rstrip('/').rpartition('/')[0]}   shows what is there"


def declared(origin: Origin, written: str, progress: Progress) -> Dependency:
    """Return the record of what the origin holds; its content is read only where that is what is recorded."""
    return _record(origin, written, _existing(origin, written), progress)


def put(
    loaded: Loaded, origin: Origin, written: str, out: RepoPath, cache: ObjectCache, progress: Progress
) -> Arrived:
    """Store in `cache` what the origin holds, of a directory what is tracked when it lies at `out`.

    Raises `PathError` when there is nothing, `FileChanged` when it does not hold still, `StorageError`.
    """

    def read(found: Found) -> Arrived:
        digests, stats = _download(origin, found, cache, progress)
        return _arrived(origin, written, found, digests, stats, _tracked(found, out, loaded.ignore), cache)

    return _steadily(origin, written, read)


def put_whole(origin: Origin, written: str, cache: ObjectCache, progress: Progress) -> Arrived:
    """Store in `cache` everything that the origin holds; raises as `put`."""

    def read(found: Found) -> Arrived:
        digests, stats = _download(origin, found, cache, progress)
        return _arrived(origin, written, found, digests, stats, range(len(found.names)), cache)

    return _steadily(origin, written, read)


def relay(loaded: Loaded, origin: Origin, written: str, remote: Remote, progress: Progress) -> Arrived:
    """Pass everything that the origin holds on to a remote, in portions; raises as `put`."""

    def read(found: Found) -> Arrived:
        digests = bytearray()
        stats = bytearray()
        progress.start(f"Sending to {remote.name}", files=len(found.names), size=found.size)
        for names in _portions(found):
            with _staged(loaded.repo.temp_dir, len(names)) as staged:
                part_digests, part_stats = _receive(origin, names, staged, progress)
                send_files(staged.directory, staged.names, part_digests, remote, SILENT)
            digests += part_digests
            stats += part_stats
        arrived = _arrived(
            origin, written, found, bytes(digests), bytes(stats), range(len(found.names)), None
        )
        if found.is_dir:
            send_listing(loaded, arrived.stored, remote)
        return arrived

    return _steadily(origin, written, read)


def send_files(directory: str, names: bytes, digests: bytes, remote: Remote, progress: Progress) -> None:
    """Upload local files that the remote lacks under their digests; what changed meanwhile is `FileChanged`."""
    values = oids.hex_digests(digests)
    parts = names.split(b"\0")
    absent = existence.absent(remote.store, values)
    wanted = list({values[index]: index for index in absent}.values())
    items = Items(
        directory=directory,
        names=b"".join([parts[index] + b"\0" for index in wanted]),
        keys=layout.packed_keys([values[index] for index in wanted]),
        digests=b"".join([digests[index * 16 : index * 16 + 16] for index in wanted]),
    )
    outcome = remote.store.upload(items, threads=remote.jobs, advance=progress.advance)
    _refuse(outcome.failures, remote.name)


def send_listing(loaded: Loaded, snapshot: Snapshot, remote: Remote) -> None:
    """Upload the listing of a directory whose files are all on the remote."""
    content = dirfile.dump(snapshot.paths(), snapshot.hex_digests())
    with _staged(loaded.repo.temp_dir, 1) as staged:
        name = os.fsdecode(staged.names[:-1])
        atomic.replace(f"{staged.directory}/{name}", content, durable=False)
        value = snapshot.oid.value
        items = Items(
            directory=staged.directory,
            names=staged.names,
            keys=layout.packed_keys([value]),
            digests=bytes.fromhex(value[:32]),
        )
        _refuse(remote.store.upload(items).failures, remote.name)


class _Staged(NamedTuple):
    directory: str
    names: bytes


@contextmanager
def _staged(directory: str, count: int) -> Iterator[_Staged]:
    """Give names of unfinished files in a directory; what has them afterwards is removed, else by `dv gc`."""
    atomic.make_directory(directory)
    names = "".join([os.path.basename(atomic.temporary_name(directory)) + "\0" for _ in range(count)])
    try:
        yield _Staged(directory, names.encode())
    finally:
        batch.remove_files(directory, names.encode())


def _steadily(origin: Origin, written: str, read: Callable[[Found], Arrived]) -> Arrived:
    """Read the origin, again when it was another one afterwards."""
    found = _existing(origin, written)
    if written and not origin.is_content_recorded:
        origins.dependency(origin, written, found)  # before much is read: it may not be possible
    for _ in range(_ATTEMPTS):
        arrived = read(found)
        before, found = found, _existing(origin, written)
        if found == before:
            return arrived
    raise FileChanged(
        f"'{origin.url}' kept changing while it was being read; nothing was recorded",
        hint="run the command again once nothing writes to it",
    )


def _record(origin: Origin, written: str, found: Found, progress: Progress) -> Dependency:
    if not origin.is_content_recorded:
        return origins.dependency(origin, written, found)
    progress.start("Hashing", files=len(found.names), size=found.size)
    hashes = origin.store.hash(origin.keys(found.names), threads=origin.jobs, advance=progress.advance)
    _refuse(hashes.failures, origin.url)
    return origins.dependency(origin, written, found, oids.hex_digests(hashes.digests))


def _download(origin: Origin, found: Found, cache: ObjectCache, progress: Progress) -> tuple[bytes, bytes]:
    """Bring all files into the cache; return digest and stat of each."""
    progress.start("Downloading", files=len(found.names), size=found.size)
    root = cache.root()
    atomic.make_directory(root, cache.directory_mode)
    with _staged(root, len(found.names)) as staged:
        _fetch(origin, found.names, staged, progress)
        done = batch.store_files(
            root, staged.names, root, method="hardlink", directory_mode=cache.directory_mode
        )
        _refuse_unread(done, origin)
        values = oids.hex_digests(done.digests)
        cache.seal([value for value, is_new in zip(values, done.written, strict=True) if is_new])
    return done.digests, done.stats


def _receive(
    origin: Origin, names: Sequence[str], staged: _Staged, progress: Progress
) -> tuple[bytes, bytes]:
    _fetch(origin, names, staged, progress)
    done = batch.hash_files(staged.directory, staged.names)
    _refuse_unread(done, origin)
    return done.digests, done.stats


def _fetch(origin: Origin, names: Sequence[str], staged: _Staged, progress: Progress) -> None:
    _download_files(origin, names, staged.directory, staged.names, progress)


def download(
    origin: Origin,
    found: Found,
    directory: str,
    names: Sequence[str],
    progress: Progress,
) -> None:
    """Copy what was found to the files `names` of a directory, each complete or not at all."""
    packed = os.fsencode("".join([f"{name}\0" for name in names]))
    _download_files(origin, found.names, directory, packed, progress)


def _download_files(
    origin: Origin, names: Sequence[str], directory: str, packed: bytes, progress: Progress
) -> None:
    keys = os.fsencode("".join([f"{key}\0" for key in origin.keys(names)]))
    items = Items(directory=directory, names=packed, keys=keys)
    _refuse(origin.store.download(items, threads=origin.jobs, advance=progress.advance).failures, origin.url)


def _refuse_unread(done: Batch, origin: Origin) -> None:
    """Raise `DiskError` when files that arrived could not be read or stored."""
    if done.errors or done.changed:
        reason = os.strerror(min(done.errors.values())) if done.errors else "they were changed meanwhile"
        raise DiskError(f"what came from '{origin.url}' cannot be stored: {reason}", hint="run it again")


def _refuse(failures: dict[int, Failure], place: str) -> None:
    """Raise the error for the first of some files that did not arrive."""
    if not failures:
        return
    kind, reason = failures[min(failures)]
    if kind is FailureKind.REFUSED:
        raise StorageError(
            f"{len(failures)} files could not be copied ({place}): {reason}", hint="run it again"
        )
    raise FileChanged(
        f"{len(failures)} files changed while they were being read ({place}): one {reason}; nothing was recorded",
        hint="run the command again once nothing writes to it",
    )


def _portions(found: Found) -> Iterator[list[str]]:
    portion: list[str] = []
    size = 0
    for name, length in zip(found.names, found.sizes, strict=True):
        if portion and (len(portion) >= _PORTION_FILES or size + length > _PORTION_SIZE):
            yield portion
            portion, size = [], 0
        portion.append(name)
        size += length
    yield portion


def _tracked(found: Found, out: RepoPath, ignore: IgnoreRules | None) -> Sequence[int]:
    """Return the indices of the files that are tracked when they lie at `out`."""
    if not found.is_dir:
        return [0]
    if any(name.rpartition("/")[2] == _IGNORE for name in found.names):
        raise PathError(
            f"there is a {_IGNORE} file inside: it would be tracked and obeyed at once",
            hint="import a directory without one",
        )
    kept = [index for index, name in enumerate(found.names) if _OWN.isdisjoint(name.split("/")[:-1])]
    if ignore is None:
        return kept
    return [kept[at] for at in ignore.filter([f"{out}/{found.names[index]}" for index in kept])]


def _arrived(
    origin: Origin,
    written: str,
    found: Found,
    digests: bytes,
    stats: bytes,
    kept: Sequence[int],
    cache: ObjectCache | None,
) -> Arrived:
    """Return what is recorded; the listing of a directory is written to `cache`, if there is one."""
    values = oids.hex_digests(digests)
    record = origins.dependency(origin, written, found, values) if written else Dependency()
    names = "".join([f"{found.names[index] or os.path.basename(origin.key)}\0" for index in kept])
    listing = Listing.of(
        os.fsencode(names), b"".join([stats[at * RECORD.size : (at + 1) * RECORD.size] for at in kept])
    )
    oid = ObjectId(values[0])
    if found.is_dir:
        content = dirfile.dump([found.names[at] for at in kept], [values[at] for at in kept])
        oid = ObjectId(hashing.md5(content) + oids.DIRECTORY_SUFFIX)
        if cache is not None:
            cache.write_tree(content)
            cache.seal([oid.value])
    stored = b"".join([digests[at * 16 : at * 16 + 16] for at in kept])
    return Arrived(record, Snapshot(listing=listing, digests=stored, oid=oid, size=listing.sizes()))
