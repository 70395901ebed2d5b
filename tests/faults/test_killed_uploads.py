"""kill -9 in the middle of a large upload: the next one sends what the store does not have yet."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from data_versioning import storage
from tests.oracle import Tool
from tests.servers import fault_proxy
from tests.servers.azurite import AzureServer
from tests.servers.fake_gcs import GcsServer

MIB = 1 << 20
SIZE, PART = 96 * MIB, 8 * MIB
FAST = {"DV_DURABILITY": "process"}


@pytest.fixture(params=["azure", "gcs"])
def remote(
    request: pytest.FixtureRequest, azure_server: AzureServer, gcs_server: GcsServer
) -> tuple[str, str, Mapping[str, str]]:
    """Address of a server, url of an empty place there, and a remote's settings."""
    server = azure_server if request.param == "azure" else gcs_server
    return server.url, server.fresh(), server.settings


def test_a_killed_upload_goes_on(
    dv: Tool, repository: Path, remote: tuple[str, str, Mapping[str, str]]
) -> None:
    address, url, settings = remote
    content = random.Random(3).randbytes(SIZE)
    (repository / "large").write_bytes(content)
    key = "files/md5/" + (digest := hashlib.md5(content).hexdigest())[:2] + "/" + digest[2:]
    store: Any = storage.open_store(url, settings)
    with fault_proxy.disturbing(address) as proxy:
        lines = [f"    {name} = {text.replace(address, proxy.url)}" for name, text in settings.items()]
        section = "\n".join(["['remote \"r\"']", f"    url = {url}", *lines])
        (repository / ".dvc/config").write_text(f"[core]\n    remote = r\n{section}\n")
        assert dv(repository, "add", "large", env=FAST).code == 0
        process = dv.start(repository, "push", env=FAST)
        end = time.monotonic() + 60
        while proxy.up < SIZE / 2:
            assert process.poll() is None and time.monotonic() < end, process.communicate()
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not store.find([key]).keys
        arrived = len(store.client.uploads().begin(key).arrived)
        assert arrived >= 1
        proxy.forget()
        done = dv.real(repository, "push", env=FAST)
        assert done.code == 0, done
        assert proxy.up < SIZE - arrived * PART + MIB
    assert store.read(key) == content
