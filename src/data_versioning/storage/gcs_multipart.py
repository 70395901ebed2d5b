"""Uploads to Google in parts that are remembered by the server (Cloud Storage, "XML API multipart uploads").

As with S3: parts cost storage until the upload is completed, aborted, or removed by a lifecycle rule. Unlike the
session of a "resumable upload", whose URI lets anybody write who reads it, nothing has to be kept on this machine.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from data_versioning.errors import MissingObject
from data_versioning.storage import xmltext
from data_versioning.storage.client import NotPermitted
from data_versioning.storage.gcs_requests import GcsRequests
from data_versioning.storage.resuming import Ended, Part, Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsUploads:
    """`Uploads` of the objects below `prefix`."""

    requests: GcsRequests
    prefix: str

    @property
    def needs_digests(self) -> bool:
        """See `Uploads.needs_digests`: Google checks them."""
        return True

    def begin(self, key: str) -> Upload | None:
        """See `Uploads.begin`."""
        name = self.prefix + key
        try:
            begun = self._ask("ListMultipartUploads", "GET", "", {"uploads": "", "prefix": name})
        except NotPermitted:
            return None  # who may write objects need not be permitted to list uploads
        ours = [found for found in begun.findall("Upload") if found.findtext("Key") == name]
        for found in sorted(ours, key=lambda one: one.findtext("Initiated") or "", reverse=True):
            upload = found.findtext("UploadId") or ""
            with suppress(Ended):
                return Upload(upload, self._arrived(name, upload))
        created = self._ask("InitiateMultipartUpload", "POST", name, {"uploads": ""})
        return Upload(created.findtext("UploadId") or "", {})

    def send(self, key: str, upload: str, part: Part, content: bytes) -> str:
        """See `Uploads.send`."""
        answer = self._request(
            "PUT",
            self.prefix + key,
            {"partNumber": str(part.number), "uploadId": upload},
            content,
            {"Content-MD5": base64.b64encode(part.digest).decode()},
        )
        etag = answer.headers.get("ETag")
        if not etag:
            raise self.requests.unknown()
        return str(etag)

    def complete(self, key: str, upload: str, parts: list[str]) -> None:
        """See `Uploads.complete`."""
        root = ElementTree.Element("CompleteMultipartUpload")
        for number, etag in enumerate(parts, 1):
            part = ElementTree.SubElement(root, "Part")
            ElementTree.SubElement(part, "PartNumber").text = str(number)
            ElementTree.SubElement(part, "ETag").text = etag
        name, content = self.prefix + key, ElementTree.tostring(root)
        self._ask("CompleteMultipartUpload", "POST", name, {"uploadId": upload}, content)

    def abandon(self, key: str, upload: str) -> None:
        """See `Uploads.abandon`."""
        self._request("DELETE", self.prefix + key, {"uploadId": upload})

    def _arrived(self, name: str, upload: str) -> dict[Part, str]:
        known: dict[Part, str] = {}
        marker: dict[str, str] = {}
        while True:
            page = self._ask("ListParts", "GET", name, {"uploadId": upload, **marker})
            for part in page.findall("Part"):
                etag = part.findtext("ETag") or ""
                with suppress(ValueError):  # an etag that is no MD5: the part is sent again
                    known[Part(int(part.findtext("PartNumber") or 0), bytes.fromhex(etag.strip('"')))] = etag
            if page.findtext("IsTruncated") != "true":
                return known
            before, marker = marker, {"part-number-marker": page.findtext("NextPartNumberMarker") or ""}
            if marker == before:
                raise self.requests.unknown()

    def _ask(
        self, what: str, method: str, name: str, query: Mapping[str, str], content: bytes = b""
    ) -> ElementTree.Element:
        """Return the answer as XML; its elements without their namespace.

        Any other answer than that to `what` is no success, whatever its status: somebody between us and Google may
        have given it, or Google, too late for another status.
        """
        answer = self._request(method, name, query, content)
        try:
            root = xmltext.parsed(answer.content)
        except ValueError:
            raise self.requests.unknown() from None
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        if root.tag != f"{what}Result":
            raise self.requests.unknown()
        return root

    def _request(
        self,
        method: str,
        name: str,
        query: Mapping[str, str],
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the answer to one request; `StorageError` as `Uploads` has it for any other than success."""
        path = "/".join([self.requests.bucket, quote(name, safe="/")] if name else [self.requests.bucket])
        try:
            return self.requests.ask(method, path, query, content, headers)
        except MissingObject:
            raise Ended(f"somebody else ended the upload to {self.requests.place.name}") from None
