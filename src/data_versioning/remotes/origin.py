"""Data at a URL of a network store: what is there now, and what DVC records of it.

DVC records of a file what its store tells without reading it: an etag, where HTTP calls it checksum. Of a directory it
records the MD5 of a listing with those. Through SSH nothing is told, so the content itself is hashed.
"""

from __future__ import annotations

import contextlib
import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import md5
from urllib.parse import unquote, urlsplit

from data_versioning import storage
from data_versioning.errors import ConfigError, PathError
from data_versioning.formats.config import Settings
from data_versioning.formats.dvcfile import Dependency
from data_versioning.objects.oid import DIRECTORY_SUFFIX
from data_versioning.paths import first_bad, is_inside, parents
from data_versioning.remotes import remote as remotes
from data_versioning.remotes.remote import Location
from data_versioning.storage.base import UNLIMITED, IdentifyingStore, Limits, Page, ReadableStore, Store

# What identifies a file for DVC, by scheme.
_ETAG, _CHECKSUM, _CONTENT = "etag", "checksum", "md5"
_RECORDED = {
    "s3": _ETAG,
    "gs": _ETAG,
    "azure": _ETAG,
    "http": _CHECKSUM,
    "https": _CHECKSUM,
    "webdav": _ETAG,
    "webdavs": _ETAG,
    "webhdfs": _CHECKSUM,
    "hdfs": _CHECKSUM,
    "ssh": _CONTENT,
}
_BUCKETS = frozenset({"s3", "gs", "azure", "oss"})
_EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The object or prefix `key` of a store; `url` is without secrets, as messages name it."""

    url: str
    scheme: str
    shown: str  # as DVC's lists name it
    store: ReadableStore = field(repr=False)
    key: str
    jobs: int | None = None  # transfers at once; None: the store decides

    @property
    def is_recorded(self) -> bool:
        """Whether what DVC records of data in such a store is known here."""
        return is_recorded(self.scheme)

    @property
    def is_content_recorded(self) -> bool:
        """Whether DVC records the hash of the content itself, so that it has to be read."""
        return _RECORDED.get(self.scheme) == _CONTENT

    def keys(self, names: Sequence[str]) -> list[str]:
        """Return the keys of files; the name of a single file is empty."""
        return [posixpath.join(self.key, name) if name else self.key for name in names]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an origin holds, as parallel columns sorted by name; a single file has the name "".

    `versions` only where DVC records them, too.
    """

    is_dir: bool
    names: list[str]
    sizes: list[int]
    etags: list[str] | None
    is_executable: bool = False
    versions: list[str] | None = None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(self.sizes)


def is_recorded(scheme: str) -> bool:
    """Whether what DVC records of data in such a store is known here."""
    return scheme in _RECORDED


def has_versions(scheme: str) -> bool:
    """Whether DVC records the version of a file, too: Google's generation, which our client takes for the etag."""
    return scheme == "gs"


def covering(settings: Settings, url: str) -> Location:
    """Return where `url` leads, with the settings of the remote it lies in or below: the innermost one."""
    found = remotes.resolve(settings, url)
    if storage.scheme(url) == "remote":
        return found
    best = ""
    for name in settings.remotes():
        with contextlib.suppress(ConfigError):
            one = remotes.resolve(settings, f"remote://{name}")
            base = one.url.rstrip("/")
            # A remote without a host or bucket covers nothing: it would give its settings to every url.
            if "://" in base and is_inside(url.rstrip("/"), base) and len(base) > len(best):
                best, found = base, Location(name=name, url=url, options=one.options)
    return found


def open(location: Location, *, limits: Limits = UNLIMITED, jobs: int | None = None) -> Origin:
    """Open the store around a place, for `jobs` transfers at once, else as many as the settings of its remote say.

    Raises `ConfigError` as `open_store`.
    """
    scheme = storage.scheme(location.url)
    address, options = location.url, location.options
    if scheme.startswith("http"):
        address, _, query = address.partition("?")
        options = {**options, "query": query}
    rest = address.partition("://")[2].rstrip("/")
    parent, _, key = rest.rpartition("/") if "/" in rest else (rest, "", "")
    if not key:
        parent = rest
    base = f"{scheme}://{parent}" if parent else f"{scheme}:///"
    if scheme.startswith(("http", "webdav")):
        key = unquote(key)
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    url = f"{scheme}://{host}{parts.path}"
    shown = url if scheme.startswith("http") else parts.path
    return Origin(
        url=url,
        scheme=scheme,
        shown=f"{host}{parts.path}" if scheme in _BUCKETS else shown,
        store=storage.open_store(base, options, name=_remote_of(location), limits=limits),
        key=key,
        jobs=jobs or location.jobs,
    )


