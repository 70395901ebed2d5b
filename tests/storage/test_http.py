from __future__ import annotations

import pytest

from data_versioning.storage.concurrent import PlainStore
from data_versioning.storage.http import open_store
from tests.conformance.store import LargeObjectSuite, WritableStoreSuite
from tests.servers.nginx import NginxServer


class TestHttp(WritableStoreSuite, LargeObjectSuite):
    @pytest.fixture
    def store(self, nginx_server: NginxServer) -> PlainStore:
        return open_store(nginx_server.fresh(), nginx_server.settings)
