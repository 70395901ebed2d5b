"""HTTP: nginx, which takes PUT and makes directories, and has a place that wants a password."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import count
from pathlib import Path

import pytest

from tests.servers import process

USER, PASSWORD = "ada", "secret"
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log {place}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port};
        root {place}/root;
        dav_methods PUT;
        create_full_put_path on;
        location / {{}}
        location /basic/ {{
            auth_basic "basic";
            auth_basic_user_file {place}/passwords;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class NginxServer:
    """Where it is; below `basic/` it wants USER and PASSWORD. Its files are those below `root`."""

    url: str
    root: Path
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def settings(self) -> dict[str, str]:
        """A remote's settings."""
        return {"method": "PUT"}

    def fresh(self) -> str:
        """The url of an empty directory that nobody used before."""
        return f"{self.url}/t{next(self._numbers)}"


@pytest.fixture(scope="session")
def nginx_server() -> Iterator[NginxServer]:
    """A server without any file."""
    with process.workplace("nginx") as place:
        place.chmod(0o755)
        for name in ("root", "body"):
            (place / name).mkdir()
            (place / name).chmod(0o777)  # started by root, it works as another user
        (port,) = process.free_ports(1)
        digest = base64.b64encode(sha1(PASSWORD.encode()).digest()).decode()
        (place / "passwords").write_text(f"{USER}:{{SHA}}{digest}\n")
        (place / "nginx.conf").write_text(_CONFIGURATION.format(place=place, port=port))
        server = NginxServer(f"http://127.0.0.1:{port}", place / "root")
        argv = ["/usr/sbin/nginx", "-p", place, "-e", place / "error.log", "-c", place / "nginx.conf"]
        with process.running(argv, directory=place, ready=lambda: process.listens(port)):
            yield server
