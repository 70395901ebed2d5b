"""HDFS: a real NameNode and DataNode of Hadoop, and WebHDFS on them."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.servers import process

_HADOOP = process.VENV / "hadoop"
# Hadoop is older than the modules of Java.
_JAVA = (
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.nio", "java.util", "java.net")),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "-Djava.net.preferIPv4Stack=true",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
)  # fmt: skip
_NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_LOG = """
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{HH:mm:ss,SSS} %p %c{2}: %m%n
"""


@dataclass(frozen=True, slots=True)
class HdfsServer:
    """Where NameNode and DataNode take requests, of Hadoop's protocol and of HTTP; `ada` owns all below `/ada`.

    `configuration` is the directory of Hadoop's own.
    """

    configuration: Path
    port: int
    http_port: int
    data_port: int
    data_http_port: int
    _numbers: Iterator[int] = field(default_factory=count)

    def fresh(self) -> str:
        """The url of a directory that nobody used before, and that is not there yet."""
        return f"hdfs://127.0.0.1:{self.port}/ada/t{next(self._numbers)}"

    def by_http(self, url: str) -> str:
        """The url of WebHDFS for the same directory."""
        return url.replace(f"hdfs://127.0.0.1:{self.port}/", f"webhdfs://127.0.0.1:{self.http_port}/")

    def hadoop_fs(self, *words: str) -> str:
        """What Hadoop's own program prints, started by `ada`."""
        argv = [*_java(self.configuration), "org.apache.hadoop.fs.FsShell", *words]
        environment = dict(os.environ) | {"HADOOP_USER_NAME": "ada"}
        return subprocess.run(argv, check=True, capture_output=True, text=True, env=environment).stdout


@pytest.fixture(scope="session")
def hdfs_server() -> Iterator[HdfsServer]:
    """A file system with one DataNode."""
    with serving() as server:
        yield server


@contextmanager
def serving() -> Iterator[HdfsServer]:
    """A file system that runs as long as it is needed."""
    with process.workplace("hdfs") as place:
        ports = process.free_ports(5)
        _configure(place, *ports)
        argv = _java(place / "conf")
        subprocess.run(
            [*argv, _NAME_NODE, "-format", "-force", "-nonInteractive"],
            check=True,
            capture_output=True,
            cwd=place,
        )
        server = HdfsServer(place / "conf", *ports[:4])
        for name in ("name", "data"):
            (place / name).mkdir(exist_ok=True)
        with (
            process.running(
                [*argv, _NAME_NODE], directory=place / "name", ready=lambda: process.listens(ports[0])
            ),
            process.running(
                [*argv, _DATA_NODE], directory=place / "data", ready=lambda: _has_data_node(ports[1])
            ),
        ):
            _make_home(ports[1])
            yield server


def _java(configuration: Path) -> list[str]:
    return ["java", *_JAVA, "-cp", f"{configuration}:{_HADOOP}/web:{_HADOOP}/lib/*"]


def _configure(place: Path, rpc: int, http: int, data: int, data_http: int, data_rpc: int) -> None:
    (place / "conf").mkdir()
    (place / "conf/log4j.properties").write_text(_LOG)
    core = {"fs.defaultFS": f"hdfs://127.0.0.1:{rpc}", "hadoop.tmp.dir": str(place / "hadoop")}
    (place / "conf/core-site.xml").write_text(xml(core))
    hdfs = {
        "dfs.replication": "1",
        "dfs.namenode.rpc-bind-host": "127.0.0.1",
        "dfs.namenode.http-address": f"127.0.0.1:{http}",
        "dfs.datanode.address": f"127.0.0.1:{data}",
        "dfs.datanode.http.address": f"127.0.0.1:{data_http}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{data_rpc}",
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.namenode.safemode.extension": "0",
        "dfs.heartbeat.interval": "1",
        "dfs.webhdfs.enabled": "true",
    }
    (place / "conf/hdfs-site.xml").write_text(xml(hdfs))


def xml(properties: dict[str, str]) -> str:
    """The text of a configuration file."""
    body = "".join(
        f"<property><name>{name}</name><value>{value}</value></property>"
        for name, value in properties.items()
    )
    return f"<configuration>{body}</configuration>"


def _has_data_node(port: int) -> bool:
    url = f"http://127.0.0.1:{port}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return b'"NumLiveDataNodes" : 1' in answer.read()
    except OSError:
        return False


def _make_home(port: int) -> None:
    """Make `/ada`, of the user `ada`; whoever started the NameNode may do everything."""
    superuser = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
    for query in ("op=MKDIRS", "op=SETOWNER&owner=ada&group=ada", "op=SETPERMISSION&permission=700"):
        url = f"http://127.0.0.1:{port}/webhdfs/v1/ada?{query}&user.name={superuser}"
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=30) as answer:
            assert answer.status == 200
