"""Each kind of remote behind a proxy: through it for commands, and past it for those who check."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from azure.storage.blob import ContainerClient

from data_versioning import storage
from data_versioning.storage.base import Store
from tests.faults.lines import Line
from tests.servers import apache, azurite, fault_proxy, hadoop, nginx, seaweedfs, sshd, tcp_proxy
from tests.servers.fake_gcs import GcsServer
from tests.servers.fault_proxy import FaultProxy
from tests.servers.proxy import Fault
from tests.servers.tcp_proxy import TcpProxy

# A server that is not told what it should get keeps what it got: there, TLS is what finds a wrong byte.
_UNCHECKED_UPLOADS = tuple(fault for fault in Fault if fault is not Fault.CORRUPT_UP)


def s3_line(server: seaweedfs.S3Server, proxy: FaultProxy) -> Line[FaultProxy]:
    """An empty prefix of a bucket behind a proxy that stands already."""
    url, client = server.fresh(), server.client()
    prefix = url.split("/", 3)[3] + "/files/md5/"

    def contents() -> dict[str, bytes]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=server.bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return _each(keys, lambda key: client.get_object(Bucket=server.bucket, Key=key)["Body"].read())

    settings = server.settings | {"endpointurl": proxy.url, "read_timeout": "20"}
    return Line(url=url, settings=settings, proxy=proxy, contents=contents, secrets=(seaweedfs.SECRET,))


@contextmanager
def s3(server: seaweedfs.S3Server) -> Iterator[Line[FaultProxy]]:
    """An empty prefix of a bucket."""
    with fault_proxy.disturbing(server.url) as proxy:
        yield s3_line(server, proxy)


@contextmanager
def gs(server: GcsServer) -> Iterator[Line[FaultProxy]]:
    """An empty prefix of a bucket."""
    url = server.fresh()
    prefix = url.split("/", 3)[3] + "/"
    bucket = f"{server.url}/storage/v1/b/{server.bucket}/o"

    def contents() -> dict[str, bytes]:
        items = json.loads(_got(f"{bucket}?prefix={quote(prefix)}&maxResults=5000")).get("items", [])
        return _each(
            [item["name"] for item in items], lambda name: _got(f"{bucket}/{quote(name, safe='')}?alt=media")
        )

    with fault_proxy.disturbing(server.url) as proxy:
        settings = server.settings | {"endpointurl": proxy.url}
        proxy.faults = _UNCHECKED_UPLOADS
        yield Line(url=url, settings=settings, proxy=proxy, contents=contents)


@contextmanager
def azure(server: azurite.AzureServer) -> Iterator[Line[FaultProxy]]:
    """An empty prefix of a container."""
    url = server.fresh()
    client = ContainerClient.from_connection_string(server.connection_string, server.container)

    def contents() -> dict[str, bytes]:
        names = client.list_blob_names(name_starts_with=url.split("/", 3)[3] + "/")
        return _each(names, lambda name: client.download_blob(name).readall())

    with fault_proxy.disturbing(server.url) as proxy:
        text = server.connection_string.replace(server.url, proxy.url)
        proxy.faults = _UNCHECKED_UPLOADS
        yield Line(
            url=url,
            settings={"connection_string": text},
            proxy=proxy,
            contents=contents,
            secrets=(azurite.KEY,),
        )


@contextmanager
def http(server: nginx.NginxServer) -> Iterator[Line[FaultProxy]]:
    """A directory that wants a password."""
    place = f"basic/t{server.fresh().rpartition('/t')[2]}"
    with fault_proxy.disturbing(server.url) as proxy:
        login = {"auth": "basic", "user": nginx.USER, "password": nginx.PASSWORD}
        proxy.faults = _UNCHECKED_UPLOADS
        yield Line(
            url=f"{proxy.url}/{place}",
            settings={**server.settings, **login},
            proxy=proxy,
            contents=lambda: _files(server.root / place),
            secrets=(nginx.PASSWORD,),
        )


@contextmanager
def webdav(server: apache.WebServer) -> Iterator[Line[FaultProxy]]:
    """A directory that wants a password."""
    place = f"basic/t{server.fresh().rpartition('/t')[2]}"
    with fault_proxy.disturbing(server.url) as proxy:
        proxy.faults = _UNCHECKED_UPLOADS
        yield Line(
            url=f"{proxy.url}/{place}".replace("http://", "webdav://"),
            settings={"user": apache.USER, "password": apache.PASSWORD},
            proxy=proxy,
            contents=lambda: _files(server.root / place),
            secrets=(apache.PASSWORD,),
        )


@contextmanager
def ssh(server: sshd.SshServer, home: Path) -> Iterator[Line[TcpProxy]]:
    """A directory that is not there yet, of a host that `home` knows. A wrong byte ends the connection."""
    url = server.fresh()
    with tcp_proxy.disturbing(f"ssh://127.0.0.1:{server.port}") as proxy:
        home.mkdir()
        server.introduce(home, port=proxy.ports[0])
        proxy.faults = (*proxy.faults, Fault.CORRUPT)
        yield Line(
            url=url,
            settings=server.settings | {"port": str(proxy.ports[0])},
            proxy=proxy,
            contents=lambda: _files(Path(urlsplit(url).path)),
            chance=0.15,
            environment={"HOME": str(home)},
        )


@contextmanager
def webhdfs(server: hadoop.HdfsServer) -> Iterator[Line[FaultProxy]]:
    """A directory that is not there yet; NameNode and DataNode are behind the proxy."""
    url = server.by_http(server.fresh())
    nodes = (f"http://127.0.0.1:{port}" for port in (server.http_port, server.data_http_port))
    with fault_proxy.disturbing(*nodes) as proxy:
        data = (f"127.0.0.1:{port}".encode() for port in (server.data_http_port, proxy.ports[1]))
        proxy.renamed = dict([tuple(data)])  # type: ignore[list-item]
        proxy.faults = _UNCHECKED_UPLOADS
        yield Line(
            url=url.replace(f":{server.http_port}/", f":{proxy.ports[0]}/"),
            settings={"user": "ada"},
            proxy=proxy,
            contents=lambda: _stored(url),
            chance=0.02,  # each file takes three requests
        )


@contextmanager
def hdfs(server: hadoop.HdfsServer) -> Iterator[Line[TcpProxy]]:
    """A directory that is not there yet; NameNode and DataNode are behind the proxy.

    The NameNode says where the DataNode is: field 4 of Hadoop's `DatanodeIDProto`, a varint as long as ours.
    """
    url = server.fresh()
    nodes = (f"hdfs://127.0.0.1:{port}" for port in (server.port, server.data_port))
    with tcp_proxy.disturbing(*nodes) as proxy:
        theirs, ours = (b"\x20" + _varint(port) for port in (server.data_port, proxy.ports[1]))
        assert len(theirs) == len(ours)
        proxy.renamed = {theirs: ours}
        yield Line(
            url=url.replace(f":{server.port}/", f":{proxy.ports[0]}/"),
            settings={"user": "ada"},
            proxy=proxy,
            contents=lambda: _stored(server.by_http(url)),
            chance=0.15,
        )


def _varint(number: int) -> bytes:
    """Return a number as Protocol Buffers write it."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _each(names: Iterable[str], read: Callable[[str], bytes]) -> dict[str, bytes]:
    names = list(names)
    with ThreadPoolExecutor(8) as readers:
        return dict(zip(names, readers.map(read, names), strict=True))


def _got(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
        return content


def _files(top: Path) -> Mapping[str, bytes]:
    """All files below a directory of this machine."""
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def _stored(url: str) -> Mapping[str, bytes]:
    """All objects below a url, by a store of ours."""
    store = storage.open_store(url, {"user": "ada"})
    assert isinstance(store, Store)
    return _each((key for page in store.list("files/md5/") for key in page.keys), store.read)
