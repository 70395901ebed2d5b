"""HTTP and WebDAV: Apache, which makes no directories for PUT, and has places that want a password."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5, sha1
from itertools import count
from pathlib import Path

import pytest

from tests.servers import process

USER, PASSWORD = "ada", "secret"
_MODULES = (
    "mpm_event authn_core authn_file authz_core authz_user auth_basic auth_digest dir dav dav_fs dav_lock"
)
_CONFIGURATION = """
ServerRoot "{place}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{place}/apache.pid"
ErrorLog "{place}/error.log"
DavLockDB "{place}/locks/DavLock"
User www-data
Group www-data
DocumentRoot "{place}/root"
MaxKeepAliveRequests 0
<Directory "{place}/root">
    Dav On
    DirectorySlash Off
    Require all granted
</Directory>
<Directory "{place}/root/basic">
    AuthType Basic
    AuthName basic
    AuthUserFile "{place}/passwords"
    Require valid-user
</Directory>
<Directory "{place}/root/digest">
    AuthType Digest
    AuthName digest
    AuthDigestProvider file
    AuthUserFile "{place}/digests"
    Require valid-user
</Directory>
"""


@dataclass(frozen=True, slots=True)
class WebServer:
    """Where it is; below `basic/` and `digest/` it wants USER and PASSWORD. Its files are those below `root`."""

    url: str
    root: Path
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def settings(self) -> dict[str, str]:
        """A remote's settings."""
        return {"method": "PUT"}

    def fresh(self) -> str:
        """The url of an empty directory that nobody used before."""
        name = f"t{next(self._numbers)}"
        (self.root / name).mkdir()
        (self.root / name).chmod(0o777)
        return f"{self.url}/{name}"


@pytest.fixture(scope="session")
def web_server() -> Iterator[WebServer]:
    """A server without any file."""
    with process.workplace("apache") as place:
        place.chmod(0o755)
        (port,) = process.free_ports(1)
        for name in ("root", "root/basic", "root/digest", "locks"):
            (place / name).mkdir()
            (place / name).chmod(0o777)
        digest = base64.b64encode(sha1(PASSWORD.encode()).digest()).decode()
        (place / "passwords").write_text(f"{USER}:{{SHA}}{digest}\n")
        hashed = md5(f"{USER}:digest:{PASSWORD}".encode()).hexdigest()
        (place / "digests").write_text(f"{USER}:digest:{hashed}\n")
        modules = [
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in _MODULES.split()
        ]
        text = "\n".join(modules) + _CONFIGURATION.format(place=place, port=port)
        if os.getuid():
            text = text.replace("User www-data\nGroup www-data\n", "")
        (place / "apache.conf").write_text(text)
        server = WebServer(f"http://127.0.0.1:{port}", place / "root")
        argv = ["/usr/sbin/apache2", "-f", place / "apache.conf", "-DFOREGROUND"]
        with process.running(argv, directory=place, ready=lambda: process.listens(port)):
            yield server
