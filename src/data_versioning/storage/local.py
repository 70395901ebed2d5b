"""A directory of the local disk (or one mounted on it) as a store.

An object is written under a temporary name in its directory, renamed, synced, and then, when its digest was
checked, made read-only (0444): for DVC that mode on a local remote says that the content need not be hashed
again.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5

from data_versioning.errors import DataVersioningError, MissingObject, StorageError
from data_versioning.localfs import atomic, batch, regular, walk
from data_versioning.storage.base import Advance, Failure, FailureKind, Hashes, Items, Outcome, Page

SEALED = 0o444
# The columns of many stat records, seen as 32-bit words for the mode and as 64-bit words for the size (word
# 1).
_MODES = slice(walk.MODE_WORD, None, walk.RECORD.size // 4)
_SIZES = slice(1, None, walk.RECORD.size // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStore:
    """The files below `root`; `shared` makes new directories and files writable for the group.

    Directories named `.git`, `.hg` and `.dvc` are not listed.
    """

    root: str
    shared: bool = False

    def find(self, keys: Sequence[str]) -> Page:
        """See `ReadableStore.find`."""
        stats = batch.stat_files(self.root, _blob(keys))
        modes = memoryview(stats).cast("I")[_MODES].tolist()
        sizes = memoryview(stats).cast("q")[_SIZES].tolist()
        if all(modes):
            return Page(keys=list(keys), sizes=sizes, modes=modes)
        there = [i for i, mode in enumerate(modes) if mode]
        return Page(
            keys=[keys[i] for i in there], sizes=[sizes[i] for i in there], modes=[modes[i] for i in there]
        )

    def read(self, key: str) -> bytes:
        """See `ReadableStore.read`."""
        try:
            return regular.read(f"{self.root}/{key}")
        except (FileNotFoundError, NotADirectoryError):
            raise MissingObject(f"{self.root} has no {key}") from None
        except OSError as error:
            raise _storage_error(error, self.root) from error

    def download(
        self, items: Items, *, threads: int | None = None, advance: Advance | None = None
    ) -> Outcome:
        """See `ReadableStore.download`."""
        os.makedirs(items.directory, exist_ok=True)
        if not os.path.isdir(self.root):
            gone = Failure(FailureKind.MISSING, f"is missing: there is no directory {self.root}")
            return Outcome(failures=dict.fromkeys(range(len(items)), gone))
        try:
            done = batch.copy_files(
                self.root,
                items.keys,
                items.directory,
                items.names,
                digests=items.digests or None,
                replace=True,
                threads=threads,
                advance=advance,
            )
        except OSError as error:
            raise _storage_error(error, self.root) from error
        return _outcome(done)

    def list(self, prefix: str) -> Iterator[Page]:
        """See `Store.list`."""
        try:
            listing = walk.walk(os.path.join(self.root, prefix.rstrip("/")), prune_nested=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _storage_error(error, self.root) from error
        except DataVersioningError as error:
            raise StorageError(error.message, hint=error.hint) from error
        if b".tmp\0" in listing.names:
            listing = listing.select(
                [i for i, path in enumerate(listing.raw_paths()) if not _unfinished(path)]
            )
        yield Page(
            keys=[prefix + path for path in listing.paths()],
            sizes=memoryview(listing.stats).cast("q")[_SIZES].tolist(),
            modes=memoryview(listing.stats).cast("I")[_MODES].tolist(),
        )

    def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        """See `Store.directories`."""
        try:
            with os.scandir(os.path.join(self.root, prefix)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return [], Page(keys=[], sizes=[])
        except OSError as error:
            raise _storage_error(error, self.root) from error
        files = [
            entry for entry in entries if not entry.is_dir() and not _unfinished(os.fsencode(entry.name))
        ]
        return (
            [f"{prefix}{entry.name}/" for entry in entries if entry.is_dir()],
            self.find([prefix + entry.name for entry in files]),
        )

    def hash(
        self, keys: Sequence[str], *, threads: int | None = None, advance: Advance | None = None
    ) -> Hashes:
        """See `ReadableStore.hash`."""
        found = batch.hash_files(self.root, _blob(keys), threads=threads, advance=advance)
        return Hashes(digests=found.digests, failures=_failures(found.errors))

    def upload(self, items: Items, *, threads: int | None = None, advance: Advance | None = None) -> Outcome:
        """See `Store.upload`; content whose digest was checked becomes read-only."""
        self._make_directories(items.keys)
        try:
            done = batch.copy_files(
                items.directory,
                items.names,
                self.root,
                items.keys,
                digests=items.digests or None,
                mode=0o664 if self.shared else None,
                replace=True,
                threads=threads,
                advance=advance,
            )
        except OSError as error:
            raise _storage_error(error, self.root) from error
        outcome = _outcome(done)
        batch.sync(self.root)
        if items.digests:
            arrived = items.without(outcome.failures)
            batch.chmod_files(self.root, arrived.keys, SEALED, threads=threads)
        return outcome

    def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        """See `Store.delete`."""
        return _failures(batch.remove_files(self.root, _blob(keys)))

    def move(self, keys: Sequence[str], targets: Sequence[str]) -> dict[int, Failure]:
        """See `MovingStore.move`."""
        failures: dict[int, Failure] = {}
        for index, (key, target) in enumerate(zip(keys, targets, strict=True)):
            try:
                self._make_directory(os.path.dirname(f"{self.root}/{target}"))
                os.replace(f"{self.root}/{key}", f"{self.root}/{target}")
            except OSError as error:
                failures[index] = _failure(error.errno or 0)
        return failures

    def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        """See `ConditionalStore.put_if`: a complete temporary file, then link(2), which never replaces.

        Replacing (`expected` given) compares under a lock of the directory, so it needs writers that do so
        too.
        """
        path = f"{self.root}/{key}"
        directory = os.path.dirname(path)
        try:
            self._make_directory(directory)
            temporary = atomic.temporary_name(directory)
            try:
                self._write(temporary, content)
                placed = _create(temporary, path) if expected is None else _replace(temporary, path, expected)
            finally:
                atomic.remove(temporary)
        except OSError as error:
            raise _storage_error(error, self.root) from error
        return _etag(content) if placed else None

    def _write(self, path: str, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as file:
            if self.shared:
                os.fchmod(descriptor, 0o664)
            file.write(content)
            file.flush()
            os.fsync(descriptor)

    def _make_directory(self, path: str) -> None:
        atomic.make_directory(path, 0o2775 if self.shared else None)

    def _make_directories(self, keys: bytes) -> None:
        """Make the root, and for a shared store every directory (copying makes those of private stores)."""
        try:
            self._make_directory(self.root)
            if self.shared:
                for directory in sorted({os.path.dirname(key) for key in keys.split(b"\0")}):
                    self._make_directory(os.path.join(self.root, os.fsdecode(directory)))
        except OSError as error:
            raise _storage_error(error, self.root) from error


def open_store(url: str, settings: Mapping[str, str]) -> LocalStore:
    """Open a directory; settings as in the `[remote]` section of a local path."""
    return LocalStore(
        root=os.path.expanduser(url.removeprefix("file://")) or "/", shared=settings.get("shared") == "group"
    )


def _create(temporary: str, path: str) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    _sync_directory(os.path.dirname(path))
    return True


def _replace(temporary: str, path: str, expected: str) -> bool:
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        try:
            with open(path, "rb") as file:
                present = _etag(file.read())
        except FileNotFoundError:
            return False
        if present != expected:
            return False
        os.replace(temporary, path)
        os.fsync(directory)
    finally:
        os.close(directory)
    return True


def _sync_directory(path: str) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _etag(content: bytes) -> str:
    return md5(content).hexdigest()


def _blob(keys: Sequence[str]) -> bytes:
    return os.fsencode("\0".join(keys) + "\0") if keys else b""


def _unfinished(path: bytes) -> bool:
    name = path[path.rfind(b"/") + 1 :]
    return name.startswith(b".") and name.endswith(b".tmp")


def _outcome(done: batch.Batch) -> Outcome:
    size = sum(memoryview(done.stats).cast("q")[_SIZES])
    return Outcome(failures=_failures(done.errors), size=size)


def _failures(errors: Mapping[int, int]) -> dict[int, Failure]:
    known = {code: _failure(code) for code in set(errors.values())}
    return {index: known[code] for index, code in errors.items()}


def _failure(code: int) -> Failure:
    match code:
        case errno.ENOENT | errno.ENOTDIR:
            return Failure(FailureKind.MISSING, "is missing")
        case errno.EBADMSG:
            return Failure(FailureKind.CORRUPT, "is damaged: its content does not match its name")
        case errno.ENOSPC | errno.EDQUOT:
            return Failure(FailureKind.REFUSED, "the disk is full")
        case _:
            return Failure(FailureKind.REFUSED, os.strerror(code).lower())


def _storage_error(error: OSError, root: str) -> StorageError:
    reason = _failure(error.errno or 0).reason
    return StorageError(f"cannot use {root}: {reason}", hint=f"check that {root} exists and may be written")
