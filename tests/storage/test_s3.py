from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage import s3
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.s3 import open_store
from tests.conformance.store import CONTENTS, ConditionalStoreSuite, MovingStoreSuite, NetworkStoreSuite, fill
from tests.servers.seaweedfs import KEY, REGION, SECRET, S3Server
from tests.storage.test_refusals import answering

_TIME = "Wed, 21 Oct 2026 07:28:00 GMT"


class TestS3(ConditionalStoreSuite, MovingStoreSuite, NetworkStoreSuite):
    races = 2  # the server lets a loser wait for a second

    @pytest.fixture
    def store(self, s3_server: S3Server) -> ConcurrentStore:
        return open_store(s3_server.fresh(), s3_server.settings)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No credentials anywhere but those the test makes."""
    for name in (
        "ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY",
        "SESSION_TOKEN",
        "PROFILE",
        "REGION",
        "DEFAULT_REGION",
    ):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    return monkeypatch


def works(store: ConcurrentStore) -> bool:
    return len(store.find(["none"])) == 0 and list(store.list("none/")) == []


def test_the_environment_does_not_disturb_the_settings(
    s3_server: S3Server, alone: pytest.MonkeyPatch
) -> None:
    alone.setenv("AWS_SESSION_TOKEN", "of another account")
    alone.setenv("AWS_ACCESS_KEY_ID", "another")
    alone.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    alone.setenv("AWS_REGION", "elsewhere")
    assert works(open_store(s3_server.fresh(), s3_server.settings))


def test_credentials_of_the_environment(s3_server: S3Server, alone: pytest.MonkeyPatch) -> None:
    alone.setenv("AWS_ACCESS_KEY_ID", KEY)
    alone.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    alone.setenv("AWS_ENDPOINT_URL", s3_server.url)
    assert works(open_store(s3_server.fresh(), {}))


def test_credentials_of_a_profile(s3_server: S3Server, alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        f"[here]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    (tmp_path / "config").write_text(f"[profile here]\nregion = {REGION}\nendpoint_url = {s3_server.url}\n")
    paths = {"credentialpath": str(tmp_path / "credentials"), "configpath": str(tmp_path / "config")}
    assert works(open_store(s3_server.fresh(), {**paths, "profile": "here"}))
    with pytest.raises(ConfigError, match="nobody"):
        open_store(s3_server.fresh(), {**paths, "profile": "nobody"})


def test_no_credentials_anywhere(s3_server: S3Server, alone: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no credentials") as refused:
        open_store(s3_server.fresh(), {"endpointurl": s3_server.url})
    assert "access_key_id" in (refused.value.hint or "")
    anonymous = {"endpointurl": s3_server.url, "allow_anonymous_login": "true"}
    with pytest.raises(StorageError):
        open_store(s3_server.fresh(), anonymous).read("none")


def test_half_a_pair(s3_server: S3Server) -> None:
    with pytest.raises(ConfigError, match="access_key_id but no secret_access_key"):
        open_store(s3_server.fresh(), {"access_key_id": KEY})


def test_encryption_by_a_key_of_the_customer(s3_server: S3Server, tmp_path: Path) -> None:
    key = base64.b64encode(bytes(range(32))).decode()
    url, settings = s3_server.fresh(), {**s3_server.settings, "sse_customer_key": key}
    fill(open_store(url, settings), tmp_path, CONTENTS)
    assert open_store(url, settings).read("top") == CONTENTS["top"]
    with pytest.raises(StorageError):
        open_store(url, s3_server.settings).read("top")
    with pytest.raises(ConfigError, match="not with both"):
        open_store(url, {**settings, "sse": "AES256"})
    with pytest.raises(ConfigError, match="AES256"):
        open_store(url, {**settings, "sse_customer_algorithm": "DES"})


def test_use_ssl(s3_server: S3Server) -> None:
    url = s3_server.url.replace("http://", "https://")
    assert works(
        open_store(s3_server.fresh(), {**s3_server.settings, "endpointurl": url, "use_ssl": "false"})
    )


def test_the_region_of_a_bucket_is_asked_for() -> None:
    for status in (200, 301, 403):
        with answering(status) as server:
            assert s3._region_of("bucket", server) == "eu-west-1"
    assert s3._region_of("bucket", server) == "us-east-1", "nobody answers"


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///x", "s3://bucket/a//b", "s3://bucket/a//", "s3://bucket//a", "s3://bucket/../x"]
)
def test_urls_without_sense(url: str) -> None:
    with pytest.raises(ConfigError, match="s3://BUCKET/PREFIX"):
        open_store(url, {"access_key_id": "a", "secret_access_key": "b"})


@pytest.mark.parametrize(
    "login", [{"access_key_id": KEY, "secret_access_key": SECRET}, {}], ids=["key", "chain"]
)
def test_region_and_endpoint_of_a_profile(
    s3_server: S3Server, alone: pytest.MonkeyPatch, tmp_path: Path, login: dict[str, str]
) -> None:
    """They count also where the key is the remote's own; what the remote says counts more."""
    (tmp_path / "credentials").write_text(
        f"[here]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    (tmp_path / "config").write_text(f"[profile here]\nregion = {REGION}\nendpoint_url = {s3_server.url}\n")
    paths = {"credentialpath": str(tmp_path / "credentials"), "configpath": str(tmp_path / "config")}
    assert works(open_store(s3_server.fresh(), {**paths, **login, "profile": "here"}))
    with pytest.raises(ConfigError, match="nobody"):
        open_store(s3_server.fresh(), {**paths, **login, "profile": "nobody"})
    (tmp_path / "config").write_text(
        "[profile here]\nregion = elsewhere\nendpoint_url = http://127.0.0.1:9\n"
    )
    assert works(open_store(s3_server.fresh(), {**paths, **s3_server.settings, **login, "profile": "here"}))
    alone.setenv("AWS_PROFILE", "nobody")
    assert works(open_store(s3_server.fresh(), s3_server.settings))


def test_files_of_one_remote_are_not_those_of_another(
    s3_server: S3Server, alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    place = {"endpointurl": s3_server.url, "region": REGION}
    for extra in ({}, {"acl": "private"}):
        store = open_store(
            s3_server.fresh(), {**place, **extra, "credentialpath": str(tmp_path / "credentials")}
        )
        assert len(store.find(["none"])) == 0
    with pytest.raises(ConfigError, match="no credentials"):
        open_store(s3_server.fresh(), place)


@pytest.mark.parametrize(
    "login", [{"access_key_id": KEY, "secret_access_key": SECRET}, {}], ids=["key", "chain"]
)
def test_buckets_that_are_hosts(alone: pytest.MonkeyPatch, tmp_path: Path, login: dict[str, str]) -> None:
    """As Amazon's tools are told in their configuration; some servers know no other way."""
    (tmp_path / "config").write_text("[default]\ns3 =\n  addressing_style = virtual\n")
    alone.setenv("AWS_ACCESS_KEY_ID", KEY)
    alone.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with proxy() as (server, seen):
        alone.setenv("HTTP_PROXY", server)
        settings = {"configpath": str(tmp_path / "config"), "endpointurl": "http://storage.invalid"}
        store = open_store("s3://box/p", {**settings, **login})
        assert store.find(["a"]).keys == ["a"]
        # No host can have such a name.
        dotted = open_store("s3://a.box/p", {**settings, **login})
        assert dotted.find(["a"]).keys == ["a"]
    assert seen == ["http://box.storage.invalid/p/a", "http://storage.invalid/a.box/p/a"]


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A server that says yes for all others, and the urls that it was asked for."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            for name, value in {"Content-Length": "1", "ETag": '"1"', "Last-Modified": _TIME}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def test_endpoints_of_amazon(alone: pytest.MonkeyPatch) -> None:
    settings = {"access_key_id": KEY, "secret_access_key": SECRET, "region": "eu-west-1"}

    def address() -> str:
        return open_store("s3://box", settings).client.place.address  # type: ignore[attr-defined]

    assert address() == "s3.eu-west-1.amazonaws.com"
    alone.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    alone.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert address() == "s3-fips.dualstack.eu-west-1.amazonaws.com"


def test_time_limits_of_large_uploads(s3_server: S3Server) -> None:
    store = open_store(s3_server.fresh(), {**s3_server.settings, "connect_timeout": "7", "read_timeout": "8"})
    config = store.client.uploads().sdk.meta.config  # type: ignore[attr-defined]
    assert (config.connect_timeout, config.read_timeout) == (7, 8)
