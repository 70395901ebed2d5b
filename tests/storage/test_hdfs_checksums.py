from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from data_versioning.errors import StorageError
from data_versioning.storage.base import IdentifyingStore, Untold
from data_versioning.storage.hdfs import HdfsStore, open_store
from tests.conformance.store import fill
from tests.servers import process
from tests.servers.answering import answering
from tests.servers.hadoop import HdfsServer, xml
from tests.storage.test_webhdfs import serving

USER = {"user": "ada"}
CONTENTS = {"one": b"one", "empty": b"", "in/two": b"two" * 500_000, "sp ace": b"1", "ü": b"2"}
STANDBY = json.dumps(
    {
        "RemoteException": {
            "exception": "StandbyException",
            "message": "READ is not supported in state standby",
        }
    }
).encode()


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, hdfs_server: HdfsServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for Hadoop's configuration, which knows the web address of the server."""
    place = tmp_path / "conf"
    place.mkdir()
    monkeypatch.setenv("HADOOP_CONF_DIR", str(place))
    monkeypatch.setenv("HADOOP_USER_NAME", "nobody")
    configure(place, hdfs_server.http_port)
    return place


def configure(place: Path, *ports: int | str) -> None:
    """Let the NameNodes of the name service `lake` answer HTTP at several ports."""
    names = {"dfs.nameservices": "lake", "dfs.ha.namenodes.lake": ",".join([f"n{port}" for port in ports])}
    web = {f"dfs.namenode.http-address.lake.n{port}": f"127.0.0.1:{port}" for port in ports}
    (place / "hdfs-site.xml").write_text(xml(names | web))


def opened(server: HdfsServer, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str] = USER) -> HdfsStore:
    """A store of the server that takes itself for `lake` when it comes to HTTP."""
    store = open_store(server.fresh(), settings)
    monkeypatch.setattr(store._lines, "authority", "lake")
    return store


def ids(store: HdfsStore, *keys: str) -> list[str]:
    assert isinstance(store, IdentifyingStore)
    return store.ids(keys)


def test_what_hadoop_itself_says(
    hdfs_server: HdfsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(hdfs_server, monkeypatch)
    fill(store, tmp_path / "source", CONTENTS)
    root = store.client.root  # type: ignore[attr-defined]
    said = hdfs_server.hadoop_fs("-checksum", *[f"{root}/{name}" for name in CONTENTS])
    expected = [line.rpartition("\t")[2] for line in said.splitlines()]
    found = ids(store, *CONTENTS, "none")
    assert found == [*expected, ""]
    assert {len(digits) for digits in expected} == {56}
    fill(store, tmp_path / "source", {"one": b"other"})
    assert ids(store, "one") != found[:1]


def test_a_standby_is_passed_over(
    hdfs_server: HdfsServer, tmp_path: Path, configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(hdfs_server, monkeypatch)
    fill(store, tmp_path / "source", {"one": b"one"})
    (closed,) = process.free_ports(1)
    with answering(403, body=STANDBY) as standby:
        configure(configuration, closed, standby.rpartition(":")[2], hdfs_server.http_port)
        assert len(ids(store, "one")[0]) == 56


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (401, b"<html>Authentication required</html>", "401"),  # Kerberos
        (404, b"<html>", "404"),  # switched off
        (200, b"<html>", "does not speak WebHDFS"),
        (403, STANDBY, "standby"),
        (503, b"", "503"),
    ],
)
def test_a_closed_door(
    hdfs_server: HdfsServer,
    configuration: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    word: str,
) -> None:
    (closed,) = process.free_ports(1)
    with answering(status, body=body) as server:
        configure(configuration, closed, server.rpartition(":")[2])
        with pytest.raises(Untold, match=f"over HTTP only: .*connection refused; .*{word}") as caught:
            ids(opened(hdfs_server, monkeypatch), "one")
    assert "dfs.namenode.http-address" in (caught.value.hint or "")


def test_no_address(hdfs_server: HdfsServer, configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (configuration / "hdfs-site.xml").unlink()
    store = opened(hdfs_server, monkeypatch)
    monkeypatch.setattr(store._lines, "authority", "")
    with pytest.raises(Untold, match="no address is known"):
        ids(store, "one")


def test_a_percent_sign(hdfs_server: HdfsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Untold, match="percent"):
        ids(opened(hdfs_server, monkeypatch), "a%20b")


def test_no_permission(hdfs_server: HdfsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no reason to ask in another way."""
    with pytest.raises(StorageError, match="does not permit this: Permission denied: user=eve") as caught:
        ids(opened(hdfs_server, monkeypatch, {"user": "eve"}), "one")
    assert not isinstance(caught.value, Untold)
    assert caught.value.hint == "dv remote modify NAME user USER"


def test_the_data_node_cannot_be_reached(
    hdfs_server: HdfsServer, configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.01)
    (closed,) = process.free_ports(1)
    with forwarding(closed) as name_node:
        configure(configuration, name_node.rpartition(":")[2])
        with pytest.raises(Untold, match=f"sends to 127.0.0.1:{closed}") as caught:
            ids(opened(hdfs_server, monkeypatch), "one")
    assert "data_proxy_target" not in (caught.value.hint or "")


@contextmanager
def forwarding(port: int) -> Iterator[str]:
    """A NameNode whose DataNode should be at `port`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_checksum = "GETFILECHECKSUM" in self.path
            self.send_response(307 if is_checksum else 200)
            if is_checksum:
                self.send_header("Location", f"http://127.0.0.1:{port}/x")
            self.end_headers()
            self.wfile.write(b"" if is_checksum else b'{"FileStatus": {}}')

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as address:
        yield address
