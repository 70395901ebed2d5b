from __future__ import annotations

import pytest

from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.s3 import open_store
from tests.conformance.store import ConditionalStoreSuite, NetworkStoreSuite
from tests.servers.seaweedfs import S3Server


class TestS3(ConditionalStoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, s3_server: S3Server) -> ConcurrentStore:
        return open_store(s3_server.fresh(), s3_server.settings)
