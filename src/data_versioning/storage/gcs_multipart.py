"""Uploads to Google in parts that are remembered by the server (Cloud Storage, "XML API multipart uploads").

As with S3: parts cost storage until the upload is completed, aborted, or removed by a lifecycle rule. Unlike the
session of a "resumable upload", whose URI lets anybody write who reads it, nothing has to be kept on this machine.
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from data_versioning.errors import StorageError
from data_versioning.storage import xmltext
from data_versioning.storage.client import Unavailable, Unreachable, asked_pause
from data_versioning.storage.object_errors import Place
from data_versioning.storage.resuming import Ended, Part, Upload

# Statuses below 500 after which trying again may help.
_PASSING = frozenset({408, 409, 412, 429})
_TIMEOUTS = (20, 900)  # seconds: to connect, and of silence


class _NotPermitted(StorageError):
    """The credentials do not suffice for a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsUploads:
    """`Uploads` through `session`, of requests, which logs in by itself; `root` is the url of the bucket."""

    session: Any
    root: str
    place: Place
    prefix: str

    def begin(self, key: str) -> Upload | None:
        """See `Uploads.begin`."""
        name = self.prefix + key
        try:
            begun = self._ask("GET", "", {"uploads": "", "prefix": name})
        except _NotPermitted:
            return None  # who may write objects need not be permitted to list uploads
        ours = [found for found in begun.findall("Upload") if found.findtext("Key") == name]
        for found in sorted(ours, key=lambda one: one.findtext("Initiated") or "", reverse=True):
            upload = found.findtext("UploadId") or ""
            with suppress(Ended):
                return Upload(upload, self._arrived(name, upload))
        created = self._ask("POST", name, {"uploads": ""})
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
        return str(answer.headers["ETag"])

    def complete(self, key: str, upload: str, parts: list[str]) -> None:
        """See `Uploads.complete`."""
        root = ElementTree.Element("CompleteMultipartUpload")
        for number, etag in enumerate(parts, 1):
            part = ElementTree.SubElement(root, "Part")
            ElementTree.SubElement(part, "PartNumber").text = str(number)
            ElementTree.SubElement(part, "ETag").text = etag
        self._ask("POST", self.prefix + key, {"uploadId": upload}, ElementTree.tostring(root))

    def abandon(self, key: str, upload: str) -> None:
        """See `Uploads.abandon`."""
        self._request("DELETE", self.prefix + key, {"uploadId": upload})

    def _arrived(self, name: str, upload: str) -> dict[Part, str]:
        known: dict[Part, str] = {}
        marker: dict[str, str] = {}
        while True:
            page = self._ask("GET", name, {"uploadId": upload, **marker})
            for part in page.findall("Part"):
                etag = part.findtext("ETag") or ""
                with suppress(ValueError):  # an etag that is no MD5: the part is sent again
                    known[Part(int(part.findtext("PartNumber") or 0), bytes.fromhex(etag.strip('"')))] = etag
            if page.findtext("IsTruncated") != "true":
                return known
            marker = {"part-number-marker": page.findtext("NextPartNumberMarker") or ""}

    def _ask(
        self, method: str, name: str, query: Mapping[str, str], content: bytes = b""
    ) -> ElementTree.Element:
        """Return the answer as XML; its elements without their namespace."""
        answer = self._request(method, name, query, content)
        try:
            root = xmltext.parsed(answer.content)
        except ValueError:
            raise Unavailable(
                f"{self.place.name} answers in an unknown way", hint=self.place.server
            ) from None
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
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
        requests = importlib.import_module("requests")
        google = importlib.import_module("google.auth.exceptions")
        url = f"{self.root}/{quote(name, safe='/')}" if name else self.root
        try:
            answer = self.session.request(
                method, url, params=query, data=content, headers=headers, timeout=_TIMEOUTS
            )
        except requests.exceptions.SSLError as error:
            raise StorageError(
                f"the certificate of {self.place.address} is not valid: {type(error).__name__}",
                hint=self.place.server,
            ) from None
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError):
            raise Unreachable(f"nobody answers at {self.place.address}", hint=self.place.server) from None
        except requests.exceptions.RequestException as error:
            raise Unavailable(
                f"{self.place.name} does not answer: {type(error).__name__}", hint=self.place.server
            ) from None
        except google.GoogleAuthError as error:
            raise StorageError(
                f"no credentials for {self.place.name}: {type(error).__name__}", hint=self.place.credentials
            ) from None
        if answer.status_code >= 300:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: Any) -> StorageError:
        name, status = self.place.name, answer.status_code
        code = _code(answer.content)
        if code == "NoSuchBucket":
            return self.place.missing()
        if code == "NoSuchUpload":
            return Ended(f"somebody else ended the upload to {name}")
        if status in (401, 403):
            return _NotPermitted(
                f"{name} does not permit this: {code or status}", hint=self.place.credentials
            )
        if 400 <= status < 500 and status not in _PASSING:
            return StorageError(f"{name} refuses this: {code or status}", hint=self.place.server)
        return Unavailable(
            f"{name} does not answer: {code or status}",
            hint=self.place.server,
            after=asked_pause(answer.headers.get("Retry-After")),
        )


def _code(content: bytes) -> str:
    """Return the code in an error of Google's XML API."""
    try:
        return xmltext.parsed(content).findtext("Code") or ""
    except ValueError:
        return ""
