"""List what a URL holds: files and directories with their sizes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from data_versioning.errors import DiskError, UsageError
from data_versioning.formats.config import Settings
from data_versioning.operations import network_origin, url_origin
from data_versioning.paths import parents
from data_versioning.remotes.origin import Origin
from data_versioning.storage.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntry:
    """A file or directory; `size` in bytes, None where it was not asked for; `inside` only in a tree."""

    path: str
    isdir: bool
    size: int | None
    inside: tuple[ListedEntry, ...] = field(default=())


def list_url(
    settings: Settings, url: str, *, recursive: bool = False, level: int | None = None
) -> list[ListedEntry]:
    """Return what lies in the directory `url`, by name; with `recursive` all files below, directories at `level` only.

    Links to directories are listed and never entered. Raises `PathError` when there is nothing, `ServedByDvc`.
    """
    place = _existing(settings, url, level)
    if isinstance(place, Origin):
        return _on_network(place, recursive=recursive, level=level)
    if level == 0 or not os.path.isdir(place):
        return [ListedEntry(path=place, isdir=False, size=None)]
    return list(_below(place, "", 1, recursive=recursive, level=level))


def tree(settings: Settings, url: str, *, level: int | None = None) -> ListedEntry:
    """Return `url` with everything inside, `level` directories deep; raises as `list_url`."""
    place = _existing(settings, url, level)
    if isinstance(place, Origin):
        return _network_tree(place, level)
    name = place if "://" in url else url
    return ListedEntry(
        path=name,
        isdir=os.path.isdir(place),
        size=os.stat(place).st_size,
        inside=_inside(place, level) if os.path.isdir(place) else (),
    )


def _existing(settings: Settings, url: str, level: int | None) -> url_origin.Place:
    if level is not None and level < 0:
        raise UsageError("the level cannot be negative", hint="dv list-url -L 1 URL")
    place = url_origin.find(settings, url, os.getcwd())
    if isinstance(place, str) and not os.path.exists(place):
        raise url_origin.missing(url)
    return place


def _on_network(origin: Origin, *, recursive: bool, level: int | None) -> list[ListedEntry]:
    found = [] if recursive else _directly_in(origin)
    if found and level != 0:
        return found
    whole = network_origin.existing(origin)
    if level == 0 or not whole.is_dir:
        return [ListedEntry(path=origin.shown, isdir=False, size=None)]
    entries: dict[str, ListedEntry] = {}
    for name, size in zip(whole.names, whole.sizes, strict=True):
        parts = name.split("/")
        is_deeper = level is not None and len(parts) > level
        path = "/".join(parts[:level]) if is_deeper else name
        entries[path] = ListedEntry(path=path, isdir=is_deeper, size=None if is_deeper else size)
    return [entries[path] for path in sorted(entries)]


def _directly_in(origin: Origin) -> list[ListedEntry]:
    """Return what one request tells of a directory, without asking for everything below."""
    store = origin.store
    if not isinstance(store, Store) or (origin.key and len(store.find([origin.key]))):
        return []
    prefix = f"{origin.key}/" if origin.key else ""
    directories, page = store.directories(prefix)
    names = [name[len(prefix) : -1] for name in directories]
    entries = [ListedEntry(path=name, isdir=True, size=None) for name in names]
    entries += [
        ListedEntry(path=key[len(prefix) :], isdir=False, size=size)
        for key, size in zip(page.keys, page.sizes, strict=True)
        if key != origin.key and (size or key[len(prefix) :] not in names)
    ]
    return sorted(entries, key=lambda entry: entry.path)


def _network_tree(origin: Origin, level: int | None) -> ListedEntry:
    found = network_origin.existing(origin)
    inside: dict[str, list[ListedEntry]] = {"": []}
    for name, size in zip(found.names, found.sizes, strict=True) if found.is_dir else ():
        inside.setdefault(name.rpartition("/")[0], []).append(
            ListedEntry(path=name.rpartition("/")[2], isdir=False, size=size)
        )
    directories = {above for name in found.names for above in parents(name)}
    for path in sorted(directories, key=lambda one: (-one.count("/"), one)):
        parent, _, name = path.rpartition("/")
        depth = path.count("/") + 2
        below = inside.get(path, []) if level is None or depth <= level else []
        inside.setdefault(parent, []).append(
            ListedEntry(path=name, isdir=True, size=None, inside=_sorted(below))
        )
    return ListedEntry(
        path=origin.shown,
        isdir=found.is_dir,
        size=None if found.is_dir else found.size,
        inside=() if level == 0 else _sorted(inside[""]),
    )


def _sorted(entries: list[ListedEntry]) -> tuple[ListedEntry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _below(top: str, inner: str, depth: int, *, recursive: bool, level: int | None) -> Iterator[ListedEntry]:
    is_deepest = not recursive or depth == level
    for entry in _entries(f"{top}/{inner}" if inner else top):
        path = f"{inner}/{entry.name}" if inner else entry.name
        isdir = entry.is_dir(follow_symlinks=False)
        if isdir and not is_deepest:
            yield from _below(top, path, depth + 1, recursive=recursive, level=level)
        else:
            yield ListedEntry(path=path, isdir=isdir, size=_size(entry))


def _inside(directory: str, level: int | None) -> tuple[ListedEntry, ...]:
    if level == 0:
        return ()
    below = None if level is None else level - 1
    return tuple(
        ListedEntry(
            path=entry.name,
            isdir=entry.is_dir(follow_symlinks=False),
            size=_size(entry),
            inside=_inside(entry.path, below) if entry.is_dir(follow_symlinks=False) else (),
        )
        for entry in _entries(directory)
    )


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DiskError(
            f"cannot read the directory {directory}: {error.strerror}", hint=f"ls -ld '{directory}'"
        ) from error


def _size(entry: os.DirEntry[str]) -> int:
    """Return the size of what an entry leads to; 0 for a link that leads nowhere."""
    try:
        return entry.stat().st_size
    except OSError:
        return 0
