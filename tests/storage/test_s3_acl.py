"""Permissions that go with each upload, as seen on the line; everything else works as without."""

from __future__ import annotations

import base64
import http.client
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fsspec.registry import _registry

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.s3 import open_store
from tests.conformance.store import CONTENTS, NetworkStoreSuite, StoreSuite, fill
from tests.servers import process
from tests.servers.seaweedfs import S3Server


@contextmanager
def watched(server: S3Server) -> Iterator[tuple[dict[str, str], dict[str, tuple[str | None, ...]]]]:
    """Settings that lead through a listener, and what it saw: key (of each begun upload) -> acl and grant."""
    seen: dict[str, tuple[str | None, ...]] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if (self.command == "PUT" and "partNumber" not in self.path) or self.path.endswith("?uploads"):
                permissions = tuple(self.headers.get(f"x-amz-{name}") for name in ("acl", "grant-read"))
                seen[self.path.partition("?")[0].rpartition("/")[2]] = permissions
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line = http.client.HTTPConnection(urlsplit(server.url).netloc)
            line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    line.putheader(name, value)
            line.endheaders(body)
            answer = line.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            line.close()

        do_PUT = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield {**server.settings, "endpointurl": f"http://127.0.0.1:{listener.server_port}"}, seen
        listener.shutdown()


class TestS3WithPermissions(StoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, s3_server: S3Server) -> ConcurrentStore:
        return open_store(s3_server.fresh(), {**s3_server.settings, "acl": "public-read"})


@pytest.mark.parametrize(
    ("permission", "sent"),
    [({"acl": "public-read"}, ("public-read", None)), ({"grant_read": 'id="ada"'}, (None, 'id="ada"'))],
    ids=["acl", "grant"],
)
def test_permissions_go_with_every_upload(
    s3_server: S3Server, tmp_path: Path, permission: dict[str, str], sent: tuple[str | None, ...]
) -> None:
    contents = {"k/one": b"one", "k/empty": b"", "k/large": os.urandom(1 << 20) * 120}
    with watched(s3_server) as (settings, seen):
        fill(open_store(s3_server.fresh(), {**settings, **permission}), tmp_path, contents)
        assert seen == {"one": sent, "empty": sent, "large": sent}


def test_a_url_with_a_query(s3_server: S3Server, tmp_path: Path) -> None:
    """It means the same place as for all other remotes, and for DVC."""
    url = s3_server.fresh()
    fill(open_store(f"{url}?x=1", {**s3_server.settings, "acl": "private"}), tmp_path, CONTENTS)
    assert open_store(url, s3_server.settings).read("top") == CONTENTS["top"]


def test_acl_or_grant(s3_server: S3Server) -> None:
    both = {**s3_server.settings, "acl": "private", "grant_read": "id=1"}
    with pytest.raises(ConfigError, match="not both"):
        open_store(s3_server.fresh(), both)


def test_encryption_by_a_key_of_the_customer(s3_server: S3Server, tmp_path: Path) -> None:
    key = base64.b64encode(bytes(range(32))).decode()
    url, settings = s3_server.fresh(), {**s3_server.settings, "sse_customer_key": key}
    fill(open_store(url, {**settings, "acl": "private"}), tmp_path, CONTENTS)
    assert open_store(url, settings).read("top") == CONTENTS["top"]
    with pytest.raises(StorageError):
        open_store(url, s3_server.settings).read("top")


def test_wrong_credentials(s3_server: S3Server) -> None:
    wrong = {**s3_server.settings, "acl": "private", "secret_access_key": "wr0ng"}
    with pytest.raises(StorageError, match=r"does not permit this|refuses this") as caught:
        open_store(s3_server.fresh(), wrong).find(["a"])
    assert "wr0ng" not in caught.value.message


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.01)
    (port,) = process.free_ports(1)
    settings = {"acl": "private", "access_key_id": "a", "secret_access_key": "b", "region": "x"}
    with pytest.raises(StorageError, match="does not answer"):
        open_store("s3://b/x", {**settings, "endpointurl": f"http://127.0.0.1:{port}"}).find(["a"])


def test_a_missing_plug_in_is_named(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "s3fs":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(ConfigError, match="plug-in of fsspec") as caught:
        open_store(s3_server.fresh(), {**s3_server.settings, "acl": "private"})
    assert caught.value.hint == "pip install s3fs"
