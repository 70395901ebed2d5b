"""FTP: pyftpdlib, with one user."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest

from tests.servers import process

USER, PASSWORD = "ada", "s3cret"


@dataclass(frozen=True, slots=True)
class FtpServer:
    """Where it is."""

    port: int
    _numbers: Iterator[int] = field(default_factory=count)

    def fresh(self, password: str = PASSWORD) -> str:
        """The url of a directory that nobody used before, and that is not there yet."""
        return f"ftp://{USER}:{password}@127.0.0.1:{self.port}/t{next(self._numbers)}"


@pytest.fixture(scope="session")
def ftp_server() -> Iterator[FtpServer]:
    """A server without any file."""
    with process.workplace("ftp") as place:
        (port,) = process.free_ports(1)
        (place / "root").mkdir()
        argv = [sys.executable, "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port), "-d", "root", "-w"]
        argv += ["-u", USER, "-P", PASSWORD]
        with process.running(argv, directory=place, ready=lambda: process.listens(port)):
            yield FtpServer(port)
