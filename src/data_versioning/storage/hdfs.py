"""`hdfs://[USER@]HOST[:PORT]/PATH`: Hadoop's file system, through hdfs-native; no Java is needed.

HOST may be a name service that Hadoop's own configuration, in `HADOOP_CONF_DIR`, describes, else it is a NameNode, at
Hadoop's usual port if the url has none; without a host it is the default file system there. Small files are slow to
close, so that many are written at once.

Requests are blocking ones, on threads. The coroutines that hdfs-native offers too wake the event loop while they hold
a lock of theirs: when a connection breaks, loop and library wait for each other for ever, and with them the program.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import re
from collections.abc import AsyncIterator, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

import hdfs_native

from data_versioning.errors import ConfigError, MissingObject, StorageError
from data_versioning.storage.client import Body, Unavailable, Unreachable
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.crew import Crew
from data_versioning.storage.files import Entry, FileClient, refuse_replaced
from data_versioning.storage.hadoop_config import RPC_PORT, USER

if TYPE_CHECKING:
    from data_versioning.storage.hdfs_checksums import Checksums

_PART = 8 << 20
_IN_FLIGHT, _QUESTIONS = 256, 64
_SECONDS = 60.0  # that one request may take, which sends a part at most
_READABLE = 0o755
_UNKNOWN = "No NameNode hosts found"
# How often the client itself goes on to the next NameNode. It must not wait between attempts, as the Rust runtime
# panics then: none where there is one NameNode, one where there may be two. The caller waits and tries again.
_ATTEMPTS = "dfs.client.failover.max.attempts"
# Hadoop's answer when a file stands where a directory should be, to all but its superuser.
_BELOW_A_FILE = re.compile(r'access=EXECUTE, inode=\\?"[^"]*":[^:]*:[^:]*:-')
_EXCEPTION = re.compile(r'RPCError\("([\w.]+)", "(.*?)(?:\\n|"\)$)', re.DOTALL)
_CHECKSUMS = "data_versioning.storage.hdfs_checksums"
_SETTINGS = "dv remote modify NAME user USER, or --local NAME kerb_ticket PATH"


class HdfsStore(ConcurrentStore):
    """The `IdentifyingStore` of the files below `root`."""

    def __init__(self, files: HdfsFiles, root: str, lines: _Lines) -> None:
        super().__init__(FileClient(files=files, root=root), in_flight=_IN_FLIGHT, closing=lines.close)
        self._root, self._lines = root, lines

    def ids(self, keys: Sequence[str]) -> list[str]:
        """See `IdentifyingStore.ids`: what Hadoop calls the checksum of a file."""
        root, checksums = self._root, self._lines.checksums()
        self._call(checksums.find())
        return list(self._call(self._each(keys, lambda key: checksums.of(f"{root}/{key}"), _QUESTIONS)))


@dataclass(slots=True, kw_only=True)
class _Lines:
    """The ways to one file system: `crew` for all but checksums, and for those HTTP, once they are asked for."""

    crew: Crew
    authority: str
    user: str | None
    _http: Checksums | None = field(default=None, init=False)

    def checksums(self) -> Checksums:
        """Return what tells checksums; the client for HTTP is loaded for them alone."""
        if self._http is None:
            try:
                self._http = importlib.import_module(_CHECKSUMS).open_checksums(self.authority, self.user)
            except ModuleNotFoundError as error:
                raise ConfigError(
                    f"imports from hdfs:// need {error.name}, which is not installed",
                    hint="pip install 'data-versioning[hdfs]'",
                ) from error
        return self._http

    async def close(self) -> None:
        """Close all connections."""
        await self.crew.close()
        if self._http:
            await self._http.close()


def open_store(url: str, settings: Mapping[str, str]) -> HdfsStore:
    """Open a directory of HDFS; settings as in the `[remote]` section of HDFS.

    A `user` is for the whole process, as Hadoop's own clients take it from the environment. Raises `ConfigError`.
    """
    authority, _, path = url.partition("://")[2].partition("/")
    user, _, address = authority.rpartition("@")
    ticket = settings.get("kerb_ticket")
    if ticket and not os.path.exists(os.path.expanduser(ticket)):
        raise ConfigError(
            f"there is no Kerberos ticket {ticket}", hint="kinit, or dv remote modify NAME kerb_ticket PATH"
        )
    if name := settings.get("user") or unquote(user):
        os.environ[USER] = name
    world = (os.environ.get(USER), os.environ.get("HADOOP_CONF_DIR"), os.getpid())
    try:
        client = _found(address, os.path.expanduser(ticket) if ticket else None, world)
    except (RuntimeError, OSError, ValueError) as error:
        raise ConfigError(
            f"HDFS cannot be found: {error}",
            hint="dv remote modify NAME url hdfs://HOST:PORT/PATH, or HADOOP_CONF_DIR must describe the name service",
        ) from None
    crew = Crew(size=_IN_FLIGHT, seconds=_SECONDS)
    files = HdfsFiles(client=client, crew=crew, place=f"hdfs://{address}", replication=_replication(settings))
    lines = _Lines(crew=crew, authority=address, user=os.environ.get(USER))
    return HdfsStore(files, f"/{path.strip('/')}".rstrip("/"), lines)


def _found(address: str, ticket: str | None, world: Hashable) -> hdfs_native.Client:
    """Return the client of a name service, or of a NameNode; raises as the library does."""
    try:
        return _client(address, ticket, world)
    except RuntimeError as error:
        if not address or ":" in address or _UNKNOWN not in str(error):
            raise
    return _client(f"{address}:{RPC_PORT}", ticket, world)


@cache
def _client(address: str, ticket: str | None, world: Hashable) -> hdfs_native.Client:
    """Return the client of a NameNode, the same one as long as `world`, what else it depends on, is the same.

    It is never freed: that waits for the threads of its Rust runtime, which may wait for what does not come.
    """
    client = hdfs_native.Client(
        f"hdfs://{address}" if address else None,
        {_ATTEMPTS: "0" if ":" in address else "1"},
        kerberos_cache=ticket,
    )
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))
    return client


def _replication(settings: Mapping[str, str]) -> int | None:
    text = settings.get("replication")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 1 << 15:
        raise ConfigError(
            f"replication must be a positive number, not {text!r}", hint="dv remote modify NAME replication 3"
        )
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class HdfsFiles:
    """The `Files` of HDFS; `place` is how messages name it, `replication` how often it keeps each file.

    `crew` makes the requests of `client`.
    """

    client: hdfs_native.Client
    crew: Crew
    place: str
    replication: int | None = None
    part_size: int = _PART

    async def stat(self, path: str) -> Entry | None:
        """See `Files.stat`."""
        try:
            with self._translated(path):
                return _entry(await self.crew.call(self.client.get_file_info, path))
        except MissingObject:
            return None

    async def read(self, path: str, start: int, end: int | None, etag: str | None) -> Body:
        """See `Files.read`."""
        with self._translated(path):
            reader = await self.crew.call(self.client.read, path)
            size = len(reader)
        refuse_replaced(path, str(size), etag)
        stop = size if end is None else min(end, size)
        return Body(size, str(size), self._chunks(reader, path, start, stop))

    async def _chunks(
        self, reader: hdfs_native.FileReader, path: str, start: int, stop: int
    ) -> AsyncIterator[bytes]:
        if start >= stop:
            return
        with self._translated(path):
            chunks = reader.read_range_stream(start, stop - start)
            while chunk := await self.crew.call(next, chunks, b""):
                yield chunk

    async def replace(self, temporary: str, path: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Files.replace`."""
        await self._write(temporary, parts)
        with self._translated(path):
            await self.crew.call(self.client.rename, temporary, path, overwrite=True)

    async def create(self, temporary: str, path: str, content: bytes) -> bool:
        """See `Files.create`: a rename that does not overwrite is one step of the NameNode."""
        await self._write(temporary, _once(content))
        with self._translated(path):
            try:
                await self.crew.call(self.client.rename, temporary, path, overwrite=False)
            except FileExistsError:
                await self.crew.call(self.client.delete, temporary)
                return False
        return True

    async def scan(self, directory: str) -> Sequence[Entry]:
        """See `Files.scan`."""
        with self._translated(directory):
            found = await self.crew.call(lambda: list(self.client.list_status(directory)))
        return [_entry(status) for status in found if status.path != directory]

    async def remove(self, path: str) -> None:
        """See `Files.remove`."""
        with suppress(MissingObject), self._translated(path):
            await self.crew.call(self.client.delete, path)

    async def make_directory(self, path: str) -> None:
        """See `Files.make_directory`."""
        with self._translated(path):
            await self.crew.call(self.client.mkdirs, path, _READABLE, create_parent=True)

    async def _write(self, path: str, parts: AsyncIterator[bytes]) -> None:
        """Write a new file; when it is closed, all its replicas have acknowledged it."""
        options = hdfs_native.WriteOptions(replication=self.replication, overwrite=False, create_parent=True)
        with self._translated(path):
            # What `client.create` returns closes itself when it is collected: one left behind by a broken connection
            # would keep whatever thread meets it waiting for the network, be it that of the event loop.
            writer = await self.crew.call(self.client.inner.create, path, options)
        async for part in parts:
            with self._translated(path):
                await self.crew.call(writer.write, part)
        with self._translated(path):
            await self.crew.call(writer.close)

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise MissingObject(f"{self.place} has no {path}") from None
        except FileExistsError:
            raise StorageError(f"{self.place} has something else at {path}", hint=_SETTINGS) from None
        except TimeoutError:
            raise Unavailable(
                f"{self.place} does not answer: no answer in time", hint="hdfs dfsadmin -report"
            ) from None
        except OSError as error:
            raise Unreachable(
                f"{self.place} does not answer: {str(error).partition(' (os error')[0].lower()}",
                hint="check its address with: dv remote list; and HADOOP_CONF_DIR",
            ) from None
        except RuntimeError as error:
            raise self._problem(str(error), path) from None
        except BaseException as error:
            # A panic of the Rust library is no Exception; it happens when no NameNode can be reached.
            if type(error).__name__ != "PanicException":
                raise
            raise Unreachable(
                f"{self.place} does not answer", hint="check its address with: dv remote list"
            ) from None

    def _problem(self, text: str, path: str) -> Exception:
        if _BELOW_A_FILE.search(text):
            return MissingObject(f"{self.place} has no {path}")
        found = _EXCEPTION.match(text)
        kind, reason = (found[1].rpartition(".")[2], found[2]) if found else ("", text.partition("\n")[0])
        reason = reason.replace('\\"', '"')[:300]
        match kind:
            case "AccessControlException":
                return StorageError(f"{self.place} does not permit this: {reason}", hint=_SETTINGS)
            case (
                "SafeModeException" | "StandbyException" | "RetriableException" | "LeaseExpiredException" | ""
            ):
                return Unavailable(f"{self.place} cannot do this now: {reason}")
        return StorageError(f"{self.place} refuses: {kind}: {reason}", hint="hdfs dfsadmin -report")


def _entry(status: hdfs_native.FileStatus) -> Entry:
    return Entry(
        name=status.path.rpartition("/")[2],
        size=status.length,
        modified=status.modification_time / 1000,
        is_directory=status.isdir,
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
