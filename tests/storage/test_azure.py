from __future__ import annotations

import pytest

from data_versioning.storage.azure import open_store
from data_versioning.storage.concurrent import ConcurrentStore
from tests.conformance.store import ConditionalStoreSuite, NetworkStoreSuite
from tests.servers.azurite import AzureServer


class TestAzure(ConditionalStoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, azure_server: AzureServer) -> ConcurrentStore:
        return open_store(azure_server.fresh(), azure_server.settings)
