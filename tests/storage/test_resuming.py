"""Uploads that go on where an earlier one stopped: the same for each store that has them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from data_versioning import storage
from data_versioning.errors import ConfigError
from data_versioning.storage import azure, gcs, s3
from tests.conformance.uploads import UploadsSuite, parts
from tests.servers import fault_proxy
from tests.servers.azurite import AzureServer
from tests.servers.fake_gcs import GcsServer
from tests.servers.fault_proxy import FaultProxy
from tests.servers.seaweedfs import S3Server


class TestS3(UploadsSuite):
    @pytest.fixture
    def proxy(self, s3_server: S3Server) -> Iterator[FaultProxy]:
        with fault_proxy.disturbing(s3_server.url) as found:
            yield found

    @pytest.fixture
    def opened(self, s3_server: S3Server, proxy: FaultProxy) -> Any:
        return s3.open_store(s3_server.fresh(), s3_server.settings | {"endpointurl": proxy.url})


class TestS3WithoutChecksums(TestS3):
    """For servers that do not know Amazon's checksums, boto3 is told to leave them out."""

    @pytest.fixture(autouse=True)
    def old_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")


class TestAzure(UploadsSuite):
    @pytest.fixture
    def proxy(self, azure_server: AzureServer) -> Iterator[FaultProxy]:
        with fault_proxy.disturbing(azure_server.url) as found:
            yield found

    @pytest.fixture
    def opened(self, azure_server: AzureServer, proxy: FaultProxy) -> Any:
        text = azure_server.connection_string.replace(azure_server.url, proxy.url)
        return azure.open_store(azure_server.fresh(), {"connection_string": text})


class TestGcs(UploadsSuite):
    """The part of Google's protocol that is needed here is our own (`gcs_xml.py`): no emulator has it."""

    @pytest.fixture
    def proxy(self, gcs_server: GcsServer) -> Iterator[FaultProxy]:
        with fault_proxy.disturbing(gcs_server.url) as found:
            yield found

    @pytest.fixture
    def opened(self, gcs_server: GcsServer, proxy: FaultProxy) -> Any:
        return gcs.open_store(gcs_server.fresh(), gcs_server.settings | {"endpointurl": proxy.url})


@pytest.mark.parametrize(
    ("url", "settings", "library"),
    [
        ("s3://bucket", {"access_key_id": "a", "secret_access_key": "b", "region": "us-east-1"}, "boto3"),
        ("azure://box", {"account_name": "a", "account_key": "MQ=="}, "azure.storage.blob"),
        ("gs://bucket", {"allow_anonymous_login": "true"}, "requests"),
        ("gs://bucket", {"allow_anonymous_login": "true"}, "google.auth.exceptions"),
    ],
)
def test_a_library_that_only_large_uploads_need(
    monkeypatch: pytest.MonkeyPatch, url: str, settings: dict[str, str], library: str
) -> None:
    opened: Any = storage.open_store(url, settings)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=f"{url} needs {library}, which is not installed") as refused:
        asyncio.run(opened.client.put_parts("large", parts(), 64 << 20))
    assert refused.value.hint == f"pip install 'data-versioning[{storage.scheme(url)}]'"


def test_a_library_that_only_ids_of_google_need(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Any = storage.open_store("gs://bucket", {"allow_anonymous_login": "true"})
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(ConfigError, match="gs://bucket needs requests, which is not installed") as refused:
        opened.ids(["a"])
    assert refused.value.hint == "pip install 'data-versioning[gs]'"
