"""Download data from a URL, without tracking it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from data_versioning.errors import Conflict, DiskError, PathError
from data_versioning.formats.config import Settings
from data_versioning.localfs import atomic, batch, walk
from data_versioning.localfs.walk import Listing
from data_versioning.operations import network_origin, url_origin
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes.origin import Origin
from data_versioning.storage.base import UNLIMITED, Limits
from data_versioning.workspace import scan, stat_cache

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResult:
    """Where the data is now, and how much of it there is."""

    path: str
    files: int
    size: int


def get_url(
    settings: Settings,
    url: str,
    out: str | None = None,
    *,
    force: bool = False,
    jobs: int | None = None,
    limits: Limits = UNLIMITED,
    progress: Progress = SILENT,
) -> GetResult:
    """Copy what `url` names to `out`, a path or a directory to put it into; by default under its own name here.

    A file, and a directory that is not there yet, appear complete or not at all. Raises `PathError`, `Conflict` when
    something is there already, unless `force` (then directories are merged), `FileChanged`, `ServedByDvc`.
    """
    origin = url_origin.find(settings, url, os.getcwd(), limits=limits, jobs=jobs)
    target = url_origin.destination(url, out)
    if os.path.lexists(target) and not force:
        kind = "directory" if os.path.isdir(target) else "file"
        raise Conflict(f"the {kind} '{target}' exists already", hint=f"dv get-url --force {url} {target}")
    if isinstance(origin, str) and not os.path.exists(origin):
        raise url_origin.missing(url)
    place = os.path.abspath(target)
    try:
        if isinstance(origin, Origin):
            files, size = _from_network(origin, place, progress)
        else:
            files, size = _from_here(origin, place, jobs, progress)
    except OSError as error:
        raise DiskError(f"cannot write '{target}': {error.strerror}", hint="name another place") from error
    finally:
        progress.finish()
    return GetResult(path=target, files=files, size=size)


def _from_here(origin: str, target: str, jobs: int | None, progress: Progress) -> tuple[int, int]:
    """Copy a file or directory of this machine; return the number of files and of bytes."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    copied = (_directory if os.path.isdir(origin) else _file)(origin, target, jobs, progress)
    return len(copied), copied.sizes()


def _from_network(origin: Origin, target: str, progress: Progress) -> tuple[int, int]:
    """Download a file or directory; return the number of files and of bytes."""
    found = network_origin.existing(origin)
    progress.start("Downloading", files=len(found.names), size=found.size)
    parent, name = os.path.split(target)
    if not found.is_dir:
        network_origin.download(origin, found, parent, [name], progress)
    elif os.path.lexists(target):
        network_origin.download(origin, found, target, found.names, progress)
    else:
        with _new_directory(target) as directory:
            network_origin.download(origin, found, directory, found.names, progress)
    return len(found.names), found.size


def _file(origin: str, target: str, jobs: int | None, progress: Progress) -> Listing:
    found = walk.stat_file(origin)
    if found is None or not os.path.isfile(origin):
        raise PathError(f"'{origin}' is neither a file nor a directory", hint="check the path")
    parent, name = os.path.split(origin)
    listing = Listing.of(os.fsencode(name) + b"\0", walk.RECORD.pack(*found))
    directory, new = os.path.split(target)
    _copy(parent, listing, directory, os.fsencode(new) + b"\0", jobs, progress)
    return listing


def _directory(origin: str, target: str, jobs: int | None, progress: Progress) -> Listing:
    listing = walk.walk_everything(origin)
    if os.path.lexists(target):
        _copy(origin, listing, target, listing.names, jobs, progress)
        return listing
    with _new_directory(target) as directory:
        _copy(origin, listing, directory, listing.names, jobs, progress)
    return listing


@contextlib.contextmanager
def _new_directory(target: str) -> Iterator[str]:
    """Give a directory to fill, which becomes `target`, or nothing after a failure."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    unfinished = atomic.temporary_name(os.path.dirname(target))
    try:
        os.mkdir(unfinished)
        yield unfinished
        os.rename(unfinished, target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _copy(
    source: str, listing: Listing, target: str, names: bytes, jobs: int | None, progress: Progress
) -> None:
    """Copy files; those that change meanwhile are copied again, and `FileChanged` ends it when that does not help."""
    left, todo = listing, names
    progress.start("Copying", files=len(listing), size=listing.sizes())
    for _ in range(_ATTEMPTS):
        stat_cache.wait_for_tick(left.stats)
        before = batch.stat_files(source, left.names)
        done = batch.copy_files(
            source, left.names, target, todo, replace=True, threads=jobs, advance=progress.advance
        )
        for index, code in done.errors.items():
            raise DiskError(f"cannot copy '{source}/{left.paths()[index]}': {os.strerror(code)}")
        changed = stat_cache.different(before, batch.stat_files(source, left.names))
        if not changed:
            return
        left = left.select(changed)
        parts = todo.split(b"\0")
        todo = b"".join([parts[index] + b"\0" for index in changed])
    batch.remove_files(target, todo)
    raise scan.changed_while_read(source, left.raw_paths()[0])
