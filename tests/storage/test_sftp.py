from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.sftp import open_store
from tests.conformance.store import ConditionalStoreSuite
from tests.servers.sshd import SshServer


@pytest.fixture
def home(tmp_path: Path, ssh_server: SshServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory whose user knows the server."""
    path = tmp_path / "home"
    path.mkdir()
    ssh_server.introduce(path)
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return path


class TestSftp(ConditionalStoreSuite):
    @pytest.fixture
    def store(self, ssh_server: SshServer, home: Path) -> ConcurrentStore:
        return open_store(ssh_server.fresh(), ssh_server.settings)
