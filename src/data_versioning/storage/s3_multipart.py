"""Large uploads to S3 that go on where an earlier one stopped, on whatever machine that was.

The server itself remembers: it lists uploads that were begun and the parts that arrived, each with its MD5. A part
is sent only when its MD5 is not there yet. An interrupted upload is left alone for the next time; one of damaged
content is aborted. (Amazon S3, "Multipart upload"; parts cost storage until the upload is completed, aborted, or
removed by a lifecycle rule.)
"""

from __future__ import annotations

import asyncio
import base64
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from data_versioning.errors import CorruptObject, StorageError
from data_versioning.storage.client import Unavailable, asked_pause, part_length
from data_versioning.storage.object_store import ObjectStoreClient

# Bytes of parts in memory at once, of one file.
_IN_MEMORY = 48 << 20
# Bytes; smaller files are sent anew as fast.
_WORTH_RESUMING = 64 << 20
_PERMANENT = {"AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "EntityTooLarge"}
_GONE = {"NoSuchUpload", "404"}


class _Ended(Unavailable):
    """An upload is there no more, completed or aborted: a new one will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Client(ObjectStoreClient):
    """`ObjectStoreClient` whose large uploads are resumed; `sdk` makes a client of boto3, for `bucket`.

    With `is_encrypted`, the server encrypts as the settings say. Then nothing is resumed: what arrived has no MD5,
    and how an earlier upload is encrypted, no list tells.
    """

    sdk: Callable[[], Any]
    bucket: str
    is_encrypted: bool

    async def put_parts(self, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        """See `Client.put_parts`; what arrived before it failed is not sent again by the next call."""
        if size < _WORTH_RESUMING or self.is_encrypted:
            # Named, because a dataclass with slots is another class than the one that `super` knows.
            await ObjectStoreClient.put_parts(self, key, parts, size)
            return
        name = {"Bucket": self.bucket, "Key": self.prefix + key}
        upload, known = await self._begin(name)
        name["UploadId"] = upload
        places = asyncio.Semaphore(max(1, _IN_MEMORY // part_length(size, self.part_size)))
        sent: dict[int, asyncio.Task[str]] = {}
        try:
            number = 0
            async for part in parts:
                number += 1
                await places.acquire()
                sent[number] = asyncio.create_task(self._send(name, number, part, known, places))
            etags = await asyncio.gather(*sent.values())
            done = [{"PartNumber": at, "ETag": etag} for at, etag in zip(sent, etags, strict=True)]
            await self._call("complete_multipart_upload", **name, MultipartUpload={"Parts": done})
        except CorruptObject:
            with suppress(StorageError):
                await self._call("abort_multipart_upload", **name)
            raise
        except StorageError:
            # What is on its way may arrive: it counts the next time.
            await asyncio.gather(*sent.values(), return_exceptions=True)
            raise
        finally:
            for task in sent.values():
                task.cancel()
            await asyncio.gather(*sent.values(), return_exceptions=True)

    async def _begin(self, name: Mapping[str, str]) -> tuple[str, dict[int, str]]:
        """Return an upload of this object and the etags of its parts: one that was begun before, or a new one."""
        begun = await self._call("list_multipart_uploads", Bucket=self.bucket, Prefix=name["Key"])
        ours = [found for found in begun.get("Uploads", []) if found["Key"] == name["Key"]]
        for found in sorted(ours, key=lambda one: str(one.get("Initiated", "")), reverse=True):
            with suppress(_Ended):
                return found["UploadId"], await self._arrived(name, found["UploadId"])
        created = await self._call("create_multipart_upload", **name)
        return created["UploadId"], {}

    async def _arrived(self, name: Mapping[str, str], upload: str) -> dict[int, str]:
        known: dict[int, str] = {}
        marker: Mapping[str, int] = {}
        while True:
            page = await self._call("list_parts", **name, UploadId=upload, **marker)
            known |= {part["PartNumber"]: part["ETag"] for part in page.get("Parts", [])}
            if not page.get("IsTruncated"):
                return known
            marker = {"PartNumberMarker": page["NextPartNumberMarker"]}

    async def _send(
        self,
        name: Mapping[str, str],
        number: int,
        part: bytes,
        known: Mapping[int, str],
        places: asyncio.Semaphore,
    ) -> str:
        try:
            digest = md5(part, usedforsecurity=False)
            if known.get(number, "").strip('"') == digest.hexdigest():
                return known[number]
            checked = base64.b64encode(digest.digest()).decode()  # by the server, before it keeps the part
            answer = await self._call("upload_part", **name, PartNumber=number, Body=part, ContentMD5=checked)
            return str(answer["ETag"])
        finally:
            places.release()

    async def _call(self, method: str, **arguments: Any) -> Any:
        exceptions = importlib.import_module("botocore.exceptions")
        try:
            return await asyncio.to_thread(getattr(self.sdk(), method), **arguments)
        except exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _GONE:
                raise _Ended(f"somebody else ended the upload to {self.place.name}") from None
            if code in _PERMANENT:
                raise StorageError(
                    f"{self.place.name} does not permit this: {code}", hint=self.place.credentials
                ) from None
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            raise Unavailable(
                f"{self.place.name} does not answer: {code}",
                hint=self.place.server,
                after=asked_pause(headers.get("retry-after")),
            ) from None
        except exceptions.BotoCoreError as error:
            raise Unavailable(
                f"{self.place.name} does not answer: {type(error).__name__}", hint=self.place.server
            ) from None
