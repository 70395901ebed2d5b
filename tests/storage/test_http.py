from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage import webdav
from data_versioning.storage.concurrent import PlainStore
from data_versioning.storage.http import open_store
from tests.conformance.store import LargeObjectSuite, WritableStoreSuite, fill, items
from tests.servers import apache
from tests.servers.answering import answering
from tests.servers.apache import WebServer
from tests.servers.nginx import NginxServer


class TestHttp(WritableStoreSuite, LargeObjectSuite):
    @pytest.fixture
    def store(self, nginx_server: NginxServer) -> PlainStore:
        return open_store(nginx_server.fresh(), nginx_server.settings)


@pytest.mark.parametrize("kind", ["basic", "digest"])
def test_login(web_server: WebServer, tmp_path: Path, kind: str) -> None:
    url = f"{web_server.url}/{kind}"
    settings = {"auth": kind, "user": apache.USER, "password": apache.PASSWORD, "method": "put"}
    store = open_store(url, settings)
    fill(store, tmp_path, {"one": b"1", "large": bytes(20 << 20)})
    assert store.read("one") == b"1"
    with pytest.raises(StorageError, match="does not accept the credentials"):
        open_store(url, {**settings, "password": "wrong"}).read("one")


def test_login_by_a_header(nginx_server: NginxServer) -> None:
    settings = {"auth": "custom", "custom_auth_header": "Authorization", "password": "Basic YWRhOnNlY3JldA=="}
    assert len(open_store(f"{nginx_server.url}/basic/t", settings).find(["none"])) == 0


def test_a_server_that_makes_no_directories(web_server: WebServer, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    store = open_store(web_server.fresh(), web_server.settings)
    with pytest.raises(StorageError, match="does not make the directory of x/one"):
        store.upload(items(tmp_path, {"x/one": b"1"}))


@pytest.mark.parametrize("size", [1, 9 << 20])
def test_a_server_that_says_yes_and_keeps_nothing(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a login page does, or a server whose disk is full and that does not look."""
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 1)
    (tmp_path / "one").write_bytes(bytes(size))
    with answering(200, body=b"<html>sign in</html>") as server:
        done = open_store(server, {}).upload(items(tmp_path, {"one": bytes(size)}))
        assert "does not have what was sent" in done.failures[0].reason


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_uploads_are_not_redirected(status: int, tmp_path: Path) -> None:
    """POST would become GET, and what was sent in parts is not there any more."""
    (tmp_path / "one").write_bytes(b"1")
    with (
        answering(200, body=b"1") as other,
        answering(status, headers={"Location": f"{other}/one"}) as server,
        pytest.raises(StorageError, match=f"sends uploads elsewhere .{status}."),
    ):
        open_store(server, {}).upload(items(tmp_path, {"one": b"1"}))


@pytest.mark.parametrize("open_as", [open_store, webdav.open_store])
def test_a_header_to_log_in_goes_to_no_other_host(
    open_as: Callable[[str, Mapping[str, str]], PlainStore],
) -> None:
    settings = {"auth": "custom", "custom_auth_header": "X-Key", "password": "hunter2"}
    other = answering(200, body=b"1")
    with other as target:
        here = answering(302, headers={"Location": f"{target}/one"})
        with here as server:
            url = server if open_as is open_store else server.replace("http", "webdav")
            assert open_as(url, settings).read("one") == b"1"
    assert [headers["X-Key"] for headers in here.asked] == ["hunter2"]
    assert [headers["X-Key"] for headers in other.asked] == [None]


def test_an_answer_that_is_none() -> None:
    with answering(304) as server, pytest.raises(StorageError, match="refuses this: 304 Not Modified"):
        open_store(server, {}).read("one")


def test_a_server_that_packs_what_it_sends() -> None:
    packed = gzip.compress(b"one")
    with (
        answering(200, body=packed, headers={"Content-Encoding": "gzip"}) as server,
        pytest.raises(StorageError, match="packs it on the way"),
    ):
        open_store(server, {}).read("one")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"user": "ada"}, "does not say how to log in"),
        ({"password": "hunter2"}, "does not say how to log in"),
        ({"auth": "basic", "user": "ada"}, "auth basic needs password"),
        ({"auth": "basic", "password": "hunter2"}, "auth basic needs user"),
        ({"auth": "custom", "password": "hunter2"}, "auth custom needs custom_auth_header"),
        ({"auth": "basic", "user": "ada", "ask_password": "true"}, "no terminal"),
    ],
)
def test_settings_without_sense(
    settings: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(ConfigError, match=expected) as refused:
        open_store("https://ada:hunter2@example.org/x", settings)
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///x",
        "https://example.org/x?token=hunter2",
        "http://[::1/x",
        "http://h:99999/x",
        "webdav://[::1/x",
        "webdavs://h:99999/x",
        "webhdfs://[::1/x",
        "webhdfs://h:99999/x",
    ],
)
def test_urls_without_sense(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        storage.open_store(url, {})
    assert "hunter2" not in str(refused.value)
