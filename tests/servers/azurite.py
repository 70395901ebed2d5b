"""Azure Blob Storage: Azurite, Microsoft's emulator."""

from __future__ import annotations

import base64
import hmac
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count

import pytest

from tests.servers import process

# Known to everybody: the emulator's only account.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, slots=True)
class AzureServer:
    """Where it is; `container` is there."""

    url: str
    container: str = "test"
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.url}/{ACCOUNT};"
        )

    @property
    def settings(self) -> dict[str, str]:
        """A remote's settings."""
        return {"connection_string": self.connection_string}

    def fresh(self) -> str:
        """The url of an empty prefix that nobody used before."""
        return f"azure://{self.container}/t{next(self._numbers)}"


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureServer]:
    """A server with one container."""
    with process.workplace("azurite") as place:
        (port,) = process.free_ports(1)
        server = AzureServer(f"http://127.0.0.1:{port}")
        argv = [
            "node", process.VENV / "node/node_modules/azurite/dist/src/blob/main.js",
            "--blobHost", "127.0.0.1", "--blobPort", str(port), "-l", "data",
            "--silent", "--skipApiVersionCheck", "--disableTelemetry",
        ]  # fmt: skip
        with process.running(argv, directory=place, ready=lambda: process.answers(server.url)):
            _create_container(server)
            yield server


def _create_container(server: AzureServer) -> None:
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    resource = f"/{ACCOUNT}/{ACCOUNT}/{server.container}\nrestype:container"
    signed = f"PUT{12 * chr(10)}x-ms-date:{now}\nx-ms-version:2021-08-06\n{resource}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed.encode(), sha256)).decode()
    request = urllib.request.Request(
        f"{server.url}/{ACCOUNT}/{server.container}?restype=container",
        method="PUT",
        headers={
            "x-ms-date": now,
            "x-ms-version": "2021-08-06",
            "Authorization": f"SharedKey {ACCOUNT}:{signature}",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
