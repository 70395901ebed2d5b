from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.base import IdentifyingStore
from data_versioning.storage.client import Unavailable
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.webhdfs import open_store
from tests.conformance.store import ODD_NAMES, ConditionalStoreSuite, LargeObjectSuite, fill, items, joined
from tests.servers import process
from tests.servers.hadoop import HdfsServer


class TestWebhdfs(ConditionalStoreSuite, LargeObjectSuite):
    races = 2
    updates = 4

    @pytest.fixture
    def store(self, hdfs_server: HdfsServer) -> ConcurrentStore:
        return open_store(hdfs_server.by_http(hdfs_server.fresh()), {"user": "ada"})

    def test_odd_keys(self, store: ConcurrentStore, tmp_path: Path) -> None:  # type: ignore[override]
        """All but a percent sign, which Hadoop 2 decodes twice."""
        contents = {f"odd/{name}": b"x" for name in ODD_NAMES if "%" not in name}
        fill(store, tmp_path / "odd", contents)
        assert store.find(list(contents)).keys == list(contents)
        with pytest.raises(StorageError, match="percent sign"):
            store.find(["odd/per%20cent"])

    def test_many_small_objects(self, store: ConcurrentStore, tmp_path: Path) -> None:  # type: ignore[override]
        """Fewer than elsewhere, for time."""
        contents = {f"files/md5/{i % 16:02x}/{i}": b"%d" % i for i in range(60)}
        fill(store, tmp_path / "many", contents)
        assert joined(list(store.list("files/"))) == {key: len(value) for key, value in contents.items()}
        assert not store.download(items(tmp_path / "back", contents)).failures


def test_no_permission(hdfs_server: HdfsServer, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"one")
    with pytest.raises(StorageError, match="does not permit this: Permission denied: user=eve") as caught:
        open_store(hdfs_server.by_http(hdfs_server.fresh()), {"user": "eve"}).upload(
            items(tmp_path, {"k/one": b"one"})
        )
    assert "user" in (caught.value.hint or "")


def test_nobody_listens() -> None:
    (port,) = process.free_ports(1)
    with pytest.raises(StorageError, match="does not answer: connection refused"):
        open_store(f"webhdfs://127.0.0.1:{port}/x", {}).find(["a"])


def test_the_data_node_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.01)
    (tmp_path / "one").write_bytes(b"one")
    (port,) = process.free_ports(1)
    with redirecting(f"http://127.0.0.1:{port}/webhdfs/v1/x?op=OPEN") as name_node:
        store = open_store(f"webhdfs://{name_node}/x", {"user": "ada"})
        with pytest.raises(StorageError, match=f"sends to 127.0.0.1:{port} .* refused") as caught:
            store.upload(items(tmp_path, {"k/one": b"one"}))
    assert "data_proxy_target" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("status", "body", "length"),
    [
        (200, b'{"FileStatus":', 100),  # cut in the middle
        (403, b'{"RemoteException":', 100),
        (500, b"<Error>later</Error>", 20),  # not by Hadoop itself
    ],
)
def test_an_answer_that_may_be_better_the_next_time(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, length: int
) -> None:
    monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.01)
    with (
        answering(status, {"Content-Length": str(length)}, body) as name_node,
        pytest.raises(Unavailable, match=r"does not answer|cannot do this now"),
    ):
        open_store(f"webhdfs://{name_node}/x", {"user": "ada"}).find(["a"])


def test_a_broken_connection_is_not_taken_for_another_writer(tmp_path: Path) -> None:
    """What may have been done is done again by nobody but the caller."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            operation = self.path.partition("op=")[2].partition("&")[0]
            asked.append(operation)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if operation == "RENAME":
                self.close_connection = True
                return
            self.send_response(307 if "data" not in self.path else 201)
            self.send_header("Location", f"http://{self.headers['Host']}/data?op=WRITE")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_DELETE = do_PUT  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as name_node, pytest.raises(Unavailable, match="does not answer"):
        open_store(f"webhdfs://{name_node}/x", {"user": "ada"}).put_if("log/1", b"mine", None)
    assert asked.count("RENAME") == 1


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"FileStatus": {"length": 1}}'])
def test_an_answer_of_something_else(body: bytes) -> None:
    with answering(200, {"Content-Length": str(len(body))}, body) as name_node:
        store = open_store(f"webhdfs://{name_node}/x", {"user": "ada"})
        for ask in (lambda: store.find(["a"]), lambda: list(store.list("files/"))):
            with pytest.raises(StorageError, match="does not speak WebHDFS"):
                ask()


CHECKSUM = b'{"FileChecksum": {"algorithm": "a", "bytes": "00ff", "length": 2}}'


def test_a_gateway_that_answers_itself() -> None:
    """HttpFS asks the DataNode, and sends nobody there."""
    status = b'{"FileStatus": {"pathSuffix": "", "type": "FILE", "length": 5, "modificationTime": 1}}'
    answers = {"GETFILESTATUS": status, "GETFILECHECKSUM": CHECKSUM, "OPEN": b"hello"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers[self.path.partition("op=")[2].partition("&")[0]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as gateway:
        store = open_store(f"webhdfs://{gateway}/x", {"user": "ada"})
        assert isinstance(store, IdentifyingStore) and store.ids(["a"]) == ["00ff"]
        assert store.read("a") == b"hello"


def test_a_checksum_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 1)
    with (
        answering(200, {"Content-Length": "100"}, b"{") as data_node,
        redirecting(f"http://{data_node}/data") as name_node,
    ):
        store = open_store(f"webhdfs://{name_node}/x", {"user": "ada"})
        assert isinstance(store, IdentifyingStore)
        with pytest.raises(Unavailable, match="does not answer"):
            store.ids(["a"])


@contextmanager
def redirecting(location: str) -> Iterator[str]:
    """A NameNode that sends everything to `location`."""
    with answering(307, {"Location": location}) as address:
        yield address


@contextmanager
def answering(status: int, headers: Mapping[str, str], body: bytes = b"") -> Iterator[str]:
    """A NameNode that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_DELETE = do_PUT  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as address:
        yield address


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"kerberos": "true"}, "Kerberos"),
        ({"token": "t0k3n", "user": "ada"}, "token"),
        ({"password": "secret"}, "user"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        open_store("webhdfs://127.0.0.1:1/x", settings)
    assert "t0k3n" not in f"{caught.value.message}{caught.value.hint}"


def test_a_url_without_a_port() -> None:
    with pytest.raises(ConfigError, match="webhdfs://HOST:PORT/PATH"):
        open_store("webhdfs://host/x", {})
