"""Any other scheme that an installed plug-in of fsspec knows: Alibaba's `oss://`, `ftp://`, `smb://`, and more.

fsspec promises neither that a file appears complete nor that of two writers one wins. So content goes in whole where
the plug-in is known to write objects, else through a temporary name and the plug-in's own rename; where it has neither,
nothing is written. Which of two writers was first cannot be told.
"""

from __future__ import annotations

import asyncio
import errno
import os
import posixpath
import re
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO
from urllib.parse import unquote

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.registry import known_implementations, registry
from fsspec.spec import AbstractFileSystem

from data_versioning.errors import ConfigError, DataVersioningError, MissingObject, StorageError
from data_versioning.storage.client import Body, Unavailable, Unreachable
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.files import Entry, FileClient, refuse_replaced

_PART = 8 << 20
# Wrappers, archives, the memory of a process: no places. Google Drive: only DVC's own plug-in can log in there.
_WRAPPERS = (
    "async_wrapper", "asyncwrapper", "blockcache", "cached", "dir", "filecache", "generic", "simplecache"
)  # fmt: skip
_ARCHIVES = ("data", "git", "libarchive", "reference", "tar", "zip")
_NOT_PLACES = frozenset(
    {*_WRAPPERS, *_ARCHIVES, "asynclocal", "dvc", "gdrive", "local", "memory", "pyscript"}
)
# Object stores: an upload becomes an object when it is complete.
_OBJECTS = frozenset({"abfs", "abfss", "az", "gcs", "oci", "oss", "s3", "s3a", "tos", "tosfs"})
# Settings of any remote, which are no business of the store.
_COMMON = frozenset({"jobs", "checksum_jobs", "no_traverse", "verify", "version_aware", "worktree"})
# Setting of DVC -> argument of the plug-in.
_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "oss": {"oss_key_id": "key", "oss_key_secret": "secret", "oss_endpoint": "endpoint"}
}
# Where a setting comes from that is not made, as in DVC.
_VARIABLES = {"oss_key_id": "OSS_ACCESS_KEY_ID", "oss_key_secret": "OSS_ACCESS_KEY_SECRET"}
_TIMES = ("LastModified", "last_modified", "mtime", "modified", "modify", "updated", "created")
_FTP_TIME = "%Y%m%d%H%M%S"
_VERSIONS = ("ETag", "etag", "version", "generation", "ino", *_TIMES)
_BUSY = frozenset({errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT})
_PASSING = re.compile(
    "Connect|Endpoint|Timeout|Throttl|SlowDown|Unavailable|Busy|Blocking|error_temp|EOFError"
)
_NOBODY = re.compile("EndpointConnection|ConnectorDNS|gaierror|NameResolution")
_SECRET = re.compile("secret|key|token|password")
_QUERY = re.compile(r"\?[^\s\"')]*")
_SETTINGS = "check the url and the settings: dv remote list, dv remote modify"