def _remote_of(location: Location) -> str:
    """Return the name of the remote that a place lies in; empty when it lies in none."""
    name = location.name.removeprefix("remote://").partition("/")[0]
    return "" if location.name == location.url else name


def look(origin: Origin) -> Found | None:
    """Return what an origin holds now, None when that is nothing; `PathError` for names no disk can have."""
    if origin.key and len(page := origin.store.find([origin.key])):
        return _file(page)
    if not isinstance(origin.store, Store):
        return None
    prefix = f"{origin.key}/" if origin.key else ""
    rows: list[tuple[str, int, str]] = []
    has_etags = True
    for page in origin.store.list(prefix):
        has_etags = has_etags and page.etags is not None
        names = [key[len(prefix) :] for key in page.keys]
        rows += zip(names, page.sizes, page.etags or [""] * len(names), strict=True)
    rows = _without_markers(sorted(rows))
    _check([name for name, _, _ in rows], origin)
    if not rows:
        return None
    return Found(
        is_dir=True,
        names=[name for name, _, _ in rows],
        sizes=[size for _, size, _ in rows],
        etags=[etag for _, _, etag in rows] if has_etags else None,
    )


def identified(origin: Origin, found: Found) -> Found:
    """Return what was found with the ids that DVC records of files, where the store has to be asked for them.

    Raises `Untold`.
    """
    if not isinstance(origin.store, IdentifyingStore) or not is_recorded(origin.scheme):
        return found
    versions = found.etags if has_versions(origin.scheme) else None
    return replace(found, etags=origin.store.ids(origin.keys(found.names)), versions=versions)


def dependency(origin: Origin, written: str, found: Found, digests: Sequence[str] = ()) -> Dependency:
    """Return what DVC records of what was found; `digests` are the hex MD5s of the files, where those count.

    Raises `PathError` when the store does not tell what DVC records.
    """
    kind = _RECORDED[origin.scheme]
    values = list(digests) if kind == _CONTENT else _told(origin, found)
    size = found.size
    if found.is_dir:
        names = found.names
        if origin.scheme.startswith("webdav"):
            names = [_cut(name) for name in names]
        pairs = sorted(zip(names, values, strict=True))
        listing = [{kind: value, "relpath": name} for name, value in pairs]
        value = md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        return Dependency(path=written, md5=value + DIRECTORY_SUFFIX, size=size, nfiles=len(found.names))
    match kind:
        case "md5":
            return Dependency(path=written, md5=values[0], size=size, isexec=found.is_executable)
        case "etag":
            version = found.versions[0] if found.versions else None
            return Dependency(path=written, etag=values[0], size=size, version_id=version)
        case _:
            return Dependency(path=written, checksum=values[0], size=size)


def _cut(name: str) -> str:
    """Return the name that DVC records of a file on a server of WebDAV, and only there.

    It opens the directory as ".", and takes "./" off the paths of those inside, which do not begin with it.

    >>> _cut("a"), _cut("sub/a"), _cut("sub/deep/a"), _cut("ab/c/a")
    ('a', 'b/a', 'b/deep/a', 'c/a')
    """
    directory, _, base = name.rpartition("/")
    return posixpath.join(*directory[2:].split("/"), base)


def _told(origin: Origin, found: Found) -> list[str]:
    """Return the etags in DVC's form: S3's without quotation marks, Azure's with, those of web servers as they are."""
    etags = found.etags or []
    if not all(etags) or not etags:
        raise PathError(
            f"'{origin.url}' cannot be imported: its server sends no ETag, by which a change would be seen",
            hint=f"dv get-url {origin.url}, then dv add",
        )
    if origin.scheme == "s3":
        return [etag.strip('"') for etag in etags]
    if origin.scheme == "azure":
        return ['"' + etag.strip('"') + '"' for etag in etags]
    return list(etags)


def _file(page: Page) -> Found:
    (info,) = page
    return Found(
        is_dir=False,
        names=[""],
        sizes=[info.size],
        etags=[info.etag] if info.etag else None,
        is_executable=bool((info.mode or 0) & _EXECUTABLE),
    )


def _without_markers(rows: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """Leave out the empty objects with which tools mark directories of object stores."""
    above = {directory for name, _, _ in rows for directory in parents(name)}
    return [row for row in rows if row[0] and (row[1] or row[0] not in above)]


def _check(names: list[str], origin: Origin) -> None:
    """Raise `PathError` for names that cannot lie in one directory of a disk."""
    above = {directory for name in names for directory in parents(name)}
    both = next((name for name in names if name in above), None)
    bad = first_bad(names)
    if bad is not None or both is not None:
        reason = "leads out of it" if bad is not None else "is a file and a directory"
        raise PathError(f"'{origin.url}' holds a name that no directory can: {bad or both!r} {reason}")
