"""SSH: OpenSSH's own server, with a key, and with a password where the tests run as root."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.servers import process

_CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host_key
AuthorizedKeysFile {place}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication yes
PermitRootLogin yes
MaxStartups 200:30:400
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True, slots=True)
class SshServer:
    """Where it is, and what is needed to log in; `place` has `key`, `known_hosts` and the files below `root`."""

    port: int
    place: Path
    pid: int
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def user(self) -> str:
        return getpass.getuser()

    @property
    def settings(self) -> dict[str, str]:
        """A remote's settings."""
        return {
            "keyfile": str(self.place / "key"),
            "user": self.user,
            "port": str(self.port),
            "allow_agent": "false",
        }

    def fresh(self) -> str:
        """The url of a directory that nobody used before, and that is not there yet."""
        return f"ssh://127.0.0.1{self.place}/root/t{next(self._numbers)}"

    def connections(self) -> list[int]:
        """The processes that serve connections now: those the server started, and what these started."""
        found, level = list[int](), [self.pid]
        while level:
            level = [child for parent in level for child in _children(parent)]
            found += level
        return found

    def introduce(self, home: Path, *, port: int | None = None) -> None:
        """Make the host key known to the user of a home directory, as that of a proxy at `port` if there is one."""
        (home / ".ssh").mkdir(mode=0o700, exist_ok=True)
        text = (self.place / "known_hosts").read_text()
        if port:
            text = text.replace(f":{self.port} ", f":{port} ")
        (home / ".ssh/known_hosts").write_text(text)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@contextmanager
def serving(place: Path) -> Iterator[SshServer]:
    """A server whose keys and files are in `place`."""
    place.chmod(0o755)
    (port,) = process.free_ports(1)
    for name in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True)
    (place / "root").mkdir()
    host_key = " ".join((place / "host_key.pub").read_text().split()[:2])
    (place / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (place / "sshd_config").write_text(_CONFIGURATION.format(place=place, port=port))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it when root starts it
    argv = ["/usr/sbin/sshd", "-D", "-e", "-f", place / "sshd_config"]
    with process.running(argv, directory=place, ready=lambda: process.listens(port)) as daemon:
        yield SshServer(port, place, daemon.pid)


@pytest.fixture(scope="session")
def ssh_server() -> Iterator[SshServer]:
    """A server that knows one key."""
    with process.workplace("sshd") as place, serving(place) as server:
        yield server