def knows(scheme: str) -> bool:
    """Whether fsspec knows such places, with or without their plug-in."""
    return scheme not in _NOT_PLACES and (scheme in known_implementations or scheme in registry)


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a directory or bucket by its url; what the settings do not say the plug-in finds for itself.

    Raises `ConfigError`, also for a setting that would have no effect.
    """
    scheme = url.partition("://")[0].lower()
    arguments = _ARGUMENTS.get(scheme, {})
    for name in settings:
        if settings[name] and name not in arguments and name not in _COMMON:
            raise ConfigError(
                f"the setting {name} has no meaning for a remote of the kind {scheme}://",
                hint=f"dv remote modify --unset NAME {name}; fsspec's own configuration has what plug-ins take",
            )
    found = {name: settings.get(name) or os.environ.get(_VARIABLES.get(name, "")) for name in arguments}
    hidden = [value for name, value in found.items() if value and _SECRET.search(name)]
    return opened(url, {arguments[name]: value for name, value in found.items() if value}, hidden=hidden)


def opened(url: str, options: Mapping[str, Any], *, hidden: Sequence[str]) -> ConcurrentStore:
    """Open a place with arguments of its plug-in; no message holds a text of `hidden`, or the password of the url.

    Raises `ConfigError` when the plug-in is not there, or does not take the arguments.
    """
    scheme = url.partition("://")[0].lower()
    kind = _plug_in(scheme)
    place = Place(name=f"{scheme}://", hidden=(*hidden, *_password(url)))
    try:
        from_url = kind._get_kwargs_from_urls(url)
        # A connection that the plug-in kept may belong to somebody else, and a listing would tell what was.
        fixed = {"skip_instance_cache": True} | ({"use_listings_cache": False} if _is_async(kind) else {})
        system = kind(**{**from_url, **options, **fixed})
    except (TypeError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{scheme}:// does not take these settings: {place.reason(error)}", hint=_SETTINGS
        ) from None
    except Exception as error:
        raise place.refusal(error, "") from None
    files = (ObjectFiles if scheme in _OBJECTS else FsspecFiles)(system=system, place=place)
    return ConcurrentStore(FileClient(files=files, root=str(kind._strip_protocol(url)).rstrip("/")))


def _password(url: str) -> tuple[str, ...]:
    """Return the password in a url, as it stands there and as it is meant."""
    _, separator, password = url.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")
    return (password, unquote(password)) if separator and password else ()


def _plug_in(scheme: str) -> type[AbstractFileSystem]:
    try:
        found: type[AbstractFileSystem] = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        missing = getattr(error.__cause__, "name", None) or known_implementations[scheme]["class"]
        raise ConfigError(
            f"remotes of the kind {scheme}:// need a plug-in of fsspec that is not installed",
            hint=f"pip install {missing.partition('.')[0]}",
        ) from error
    return found


class _Taken(StorageError):
    """Something has that name already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How messages name a place, and what they never hold."""

    name: str
    hidden: tuple[str, ...] = field(repr=False)

    def reason(self, error: BaseException) -> str:
        """Return one line for people: no secret, no query of a url (it may hold a signature)."""
        text = _QUERY.sub("", str(error).strip().partition("\n")[0]) or type(error).__name__
        for secret in self.hidden:
            text = text.replace(secret, "…")
        return text[:300]

    def refusal(self, error: Exception, path: str) -> Exception:
        """Return what a failed call means."""
        if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            return MissingObject(f"{self.name} has no {path}")
        if isinstance(error, PermissionError):
            return StorageError(f"{self.name} does not permit this: {self.reason(error)}", hint=_SETTINGS)
        if isinstance(error, FileExistsError) or getattr(error, "errno", None) == errno.EEXIST:
            return _Taken(f"{self.name} refuses this: {self.reason(error)}", hint=_SETTINGS)
        if isinstance(error, ConnectionRefusedError) or _NOBODY.search(type(error).__name__):
            return Unreachable(f"{self.name} does not answer: {self.reason(error)}", hint=_SETTINGS)
        if _may_pass(error):
            return Unavailable(f"{self.name} does not answer: {self.reason(error)}", hint=_SETTINGS)
        return StorageError(f"{self.name} refuses this: {self.reason(error)}", hint=_SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FsspecFiles:
    """The `Files` of a plug-in that renames.

    A plug-in without asynchronous calls is asked one thing after the other: fsspec does not promise more.
    `made` are the directories that are there for sure.
    """

    system: AbstractFileSystem
    place: Place
    part_size: int = _PART
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    made: set[str] = field(default_factory=set)

    async def stat(self, path: str) -> Entry | None:
        """See `Files.stat`."""
        try:
            return _entry(await self._call("info", path))
        except MissingObject:
            return None

    async def read(self, path: str, start: int, end: int | None, etag: str | None) -> Body:
        """See `Files.read`."""
        found = await self._call("info", path)
        if found.get("type") == "directory":
            raise MissingObject(f"{self.place.name} has no {path}")
        version = f"{[found[name] for name in _VERSIONS if found.get(name)]}-{found['size']}"
        refuse_replaced(path, version, etag)
        size = int(found["size"])
        return Body(size, version, self._chunks(path, start, size if end is None else min(end, size)))

    async def _chunks(self, path: str, start: int, stop: int) -> AsyncIterator[bytes]:
        for at in range(start, stop, self.part_size):
            end = min(at + self.part_size, stop)
            found = await self._call("cat_file", path, start=at, end=end)
            yield found[: end - at]  # ossfs counts the end in

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Files.replace`; durable as far as the plug-in makes it so."""
        if not _renames(self.system):
            raise StorageError(
                f"{self.place.name} is only read: its plug-in cannot rename, so that others would see half of a file",
                hint="dv remote default NAME, or -r NAME, for a remote of another kind",
            )
        # Plug-ins do not agree on what they raise when there is none.
        if (directory := posixpath.dirname(path)) not in self.made:
            await self.make_directory(directory)
        file = await self._call("open", temporary, "wb")
        try:
            async for part in parts:
                await self._apart(file.write, part)
        finally:
            await self._apart(file.close)
        rename = "mv_file" if _is_async(type(self.system)) else "mv"
        try:
            await self._call(rename, temporary, path)
        except _Taken:  # some servers do not rename to a name that is taken
            await self.remove(path)
            await self._call(rename, temporary, path)

    async def create(self, temporary: str, path: str, content: bytes) -> bool:
        """Refuse: fsspec has no call of which one of two writers wins everywhere."""
        raise StorageError(
            f"{self.place.name} cannot tell which of two writers was first through this plug-in of fsspec",
            hint="use a remote of S3 (without acl), Google Cloud Storage, Azure, SSH or HDFS for what several write",
        )

    async def scan(self, directory: str) -> Sequence[Entry]:
        """See `Files.scan`."""
        found = await self._call("ls", directory, detail=True)
        own = directory.strip("/")
        return [_entry(info) for info in found if str(info["name"]).strip("/") != own]

    async def remove(self, path: str) -> None:
        """See `Files.remove`."""
        try:
            await self._call("rm_file", path)
        except MissingObject:
            pass
        except StorageError:
            if await self.stat(path) is not None:
                raise

    async def make_directory(self, path: str) -> None:
        """See `Files.make_directory`."""
        await self._call("makedirs", path, exist_ok=True)
        self.made.add(path)

    async def _call(self, name: str, path: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the plug-in."""
        if _is_async(type(self.system)) and hasattr(self.system, f"_{name}"):
            call = getattr(self.system, f"_{name}")(path, *arguments, **options)
            work = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self.system.loop))
            return await self._translated(work, path)
        return await self._apart(self._freshly, name, path, *arguments, **options)

    def _freshly(self, name: str, path: str, *arguments: Any, **options: Any) -> Any:
        """Call a method that must not answer from listings of before; some plug-ins cannot do without them."""
        self.system.invalidate_cache()
        return getattr(self.system, name)(path, *arguments, **options)

    async def _apart(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call what blocks, in a thread, when it is its turn."""
        path = next((argument for argument in arguments[1:2] if isinstance(argument, str)), "")
        async with self.turn:
            return await self._translated(asyncio.to_thread(call, *arguments, **options), path)

    async def _translated(self, work: Awaitable[Any], path: str) -> Any:
        try:
            return await work
        except DataVersioningError:
            raise
        except Exception as error:
            raise self.place.refusal(error, path) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFiles(FsspecFiles):
    """The `Files` of an object store's plug-in.

    A large upload is collected in a temporary file of this machine first: most plug-ins would make an object of
    what was sent before a failure.
    """

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Files.replace`; the temporary name is not used."""
        if size <= self.part_size:
            await self._call("pipe_file", path, b"".join([part async for part in parts]))
            return
        with tempfile.NamedTemporaryFile(prefix="dv-upload-") as file:
            await _collect(file, parts)  # type: ignore[arg-type]
            await self._call("put_file", file.name, path)

    async def make_directory(self, path: str) -> None:
        """Do nothing: objects need no directories, and a bucket is not made by accident."""


async def _collect(file: BinaryIO, parts: AsyncIterator[bytes]) -> None:
    async for part in parts:
        await asyncio.to_thread(file.write, part)
    await asyncio.to_thread(file.flush)


def _may_pass(error: Exception) -> bool:
    """Whether trying again may help; plug-ins raise what their clients do, so names are read."""
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    return bool(_PASSING.search(kinds)) or (isinstance(error, OSError) and error.errno in _BUSY)


def _is_async(kind: type[AbstractFileSystem]) -> bool:
    return issubclass(kind, AsyncFileSystem)


def _renames(system: AbstractFileSystem) -> bool:
    """Whether a plug-in has a rename of its own; the general one copies, and shows the copy while it grows."""
    if _is_async(type(system)):
        return type(system)._mv_file is not AsyncFileSystem._mv_file
    return type(system).mv is not AbstractFileSystem.mv


def _entry(info: Mapping[str, Any]) -> Entry:
    return Entry(
        name=str(info["name"]).rstrip("/").rpartition("/")[2],
        size=int(info.get("size") or 0),
        modified=_modified(info),
        is_directory=info.get("type") == "directory",
    )


def _modified(info: Mapping[str, Any]) -> float:
    """Return when a file was written; now, which keeps it from being collected, where nobody says."""
    found = next((info[name] for name in _TIMES if info.get(name)), None)
    if isinstance(found, str):
        with suppress(ValueError):
            found = (
                datetime.strptime(found[:14], _FTP_TIME)
                if found[:14].isdigit()
                else datetime.fromisoformat(found)
            )
    if isinstance(found, datetime):
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return float(found) if isinstance(found, int | float) else time.time()
