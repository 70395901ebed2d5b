"""Uploads that go on where an earlier one stopped, against a real server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from data_versioning.errors import CorruptObject, StorageError
from data_versioning.storage import s3, s3_multipart
from data_versioning.storage.client import Unavailable
from data_versioning.storage.s3_multipart import S3Client
from tests.servers.seaweedfs import KEY, REGION, SECRET, S3Server

PART = 5 << 20  # the least that Amazon takes
CONTENT = [bytes([number]) * PART for number in range(5)] + [b"end"]
SIZE = sum(map(len, CONTENT))


class Counted:
    """A client of boto3 that counts what is sent."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def call(**arguments: Any) -> Any:
            self.calls[name] += 1
            return method(**arguments)

        return call


@pytest.fixture
def sdk(s3_server: S3Server) -> Counted:
    return Counted(
        boto3.client(
            "s3", endpoint_url=s3_server.url, region_name=REGION,
            aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        )
    )  # fmt: skip


@pytest.fixture
def client(s3_server: S3Server, sdk: Counted, monkeypatch: pytest.MonkeyPatch) -> S3Client:
    monkeypatch.setattr(s3_multipart, "_WORTH_RESUMING", 1)
    opened: Any = s3.open_store(s3_server.fresh(), s3_server.settings)
    found: S3Client = opened.client
    return replace(found, sdk=lambda: sdk, part_size=PART)


async def parts(until: int | None = None, error: Exception | None = None) -> AsyncIterator[bytes]:
    for part in CONTENT[:until]:
        yield part
    if error:
        raise error


def send(client: S3Client, content: AsyncIterator[bytes]) -> None:
    asyncio.run(client.put_parts("large", content, SIZE))


def stored(sdk: Counted, client: S3Client) -> bytes:
    answer = sdk.client.get_object(Bucket=client.bucket, Key=client.prefix + "large")
    content: bytes = answer["Body"].read()
    return content


def begun(sdk: Counted, client: S3Client) -> list[str]:
    answer = sdk.client.list_multipart_uploads(Bucket=client.bucket, Prefix=client.prefix)
    return [upload["UploadId"] for upload in answer.get("Uploads", [])]


def test_an_upload_without_trouble(client: S3Client, sdk: Counted) -> None:
    send(client, parts())
    assert stored(sdk, client) == b"".join(CONTENT)
    assert sdk.calls["upload_part"] == len(CONTENT)
    assert begun(sdk, client) == []


def test_what_arrived_is_not_sent_again(client: S3Client, sdk: Counted) -> None:
    with pytest.raises(Unavailable):
        send(client, parts(3, Unavailable("the line is gone")))
    assert len(begun(sdk, client)) == 1
    arrived = len(sdk.client.list_parts(
        Bucket=client.bucket, Key=client.prefix + "large", UploadId=begun(sdk, client)[0]
    ).get("Parts", []))  # fmt: skip
    sdk.calls.clear()
    send(client, parts())
    assert arrived == 3
    assert sdk.calls["upload_part"] == len(CONTENT) - arrived
    assert sdk.calls["create_multipart_upload"] == 0
    assert stored(sdk, client) == b"".join(CONTENT)


def test_parts_of_other_content_are_replaced(client: S3Client, sdk: Counted) -> None:
    name = {"Bucket": client.bucket, "Key": client.prefix + "large"}
    upload = sdk.client.create_multipart_upload(**name)["UploadId"]
    sdk.client.upload_part(**name, UploadId=upload, PartNumber=1, Body=b"x" * PART)
    sdk.client.upload_part(**name, UploadId=upload, PartNumber=2, Body=CONTENT[1])
    send(client, parts())
    assert sdk.calls["upload_part"] == len(CONTENT) - 1
    assert stored(sdk, client) == b"".join(CONTENT)


def test_damaged_content_leaves_nothing(client: S3Client, sdk: Counted) -> None:
    with pytest.raises(CorruptObject):
        send(client, parts(3, CorruptObject("not what its name says")))
    assert begun(sdk, client) == []
    with pytest.raises(sdk.client.exceptions.NoSuchKey):
        stored(sdk, client)


def test_small_files_take_the_fast_way(
    client: S3Client, sdk: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_multipart, "_WORTH_RESUMING", SIZE + 1)
    send(client, parts())
    assert not sdk.calls
    assert stored(sdk, client) == b"".join(CONTENT)


def test_a_refusal(client: S3Client, s3_server: S3Server) -> None:
    wrong = boto3.client(
        "s3",
        endpoint_url=s3_server.url,
        region_name=REGION,
        aws_access_key_id=KEY,
        aws_secret_access_key="no",
    )
    with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
        send(replace(client, sdk=lambda: wrong), parts())


def test_an_upload_that_somebody_else_ended(client: S3Client, sdk: Counted) -> None:
    """It is for a later attempt, which begins a new one."""
    name = {"Bucket": client.bucket, "Key": client.prefix + "large"}

    async def ended() -> AsyncIterator[bytes]:
        for part in CONTENT[:-1]:
            yield part
        for upload in begun(sdk, client):
            sdk.client.abort_multipart_upload(**name, UploadId=upload)
        yield CONTENT[-1]

    with pytest.raises(Unavailable, match="somebody else"):
        send(client, ended())
    send(client, parts())
    assert stored(sdk, client) == b"".join(CONTENT)


def test_a_part_that_changes_on_its_way_is_not_kept(client: S3Client, sdk: Counted) -> None:
    def damage(params: dict[str, Any], **_: object) -> None:
        if params["headers"].get("Content-MD5"):
            params["body"] = b"!" + params["body"].read()[1:]

    sdk.client.meta.events.register_last("before-call.s3.UploadPart", damage)
    with pytest.raises(StorageError):
        send(client, parts())
    with pytest.raises(sdk.client.exceptions.NoSuchKey):
        stored(sdk, client)


def test_encrypted_uploads_take_the_other_way(client: S3Client, sdk: Counted) -> None:
    send(replace(client, is_encrypted=True), parts())
    assert not sdk.calls
    assert stored(sdk, client) == b"".join(CONTENT)
