from __future__ import annotations

import base64
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage import s3
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.s3 import open_store
from tests.conformance.store import CONTENTS, ConditionalStoreSuite, MovingStoreSuite, NetworkStoreSuite, fill
from tests.servers.seaweedfs import KEY, REGION, SECRET, S3Server
from tests.storage.test_refusals import answering


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


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://bucket/a//b", "s3://bucket/../x"])
def test_urls_without_sense(url: str) -> None:
    with pytest.raises(ConfigError, match="s3://BUCKET/PREFIX"):
        open_store(url, {"access_key_id": "a", "secret_access_key": "b"})
