"""Where data that is imported or downloaded by URL comes from: a place on this machine, or a network store.

A place here is an absolute path; see `network_origin` for the others. What an origin holds is recorded as DVC does: all
of it, `.git` and what is ignored here included; only what may be tracked becomes part of the output.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from data_versioning import repo as repos
from data_versioning import storage
from data_versioning.errors import NotInRepository, PathError, UsageError
from data_versioning.formats.config import Settings
from data_versioning.formats.dvcfile import Dependency
from data_versioning.localfs import walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects.cache import ObjectCache
from data_versioning.operations import network_origin, pointers, sharing
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.network_origin import Arrived
from data_versioning.operations.sharing import ServedByDvc
from data_versioning.paths import RepoPath
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import existence
from data_versioning.remotes import origin as origins
from data_versioning.remotes import remote as remotes
from data_versioning.remotes.origin import Origin
from data_versioning.remotes.remote import Location, Remote
from data_versioning.storage.base import UNLIMITED, Limits
from data_versioning.workspace import scan, store
from data_versioning.workspace.scan import Scanner, Snapshot

if TYPE_CHECKING:
    from data_versioning.workspace.ignore import IgnoreRules

_HERE = {"", "file"}
_SCHEMES = {*_HERE, "remote"}
_PRIVATE = re.compile(rb"(?:^|[/\0])\.(?:git|hg|dvc)[/\0]")


Place: TypeAlias = str | Origin
Destination: TypeAlias = ObjectCache | Remote
"""Where data is sent: a remote on this machine is a cache, too."""


class _Content(NamedTuple):
    """What an origin holds, and the part of it that is stored."""

    whole: Snapshot
    stored: Snapshot


def find(
    settings: Settings, url: str, base: str, *, limits: Limits = UNLIMITED, jobs: int | None = None
) -> Place:
    """Return what `url` means; a relative path counts from the directory `base`, whose repository is the one here.

    `limits` and `jobs` are for what comes through a network. A url below a configured remote gets that remote's
    settings. Raises `ServedByDvc` when only `dvc` reaches it, `ConfigError` for an unknown remote, or for settings
    that would start a program.
    """
    if is_here(settings, url):
        return place(settings, url, base)
    location = _location(settings, url)
    with contextlib.suppress(NotInRepository):
        sharing.refuse_programs(repos.find_root(base), location)
    return origins.open(location, limits=limits, jobs=jobs)


def refuse_unrecorded(settings: Settings, url: str) -> None:
    """Raise `ServedByDvc` when only `dvc` knows what is recorded of data at `url`."""
    if is_here(settings, url):
        return
    scheme = storage.scheme(_location(settings, url).url)
    if not origins.is_recorded(scheme):
        raise ServedByDvc(
            f"imports from {scheme}:// are recorded by the program dvc for now", hint="dvc import-url"
        )


def has_versions(settings: Settings, url: str) -> bool:
    """Whether DVC records the version of any file there, also of those that it takes as they are now."""
    return not is_here(settings, url) and origins.has_versions(storage.scheme(_location(settings, url).url))


def exists(origin: Place) -> bool:
    """Whether anything is there."""
    return origins.look(origin) is not None if isinstance(origin, Origin) else os.path.exists(origin)


def destination_of(repo: repos.Repo, name: str | None, *, jobs: int | None = None) -> Destination:
    """Return the remote `name`, or the default one, as something that data can be sent to, `jobs` files at once."""
    remote = sharing.open_remote(repo, name)
    return existence.as_cache(remote.store) or replace(remote, jobs=jobs or remote.jobs)


def place(settings: Settings, url: str, base: str) -> str:
    """Return the absolute path that `url` means; a relative one counts from the directory `base`.

    Raises `ServedByDvc` when it is not on this machine, `ConfigError` for an unknown remote.
    """
    scheme = storage.scheme(url)
    found = remotes.resolve(settings, url) if scheme in _SCHEMES else None
    if found is None or not found.is_ours or storage.scheme(found.url) not in _HERE:
        raise ServedByDvc(
            f"{scheme}:// urls are reached by the program dvc for now", hint=f"dvc list-url {url}"
        )
    path = found.url.removeprefix("file://") if storage.scheme(found.url) else found.url
    return os.path.join(base, os.path.expanduser(path) if scheme == "remote" else path)


def is_here(settings: Settings, url: str) -> bool:
    """Whether `url` is on this machine."""
    try:
        place(settings, url, "/")
    except ServedByDvc:
        return False
    return True


def destination(url: str, out: str | None) -> str:
    """Return where data from `url` goes: to `out`, into it when it is a directory, else here under its own name."""
    # What follows a "?" is part of the name on this machine only.
    path = url if storage.scheme(url) in _HERE else urlsplit(url).path
    name = os.path.basename(os.path.normpath(path))
    if out is not None and not os.path.isdir(out):
        return out
    if name in {"", ".", ".."}:
        raise UsageError(f"'{url}' has no name of its own", hint="name the destination, too")
    return os.path.join(out or "", name)


def look(loaded: Loaded, origin: str, progress: Progress = SILENT) -> Snapshot | None:
    """Return what the absolute path `origin` holds; None when there is nothing."""
    return scan.look(*_scanner(loaded, origin, progress))


def declared(loaded: Loaded, origin: Place, written: str, progress: Progress = SILENT) -> Dependency:
    """Return the record, with the path `written`, of what `origin` holds; `PathError` when there is nothing."""
    if isinstance(origin, Origin):
        return network_origin.declared(origin, written, progress)
    return pointers.dependency(written, existing(loaded, origin, progress))


def put(
    loaded: Loaded,
    origin: Place,
    written: str,
    out: RepoPath,
    cache: ObjectCache,
    progress: Progress = SILENT,
) -> Arrived:
    """Store in `cache` what of `origin` is tracked when it lies at `out`, reading it once.

    Raises `PathError` when there is nothing, or something that cannot be tracked; `FileChanged` when it does not hold
    still.
    """
    if isinstance(origin, Origin):
        return network_origin.put(loaded, origin, written, out, cache, progress)
    whole, stored = _put(loaded, origin, out, cache, progress)
    return Arrived(pointers.dependency(written, whole), stored)


def send(
    loaded: Loaded, origin: Place, written: str, destination: Destination, progress: Progress = SILENT
) -> Arrived:
    """Send everything that `origin` holds to a remote, past the cache; raises as `put`."""
    if isinstance(origin, Origin):
        if isinstance(destination, Remote):
            return network_origin.relay(loaded, origin, written, destination, progress)
        return network_origin.put_whole(origin, written, destination, progress)
    if isinstance(destination, Remote):
        whole = existing(loaded, origin, progress)
        _upload(loaded, origin, whole, destination, progress)
    else:
        scanner, path = _scanner(loaded, origin, progress)
        whole = store.put(scanner, path, destination, kind=LinkType.COPY)
    return Arrived(pointers.dependency(written, whole), whole)


def _upload(loaded: Loaded, origin: str, whole: Snapshot, remote: Remote, progress: Progress) -> None:
    progress.start(f"Sending to {remote.name}", files=len(whole.listing), size=whole.size)
    directory = origin if whole.is_dir else os.path.dirname(origin)
    network_origin.send_files(directory, whole.listing.names, whole.digests, remote, progress)
    if whole.is_dir:
        network_origin.send_listing(loaded, whole, remote)


def _put(loaded: Loaded, origin: str, out: RepoPath, cache: ObjectCache, progress: Progress) -> _Content:
    scanner, path = _scanner(loaded, origin, progress)
    if os.path.isdir(origin):
        listing = scan.list_files(scanner, path)
        if _PRIVATE.search(listing.names) or loaded.ignore:
            part = scanner._replace(list_directory=partial(_tracked, out=out, ignore=loaded.ignore))
            if scan.list_files(part, path).names != listing.names:
                return _Content(
                    existing(loaded, origin, progress), store.put(part, path, cache, kind=LinkType.COPY)
                )
    whole = store.put(scanner, path, cache, kind=LinkType.COPY)
    return _Content(whole, whole)


def _location(settings: Settings, url: str) -> Location:
    found = origins.covering(settings, url)
    if not found.is_ours or (storage.scheme(found.url).startswith("http") and "#" in found.url):
        raise ServedByDvc(f"{url} is reached by the program dvc for now", hint=f"dvc list-url {url}")
    return found


def existing(loaded: Loaded, origin: str, progress: Progress = SILENT) -> Snapshot:
    """Return what `origin` holds; `PathError` when there is nothing."""
    found = look(loaded, origin, progress)
    if found is None:
        raise missing(origin)
    return found


def missing(origin: str) -> PathError:
    """Return the error for an origin that is not there."""
    return PathError(f"'{origin}' does not exist", hint="check the path, and where you are: pwd")


def _scanner(loaded: Loaded, origin: str, progress: Progress) -> tuple[Scanner, str]:
    """Return what a scan needs: inside of the repository its ignore rules count, outside none."""
    origin = os.path.normpath(origin)
    root = loaded.repo.root
    if origin.startswith(f"{root}/"):
        return loaded.scanner(progress=progress), origin[len(root) + 1 :]
    outside = Scanner(root="", stats=loaded.stats, progress=progress, list_directory=walk.walk_everything)
    return outside, origin


def _tracked(directory: str, *, out: RepoPath, ignore: IgnoreRules | None) -> Listing:
    listing = walk.walk(directory)
    if ignore is None:
        return listing
    return listing.select(ignore.filter([f"{out}/{name}" for name in listing.paths()]))
