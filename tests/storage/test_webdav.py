from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.webdav import open_store
from tests.conformance.store import NetworkStoreSuite, StoreSuite, fill, items
from tests.servers import process
from tests.servers.answering import answering
from tests.servers.apache import PASSWORD, USER, WebServer


def url(server: WebServer, path: str = "") -> str:
    """A url that nobody used before, or one of a path; its directory is not there yet."""
    return (f"{server.url}{path}" if path else f"{server.fresh()}/new/root").replace("http://", "webdav://")


class TestWebdav(StoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, web_server: WebServer) -> ConcurrentStore:
        return open_store(url(web_server), {})


def test_two_writers_are_not_told_apart(web_server: WebServer) -> None:
    with pytest.raises(StorageError, match="which of two writers was first"):
        open_store(url(web_server), {}).put_if("log/1", b"mine", None)


def test_a_password(web_server: WebServer, tmp_path: Path) -> None:
    place = url(web_server, "/basic/data")
    (tmp_path / "one").write_bytes(b"one")
    for settings in ({}, {"user": USER, "password": "tr0ub4dor"}):
        with pytest.raises(StorageError, match=r"does not permit this \(401") as caught:
            open_store(place, settings).upload(items(tmp_path, {"k/one": b"one"}))
        assert "tr0ub4dor" not in f"{caught.value.message}{caught.value.hint}"
        assert "password" in (caught.value.hint or "")
    store = open_store(place, {"user": USER, "password": PASSWORD})
    fill(store, tmp_path / "source", {"k/one": b"one"})
    assert store.read("k/one") == b"one"
    named = place.replace("webdav://", f"webdav://{USER}@")
    assert open_store(named, {"password": PASSWORD}).read("k/one") == b"one"


def test_a_user_goes_before_a_header(web_server: WebServer) -> None:
    """As for DVC, where a remote has both."""
    settings = {"user": USER, "password": PASSWORD, "custom_auth_header": "X-Key"}
    assert len(open_store(url(web_server, "/basic/data"), settings).find(["none"])) == 0


def test_a_certificate_of_our_own(
    untrusted: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that lets in only who has it; the path may be one of the home directory."""
    server = untrusted[1].parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server / "cert", server / "key")
    context.load_verify_locations(server / "cert")
    context.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setenv("HOME", str(server))
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 1)
    ours = {"cert_path": "~/cert", "key_path": "~/key"}
    with answering(403, context=context) as address:
        for settings, answer in (({}, "does not answer"), (ours, "does not permit this")):
            store = open_store(address.replace("https", "webdavs"), {"ssl_verify": "~/cert", **settings})
            with pytest.raises(StorageError, match=answer):
                store.read("a")


def test_no_program_of_the_configuration_is_run(web_server: WebServer, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    with pytest.raises(ConfigError, match="bearer_token_command is not run"):
        open_store(url(web_server), {"bearer_token_command": f"touch {trap}"}).find(["a"])
    assert not trap.exists()


def test_nobody_listens() -> None:
    (port,) = process.free_ports(1)
    with pytest.raises(StorageError, match="connection refused"):
        open_store(f"webdav://127.0.0.1:{port}/x", {}).find(["a"])


def test_a_server_without_webdav(nginx_server: object) -> None:
    with pytest.raises(StorageError):
        list(open_store(nginx_server.url.replace("http", "webdav"), {}).list(""))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"cert_path": "/none/at/all"}, "cert_path"),
        ({"key_path": "/none/at/all"}, "key_path needs cert_path"),
        ({"ssl_verify": "/none/at/all"}, "ssl_verify"),
        ({"custom_auth_header": "X-Token"}, "password"),
        ({"user": "ada", "ask_password": "true"}, "terminal"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store("webdav://127.0.0.1:1/x", settings)
    assert word in f"{caught.value.message}{caught.value.hint}"
