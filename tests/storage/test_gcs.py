from __future__ import annotations

import pytest

from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.gcs import open_store
from tests.conformance.store import ConditionalStoreSuite, NetworkStoreSuite
from tests.servers.fake_gcs import GcsServer


class TestGcs(ConditionalStoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, gcs_server: GcsServer) -> ConcurrentStore:
        return open_store(gcs_server.fresh(), gcs_server.settings)
