"""Permissions that go with each upload; the server keeps them, and everything else works as without."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import boto3
import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.s3 import open_store
from tests.conformance.store import CONTENTS, NetworkStoreSuite, StoreSuite, fill
from tests.servers import process
from tests.servers.seaweedfs import KEY, REGION, SECRET, S3Server

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


class TestS3WithPermissions(StoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, s3_server: S3Server) -> ConcurrentStore:
        return open_store(s3_server.fresh(), {**s3_server.settings, "acl": "public-read"})


def readers(server: S3Server, url: str, key: str) -> list[str]:
    client = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    path = f"{url.removeprefix('s3://' + server.bucket + '/')}/{key}"
    grants = client.get_object_acl(Bucket=server.bucket, Key=path)["Grants"]
    return [grant["Grantee"].get("URI", "") for grant in grants if grant["Permission"] == "READ"]


@pytest.mark.parametrize(
    "permission", [{"acl": "public-read"}, {"grant_read": f'uri="{EVERYBODY}"'}], ids=["acl", "grant"]
)
def test_permissions_go_with_the_object(
    s3_server: S3Server, tmp_path: Path, permission: dict[str, str]
) -> None:
    url = s3_server.fresh()
    contents = {"k/one": b"one", "k/large": os.urandom(1 << 20) * 120}
    fill(open_store(url, {**s3_server.settings, **permission}), tmp_path, contents)
    fill(open_store(url, s3_server.settings), tmp_path, {"k/plain": b"plain"})
    assert readers(s3_server, url, "k/one") == [EVERYBODY] == readers(s3_server, url, "k/large")
    assert readers(s3_server, url, "k/plain") == []


def test_acl_or_grant(s3_server: S3Server) -> None:
    both = {**s3_server.settings, "acl": "private", "grant_read": "id=1"}
    with pytest.raises(ConfigError, match="not both"):
        open_store(s3_server.fresh(), both)


def test_encryption_by_a_key_of_the_customer(s3_server: S3Server, tmp_path: Path) -> None:
    key = base64.b64encode(bytes(range(32))).decode()
    url, settings = s3_server.fresh(), {**s3_server.settings, "sse_customer_key": key}
    fill(open_store(url, {**settings, "acl": "private"}), tmp_path, CONTENTS)
    assert open_store(url, settings).read("top") == CONTENTS["top"]
    with pytest.raises(StorageError):
        open_store(url, s3_server.settings).read("top")


def test_wrong_credentials(s3_server: S3Server) -> None:
    wrong = {**s3_server.settings, "acl": "private", "secret_access_key": "wr0ng"}
    with pytest.raises(StorageError, match="does not permit this|refuses this") as caught:
        open_store(s3_server.fresh(), wrong).find(["a"])
    assert "wr0ng" not in caught.value.message


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.01)
    (port,) = process.free_ports(1)
    settings = {"acl": "private", "access_key_id": "a", "secret_access_key": "b", "region": "x"}
    with pytest.raises(StorageError, match="does not answer"):
        open_store("s3://b/x", {**settings, "endpointurl": f"http://127.0.0.1:{port}"}).find(["a"])


def test_a_missing_plug_in_is_named(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "s3fs":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    from fsspec.registry import _registry

    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(ConfigError, match="plug-in of fsspec") as caught:
        open_store(s3_server.fresh(), {**s3_server.settings, "acl": "private"})
    assert caught.value.hint == "pip install s3fs"
