from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.gcs import open_store
from tests.conformance.store import ConditionalStoreSuite, MovingStoreSuite, NetworkStoreSuite
from tests.servers.fake_gcs import GcsServer
from tests.storage.test_refusals import answering


class TestGcs(ConditionalStoreSuite, MovingStoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, gcs_server: GcsServer) -> ConcurrentStore:
        return open_store(gcs_server.fresh(), gcs_server.settings)


TOKEN = json.dumps({"access_token": "t0ken", "expires_in": 3600, "token_type": "Bearer"}).encode()


def service_account(place: Path, token_server: str) -> Path:
    done = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True)
    path = place / "account.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "tester@example.iam.gserviceaccount.com",
                "private_key": done.stdout,
                "private_key_id": "1",
                "token_uri": f"{token_server}/token",
            }
        )
    )
    return path


def test_a_file_with_credentials(
    gcs_server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url.removeprefix("http://"))
    with answering(200, body=TOKEN) as server:
        path = service_account(tmp_path, server)
        store = open_store(gcs_server.fresh(), {"credentialpath": str(path)})
        assert store.put_if("a", b"x", None) and store.read("a") == b"x"
        # So does the client of what obstore cannot do.
        client: Any = store.client
        assert client.uploads().begin("large").arrived == {}
        assert store.ids(["a", "none"])[0] and store.ids(["none"]) == [""]
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        store = open_store(gcs_server.fresh(), {"projectname": "p", "endpointurl": gcs_server.url})
        assert store.put_if("a", b"x", None)
    with answering(401, body=b'{"error": "invalid_grant"}') as server:
        path = service_account(tmp_path, server)
        store = open_store(gcs_server.fresh(), {"credentialpath": str(path)})
        with pytest.raises(StorageError, match="no credentials for gs://test") as refused:
            store.read("a")
    assert "PRIVATE" not in str(refused.value)


def test_credentials_go_to_google_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = service_account(tmp_path, "http://127.0.0.1:9")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:4443")
    for endpoint in (
        "https://evil.example",
        "http://storage.googleapis.com",
        "https://googleapis.com.evil.example",
    ):
        with pytest.raises(ConfigError, match="credentials are not sent there"):
            open_store("gs://bucket", {"endpointurl": endpoint, "credentialpath": str(path)})
    open_store(
        "gs://bucket", {"endpointurl": "https://storage-x.p.googleapis.com", "credentialpath": str(path)}
    )


def test_a_file_that_would_read_other_files(tmp_path: Path) -> None:
    path = tmp_path / "outside.json"
    path.write_text(
        json.dumps(
            {
                "type": "external_account",
                "token_url": "https://evil.example",
                "credential_source": {"file": "/etc/passwd"},
            }
        )
    )
    with pytest.raises(ConfigError, match="external_account"):
        open_store("gs://bucket", {"credentialpath": str(path)})


def test_no_credentials(gcs_server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.json").write_text("{")
    for path in (tmp_path / "none.json", tmp_path / "broken.json"):
        with pytest.raises(ConfigError, match="no credentials for Google Cloud Storage") as refused:
            open_store(gcs_server.fresh(), {"credentialpath": str(path)})
        assert "credentialpath" in (refused.value.hint or "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(ConfigError, match="no credentials for Google Cloud Storage"):
        open_store(gcs_server.fresh(), {})
