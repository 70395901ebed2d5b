"""What is S3's own about uploads that go on; the rest is in `test_resuming.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from data_versioning.errors import CorruptObject, StorageError
from data_versioning.storage import resuming, s3
from data_versioning.storage.client import Unavailable
from data_versioning.storage.object_store import ObjectStoreClient
from data_versioning.storage.resuming import ResumingClient
from tests.conformance.uploads import CONTENT, PART, SIZE, parts
from tests.servers.seaweedfs import S3Server


@pytest.fixture
def client(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> ResumingClient:
    monkeypatch.setattr(resuming, "_WORTH_RESUMING", 1)
    opened: Any = s3.open_store(s3_server.fresh(), s3_server.settings)
    return replace(opened.client, part_size=PART)


def send(client: ResumingClient, content: AsyncIterator[bytes]) -> None:
    asyncio.run(client.put_parts("large", content, SIZE))


def begun(client: ResumingClient) -> list[str]:
    """The uploads that the server keeps."""
    uploads: Any = client.uploads()
    answer = uploads.sdk.list_multipart_uploads(Bucket=uploads.bucket, Prefix=client.prefix)
    return [upload["UploadId"] for upload in answer.get("Uploads", [])]


def test_damaged_content_leaves_no_parts(client: ResumingClient) -> None:
    with pytest.raises(CorruptObject):
        send(client, parts(3, CorruptObject("not what its name says")))
    assert begun(client) == []


def test_a_refusal(client: ResumingClient, s3_server: S3Server) -> None:
    wrong: Any = s3.open_store(s3_server.fresh(), s3_server.settings | {"secret_access_key": "no"})
    with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
        send(wrong.client, parts())


class Denying:
    """A client of boto3 that may not list uploads."""

    def __init__(self, sdk: Any) -> None:
        self.sdk = sdk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sdk, name)

    def list_multipart_uploads(self, **_: object) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListMultipartUploads")


def test_without_the_right_to_list_uploads_it_is_sent_anew(client: ResumingClient) -> None:
    uploads: Any = client.uploads()
    denied = replace(uploads, sdk=Denying(uploads.sdk))
    send(replace(client, uploads=lambda: denied), parts())
    answer = uploads.sdk.get_object(Bucket=uploads.bucket, Key=f"{client.prefix}large")
    assert answer["Body"].read() == b"".join(CONTENT)


def test_an_upload_that_somebody_else_ended(client: ResumingClient) -> None:
    """It is for a later attempt, which begins a new one."""

    async def ended() -> AsyncIterator[bytes]:
        for part in CONTENT[:-1]:
            yield part
        for upload in begun(client):
            client.uploads().abandon("large", upload)
        yield CONTENT[-1]

    with pytest.raises(Unavailable, match="somebody else"):
        send(client, ended())
    send(client, parts())
    assert begun(client) == []


def test_nothing_is_resumed_where_the_server_encrypts(s3_server: S3Server) -> None:
    opened: Any = s3.open_store(s3_server.fresh(), s3_server.settings | {"sse": "AES256"})
    assert type(opened.client) is ObjectStoreClient
