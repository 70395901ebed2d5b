"""Uploads to S3 in parts that are remembered by the server (Amazon S3, "Multipart upload").

Parts cost storage until the upload is completed, aborted, or removed by a lifecycle rule.
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from data_versioning.errors import StorageError
from data_versioning.storage.client import NotPermitted, Unavailable, asked_pause
from data_versioning.storage.object_errors import Place
from data_versioning.storage.resuming import Ended, Part, Upload

_PERMANENT = {
    "AccessDenied",
    "NoSuchBucket",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "EntityTooLarge",
    "ExpiredToken",
    "InvalidToken",
}
_GONE = {"NoSuchUpload", "404"}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Uploads:
    """`Uploads` through `sdk`, a client of boto3.

    Not for settings that encrypt: parts then have no MD5, and how an earlier upload is encrypted, no list tells.
    """

    sdk: Any
    bucket: str
    place: Place
    prefix: str

    @property
    def needs_digests(self) -> bool:
        """See `Uploads.needs_digests`: elsewhere boto3 gives each part a CRC-32, which is Amazon's own check."""
        return bool(self.sdk.meta.config.request_checksum_calculation == "when_required")

    def begin(self, key: str) -> Upload | None:
        """See `Uploads.begin`."""
        name = self._name(key)
        try:
            begun = self._call("list_multipart_uploads", Bucket=self.bucket, Prefix=name["Key"])
            ours = [found for found in begun.get("Uploads", []) if found["Key"] == name["Key"]]
            for found in sorted(ours, key=lambda one: str(one.get("Initiated", "")), reverse=True):
                with suppress(Ended):
                    return Upload(found["UploadId"], self._arrived(name, found["UploadId"]))
        except NotPermitted:
            return None  # who may write objects need not be permitted to list uploads
        return Upload(self._told("UploadId", "create_multipart_upload", **name), {})

    def send(self, key: str, upload: str, part: Part, content: bytes) -> str:
        """See `Uploads.send`."""
        check = {"ContentMD5": base64.b64encode(part.digest).decode()} if part.digest else {}
        return self._told(
            "ETag",
            "upload_part",
            **self._name(key),
            UploadId=upload,
            PartNumber=part.number,
            Body=content,
            **check,
        )

    def complete(self, key: str, upload: str, parts: list[str]) -> None:
        """See `Uploads.complete`."""
        done = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)]
        self._told(
            "ETag",
            "complete_multipart_upload",
            **self._name(key),
            UploadId=upload,
            MultipartUpload={"Parts": done},
        )

    def abandon(self, key: str, upload: str) -> None:
        """See `Uploads.abandon`."""
        self._call("abort_multipart_upload", **self._name(key), UploadId=upload)

    def _name(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + key}

    def _arrived(self, name: Mapping[str, str], upload: str) -> dict[Part, str]:
        known: dict[Part, str] = {}
        marker: Mapping[str, int] = {}
        while True:
            page = self._call("list_parts", **name, UploadId=upload, **marker)
            for part in page.get("Parts", []):
                with suppress(ValueError):  # an etag that is no MD5: the part is sent again
                    known[Part(part["PartNumber"], bytes.fromhex(part["ETag"].strip('"')))] = part["ETag"]
            if not page.get("IsTruncated"):
                return known
            before, marker = marker, {"PartNumberMarker": page.get("NextPartNumberMarker", 0)}
            if marker == before:
                raise self._unknown()

    def _told(self, what: str, method: str, **arguments: Any) -> str:
        """Return `what` the answer to a request says.

        Without it nothing was done, whatever the status: somebody between us and the store may have answered.
        """
        answer = self._call(method, **arguments)
        if not answer.get(what):
            raise self._unknown()
        return str(answer[what])

    def _unknown(self) -> Unavailable:
        return Unavailable(f"{self.place.name} answers in an unknown way", hint=self.place.server)

    def _call(self, method: str, **arguments: Any) -> Any:
        exceptions = importlib.import_module("botocore.exceptions")
        try:
            return getattr(self.sdk, method)(**arguments)
        except exceptions.ClientError as error:
            raise self._refusal(error.response) from None
        except exceptions.BotoCoreError as error:
            raise Unavailable(
                f"{self.place.name} does not answer: {type(error).__name__}", hint=self.place.server
            ) from None

    def _refusal(self, answer: Mapping[str, Any]) -> StorageError:
        name, code = self.place.name, answer.get("Error", {}).get("Code", "")
        about = answer.get("ResponseMetadata", {})
        if code in _GONE:
            return Ended(f"somebody else ended the upload to {name}")
        if code in _PERMANENT or about.get("HTTPStatusCode") in (401, 403):
            kind = NotPermitted if code == "AccessDenied" else StorageError
            return kind(f"{name} does not permit this: {code}", hint=self.place.credentials)
        return Unavailable(
            f"{name} does not answer: {code}",
            hint=self.place.server,
            after=asked_pause(about.get("HTTPHeaders", {}).get("retry-after")),
        )
