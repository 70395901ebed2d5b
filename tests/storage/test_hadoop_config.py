from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import ConfigError
from data_versioning.storage import hadoop_config
from tests.servers.hadoop import xml

HTTP = "dfs.namenode.http-address"
HTTPS = "dfs.namenode.https-address"
RPC = "dfs.namenode.rpc-address"
PAIR = {
    "dfs.nameservices": "lake, pond",
    "dfs.ha.namenodes.lake": "a, b",
    f"{RPC}.lake.a": "one:8020",
    f"{RPC}.lake.b": "two:8020",
    f"{HTTP}.lake.a": "one:9870",
    f"{HTTP}.lake.b": "0.0.0.0:9871",
    f"{RPC}.pond": "three",
    f"{HTTP}.pond": "web:80",
}


@pytest.mark.parametrize(
    ("properties", "authority", "expected"),
    [
        ({}, "host", ["http://host:9870", "http://host:50070"]),
        ({}, "[::1]:9820", ["http://[::1]:9870", "http://[::1]:50070"]),
        ({"dfs.http.policy": "HTTPS_ONLY"}, "host:1", ["https://host:9871", "https://host:50470"]),
        ({}, "", []),
        ({"fs.defaultFS": "hdfs://host:9000", HTTP: "0.0.0.0:8070"}, "", ["http://host:8070"]),
        ({"fs.defaultFS": "hdfs://host:9000", HTTP: "web:8070"}, "host:9000", ["http://web:8070"]),
        ({RPC: "host:8020", HTTP: "web:8070"}, "host", ["http://web:8070"]),
        # What is configured is another cluster.
        ({HTTP: "web:8070"}, "host", ["http://host:9870", "http://host:50070"]),
        ({HTTP: "host:8070", HTTPS: "host:8071"}, "host", ["http://host:8070"]),
        (
            {HTTP: "host:8070", HTTPS: "host:8071", "dfs.http.policy": "HTTP_AND_HTTPS"},
            "host",
            ["https://host:8071", "http://host:8070"],
        ),
        (PAIR, "lake", ["http://one:9870", "http://two:9871"]),
        (PAIR, "pond", ["http://web:80"]),
        (PAIR | {"fs.defaultFS": "hdfs://lake"}, "", ["http://one:9870", "http://two:9871"]),
        (PAIR, "two:8020", ["http://two:9871"]),
        (PAIR, "three", ["http://web:80"]),
        (PAIR, "four", ["http://four:9870", "http://four:50070"]),
    ],
)
def test_where_name_nodes_answer(properties: dict[str, str], authority: str, expected: list[str]) -> None:
    assert hadoop_config.web_addresses(properties, authority) == expected


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    monkeypatch.delenv("HADOOP_HOME", raising=False)
    assert hadoop_config.load() == {}
    home = tmp_path / "etc/hadoop"
    home.mkdir(parents=True)
    (home / "hdfs-site.xml").write_text(xml({HTTP: "host:1"}))
    monkeypatch.setenv("HADOOP_HOME", str(tmp_path))
    assert hadoop_config.load() == {HTTP: "host:1"}
    other = tmp_path / "other"
    other.mkdir()
    (other / "core-site.xml").write_text(
        f"<?xml version='1.0'?><!-- text -->{xml({'fs.defaultFS': 'hdfs://x'})}"
    )
    monkeypatch.setenv("HADOOP_CONF_DIR", str(other))
    assert hadoop_config.load() == {"fs.defaultFS": "hdfs://x"}


@pytest.mark.parametrize("text", ["", "<configuration>", "<x>&y;</x>"])
def test_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "core-site.xml").write_text(text)
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match=r"core-site\.xml cannot be read") as caught:
        hadoop_config.load()
    assert caught.value.hint
