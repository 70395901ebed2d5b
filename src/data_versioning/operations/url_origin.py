"""Where data that is imported or downloaded by URL comes from: a place on this machine.

Any other place is reached by the program `dvc` (`ServedByDvc`). What an origin holds is recorded as DVC does: all of
it, `.git` and what is ignored here included; only what may be tracked becomes part of the output.
"""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from data_versioning import storage
from data_versioning.errors import PathError, UsageError
from data_versioning.formats.config import Settings
from data_versioning.localfs import walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects.cache import ObjectCache
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.sharing import ServedByDvc
from data_versioning.paths import RepoPath
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import remote as remotes
from data_versioning.workspace import scan, store
from data_versioning.workspace.scan import Scanner, Snapshot

if TYPE_CHECKING:
    from data_versioning.workspace.ignore import IgnoreRules

_SCHEMES = {"", "file", "remote"}
_PRIVATE = re.compile(rb"(?:^|[/\0])\.(?:git|hg|dvc)[/\0]")


class Content(NamedTuple):
    """What an origin holds, and the part of it that is stored."""

    whole: Snapshot
    stored: Snapshot


def place(settings: Settings, url: str, base: str) -> str:
    """Return the absolute path that `url` means; a relative one counts from the directory `base`.

    Raises `ServedByDvc` when it is not on this machine, `ConfigError` for an unknown remote.
    """
    scheme = storage.scheme(url)
    found = remotes.resolve(settings, url) if scheme in _SCHEMES else None
    if found is None or not found.is_ours:
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
    name = os.path.basename(os.path.normpath(url))
    if out is not None and not os.path.isdir(out):
        return out
    if name in {"", ".", ".."}:
        raise UsageError(f"'{url}' has no name of its own", hint="name the destination, too")
    return os.path.join(out or "", name)


def look(loaded: Loaded, origin: str, progress: Progress = SILENT) -> Snapshot | None:
    """Return what the absolute path `origin` holds; None when there is nothing."""
    return scan.look(*_scanner(loaded, origin, progress))


def put(
    loaded: Loaded, origin: str, out: RepoPath, cache: ObjectCache, progress: Progress = SILENT
) -> Content:
    """Store in `cache` what of `origin` is tracked when it lies at `out`, reading it once.

    Raises `PathError` when there is nothing, or something that cannot be tracked; `FileChanged` when it does not hold
    still.
    """
    scanner, path = _scanner(loaded, origin, progress)
    if os.path.isdir(origin):
        listing = scan.list_files(scanner, path)
        if _PRIVATE.search(listing.names) or loaded.ignore:
            part = scanner._replace(list_directory=partial(_tracked, out=out, ignore=loaded.ignore))
            if scan.list_files(part, path).names != listing.names:
                return Content(
                    existing(loaded, origin, progress), store.put(part, path, cache, kind=LinkType.COPY)
                )
    whole = store.put(scanner, path, cache, kind=LinkType.COPY)
    return Content(whole, whole)


def put_whole(loaded: Loaded, origin: str, cache: ObjectCache, progress: Progress = SILENT) -> Snapshot:
    """Store in `cache` everything that `origin` holds, reading it once; raises as `put`."""
    scanner, path = _scanner(loaded, origin, progress)
    return store.put(scanner, path, cache, kind=LinkType.COPY)


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
