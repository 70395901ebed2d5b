from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.identity import CredentialUnavailableError

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage import azure, resuming
from data_versioning.storage.azure import open_store
from data_versioning.storage.concurrent import ConcurrentStore
from tests.conformance.store import ConditionalStoreSuite, MovingStoreSuite, NetworkStoreSuite
from tests.conformance.uploads import CONTENT, SIZE, parts
from tests.servers.azurite import ACCOUNT, KEY, AzureServer


class TestAzure(ConditionalStoreSuite, MovingStoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, azure_server: AzureServer) -> ConcurrentStore:
        return open_store(azure_server.fresh(), azure_server.settings)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No credentials anywhere but those the test makes."""
    for names in azure._ELSEWHERE.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    return monkeypatch


def works(store: ConcurrentStore) -> bool:
    return len(store.find(["none"])) == 0 and list(store.list("none/")) == []


def test_shared_access_signature(azure_server: AzureServer) -> None:
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    token = generate_container_sas(
        ACCOUNT,
        azure_server.container,
        account_key=KEY,
        permission=ContainerSasPermissions(read=True, list=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    text = f"BlobEndpoint={azure_server.url}/{ACCOUNT};AccountName={ACCOUNT};SharedAccessSignature={token}"
    store = open_store(azure_server.fresh(), {"connection_string": text})
    assert works(store)
    with pytest.raises(StorageError) as refused:
        store.put_if("a", b"x", None)
    assert token not in f"{refused.value} {refused.value.hint}" and "sig=" not in str(refused.value)


@pytest.mark.parametrize("may_read", [True, False])
def test_a_large_upload_with_a_shared_access_signature(
    azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch, may_read: bool
) -> None:
    """Blocks that arrived are asked for where that is permitted; else all of them are sent."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    monkeypatch.setattr(resuming, "_WORTH_RESUMING", 1)
    token = generate_container_sas(
        ACCOUNT,
        azure_server.container,
        account_key=KEY,
        permission=ContainerSasPermissions(read=may_read, create=True, write=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    text = f"BlobEndpoint={azure_server.url}/{ACCOUNT};AccountName={ACCOUNT};SharedAccessSignature={token}"
    url = azure_server.fresh()
    client: Any = open_store(url, {"connection_string": text}).client
    assert (client.uploads().begin("large") is not None) is may_read
    asyncio.run(client.put_parts("large", parts(), SIZE))
    assert open_store(url, azure_server.settings).read("large") == b"".join(CONTENT)


def test_connection_string_of_environment_and_program(
    azure_server: AzureServer, alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="without an account"):
        open_store(azure_server.fresh(), {})
    (tmp_path / "config").write_text(f"[storage]\nconnection_string = {azure_server.connection_string}\n")
    assert works(open_store(azure_server.fresh(), {}))
    alone.setenv("AZURE_CONFIG_DIR", str(tmp_path / "none"))
    alone.setenv("AZURE_STORAGE_CONNECTION_STRING", azure_server.connection_string)
    assert works(open_store(azure_server.fresh(), {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5==;EndpointSuffix=core.chinacloudapi.cn",
            ("a", "https://a.blob.core.chinacloudapi.cn", "a2V5=="),
        ),
        ("AccountName=a;AccountKey=k", ("a", "https://a.blob.core.windows.net", "k")),
        (
            "BlobEndpoint=https://b.blob.core.windows.net/;SharedAccessSignature=s",
            ("b", "https://b.blob.core.windows.net", None),
        ),
        ("UseDevelopmentStorage=true", (ACCOUNT, f"http://127.0.0.1:10000/{ACCOUNT}", KEY)),
    ],
)
def test_parts_of_a_connection_string(text: str, expected: tuple[str, str, str | None]) -> None:
    found = azure._parts(text)
    assert (found["account_name"], found["endpoint"], found.get("account_key")) == expected


def test_a_connection_string_without_sense() -> None:
    with pytest.raises(ConfigError, match="neither AccountName nor BlobEndpoint"):
        azure._parts("AccountKey=topsecret")


class Identity:
    """In place of Microsoft's login, which is in the network."""

    made: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:
        Identity.made.append(options)

    def get_token(self, *scopes: str, tenant_id: str | None = None) -> Any:
        raise RuntimeError("nobody is logged in")


def test_service_principal_and_default_credentials(
    azure_server: AzureServer, alone: pytest.MonkeyPatch
) -> None:
    Identity.made = []
    alone.setattr("azure.identity.ClientSecretCredential", Identity)
    alone.setattr("azure.identity.DefaultAzureCredential", Identity)
    principal = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    open_store("azure://box", {"account_name": "a", **principal})
    store = open_store("azure://box", {"account_name": "a", "exclude_managed_identity_credential": "true"})
    assert Identity.made[0] == principal
    assert Identity.made[1]["exclude_managed_identity_credential"] is True
    assert Identity.made[1]["exclude_environment_credential"] is False
    with pytest.raises(StorageError, match="no credentials for azure://box: nobody is logged in"):
        store.read("a")
    with pytest.raises(ConfigError, match="has tenant_id and client_id but no client_secret"):
        open_store("azure://box", {"account_name": "a", "tenant_id": "t", "client_id": "c"})


def test_credentials_go_to_microsoft_only(alone: pytest.MonkeyPatch) -> None:
    Identity.made = []
    alone.setattr("azure.identity.DefaultAzureCredential", Identity)
    for server in (
        "https://evil.example",
        "http://a.blob.core.windows.net",
        "https://a.windows.net.evil.example",
    ):
        with pytest.raises(ConfigError, match="credentials are not sent there"):
            open_store("azure://box", {"connection_string": f"AccountName=a;BlobEndpoint={server}"})
    assert not Identity.made
    open_store("azure://box", {"connection_string": "AccountName=a;EndpointSuffix=core.windows.net"})


def test_anonymous(azure_server: AzureServer) -> None:
    text = azure_server.connection_string.replace(f"AccountKey={KEY};", "")
    store = open_store(azure_server.fresh(), {"connection_string": text, "allow_anonymous_login": "true"})
    with pytest.raises(StorageError, match="azure://test does not "):
        store.read("a")


def test_a_login_that_ends_during_a_large_upload(alone: pytest.MonkeyPatch) -> None:
    class Expired(Identity):
        def get_token(self, *scopes: str, **_: object) -> Any:
            raise CredentialUnavailableError("run az login, tell nobody sig=secret")

    Identity.made = []
    alone.setattr("azure.identity.DefaultAzureCredential", Expired)
    opened: Any = open_store("azure://box", {"account_name": "a"})
    with pytest.raises(StorageError, match=r"^no credentials for azure://box: CredentialUnavailableError$"):
        opened.client.uploads().begin("large")


def test_a_login_of_the_settings_counts_more_than_any_of_the_environment(alone: pytest.MonkeyPatch) -> None:
    """Whichever kind each of them is: that of another account would be of no use, or of the wrong one."""
    other = "AccountName=other;AccountKey=b3RoZXI=;EndpointSuffix=core.windows.net"
    mine = {"account_name": "mine"}
    principal = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    alone.setenv("AZURE_STORAGE_CONNECTION_STRING", other)
    alone.setenv("AZURE_STORAGE_KEY", "b3RoZXI=")
    alone.setenv("AZURE_STORAGE_SAS_TOKEN", "sig=other")
    for login in ({"account_key": "bWluZQ=="}, {"sas_token": "sig=mine"}, principal):
        assert azure._known({**mine, **login}) == {**mine, **login}
    # What the settings leave open comes from elsewhere.
    alone.setenv("AZURE_STORAGE_ACCOUNT", "mine")
    assert azure._known({"sas_token": "sig=mine"}) == {**mine, "sas_token": "sig=mine"}
    assert azure._known({"connection_string": "AccountName=a;AccountKey=k"})["account_key"] == "k"


def test_an_account_that_is_not_that_of_the_environment(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=b3RoZXI=")
    assert azure._known({"account_name": "other"})["account_key"] == "b3RoZXI="
    with pytest.raises(ConfigError, match=r"account_name is mine, and the connection string .* is of other"):
        azure._known({"account_name": "mine"})
