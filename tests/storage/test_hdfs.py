from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage import hdfs
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.hdfs import open_store
from tests.conformance.store import ConditionalStoreSuite, LargeObjectSuite, fill, items, joined
from tests.servers import process
from tests.servers.hadoop import HdfsServer, xml

USER = {"user": "ada"}


@pytest.fixture(autouse=True)
def own_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store sets for the process ends with the test."""
    monkeypatch.setenv("HADOOP_USER_NAME", "nobody")


class TestHdfs(ConditionalStoreSuite, LargeObjectSuite):
    races = 2
    updates = 4

    @pytest.fixture
    def store(self, hdfs_server: HdfsServer) -> ConcurrentStore:
        return open_store(hdfs_server.fresh(), USER)

    def test_many_small_objects(self, store: ConcurrentStore, tmp_path: Path) -> None:  # type: ignore[override]
        """Fewer than elsewhere: each takes half a second to close."""
        contents = {f"files/md5/{i % 16:02x}/{i}": b"%d" % i for i in range(60)}
        fill(store, tmp_path / "many", contents)
        assert joined(list(store.list("files/"))) == {key: len(value) for key, value in contents.items()}
        assert not store.download(items(tmp_path / "back", contents)).failures


def test_a_client_is_never_freed(hdfs_server: HdfsServer) -> None:
    """Freeing it may wait for ever (see `_client`); so all stores of one NameNode share one."""
    client = open_store(hdfs_server.fresh(), USER).client.files.client  # type: ignore[attr-defined]
    assert open_store(hdfs_server.fresh(), USER).client.files.client is client  # type: ignore[attr-defined]
    other = open_store(hdfs_server.fresh(), {"user": "eve"}).client.files.client  # type: ignore[attr-defined]
    assert other is not client
    hdfs._client.cache_clear()
    gc.collect()
    assert sys.getrefcount(client) == 3, "the variable, the argument, and the one that stays"


def test_the_number_of_replicas(hdfs_server: HdfsServer, tmp_path: Path) -> None:
    store = open_store(hdfs_server.fresh(), {**USER, "replication": "2"})
    fill(store, tmp_path / "source", {"k/one": b"one"})
    client = store.client.files.client  # type: ignore[attr-defined]
    root = store.client.root  # type: ignore[attr-defined]
    status = client.get_file_info(f"{root}/k/one")
    assert (status.replication, status.owner) == (2, "ada")
    with pytest.raises(ConfigError, match="replication"):
        open_store(hdfs_server.fresh(), {"replication": "many"})


def test_no_permission(hdfs_server: HdfsServer, tmp_path: Path) -> None:
    store = open_store(hdfs_server.fresh(), {"user": "eve"})
    (tmp_path / "one").write_bytes(b"one")
    with pytest.raises(StorageError, match="does not permit this: Permission denied: user=eve") as caught:
        store.upload(items(tmp_path, {"k/one": b"one"}))
    assert "user" in (caught.value.hint or "")
    assert "\n" not in caught.value.message


def test_nobody_listens() -> None:
    (port,) = process.free_ports(1)
    with pytest.raises(StorageError, match="does not answer: connection refused"):
        open_store(f"hdfs://127.0.0.1:{port}/x", {}).find(["a"])


def test_the_usual_port(hdfs_server: HdfsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdfs, "RPC_PORT", hdfs_server.port)
    url = hdfs_server.fresh()
    assert open_store(url.replace(f":{hdfs_server.port}", ""), USER).put_if("one", b"1", None)
    assert open_store(url, USER).read("one") == b"1"


def test_hadoops_own_configuration(
    hdfs_server: HdfsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match="cannot be found") as caught:
        open_store("hdfs:///ada/x", USER)
    assert "HADOOP_CONF_DIR" in (caught.value.hint or "")
    # What no configuration describes is a host.
    with pytest.raises(StorageError, match="hdfs://cluster does not answer") as unreachable:
        open_store("hdfs://cluster/ada/x", USER).find(["a"])
    assert "HADOOP_CONF_DIR" in (unreachable.value.hint or "")
    (port,) = process.free_ports(1)
    properties = {
        "dfs.nameservices": "cluster",
        "dfs.ha.namenodes.cluster": "a,b",
        "dfs.namenode.rpc-address.cluster.a": f"127.0.0.1:{port}",
        "dfs.namenode.rpc-address.cluster.b": f"127.0.0.1:{hdfs_server.port}",
    }
    (tmp_path / "hdfs-site.xml").write_text(xml(properties))
    store = open_store("hdfs://cluster/ada/ha", USER)
    assert store.put_if("one", b"1", None)
    assert store.read("one") == b"1"


def test_no_ticket() -> None:
    with pytest.raises(ConfigError, match="no Kerberos ticket"):
        open_store("hdfs://127.0.0.1:1/x", {"kerb_ticket": "/none/at/all"})
    assert os.environ["HADOOP_USER_NAME"] == "nobody"
