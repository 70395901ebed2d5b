"""Requests to Google that obstore does not have, one at a time."""

from __future__ import annotations

import base64
import importlib
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from data_versioning.errors import MissingObject, StorageError
from data_versioning.storage import xmltext
from data_versioning.storage.client import PASSING, NotPermitted, Unavailable, Unreachable, asked_pause
from data_versioning.storage.object_errors import Place, is_damaged

_TIMEOUTS = (20, 900)  # seconds: to connect, and of silence


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsRequests:
    """Requests through `session`, of requests, which logs in by itself, about a bucket at the address `endpoint`."""

    session: Any
    endpoint: str
    bucket: str
    place: Place

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the answer to one request.

        Raises `MissingObject`, `NotPermitted`, `Unavailable` or `StorageError` for any other than success.
        """
        requests = importlib.import_module("requests")
        google = importlib.import_module("google.auth.exceptions")
        place = self.place
        try:
            answer = self.session.request(
                method,
                f"{self.endpoint}/{path}",
                params=query,
                data=content,
                headers=headers,
                timeout=_TIMEOUTS,
            )
        except requests.exceptions.SSLError as error:
            raise StorageError(
                f"the certificate of {place.address} is not valid: {type(error).__name__}", hint=place.server
            ) from None
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError):
            raise Unreachable(f"nobody answers at {place.address}", hint=place.server) from None
        except requests.exceptions.RequestException as error:
            raise Unavailable(
                f"{place.name} does not answer: {type(error).__name__}", hint=place.server
            ) from None
        except google.GoogleAuthError as error:
            raise StorageError(
                f"no credentials for {place.name}: {type(error).__name__}", hint=place.credentials
            ) from None
        if answer.status_code >= 300:
            raise self._refusal(answer)
        return answer

    def etags(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the etags of objects as Google's JSON API has them, which is not what its XML API calls so.

        Hex digits of what is base64 there; those of objects that are gone are left out.
        """
        objects = f"storage/v1/b/{quote(self.bucket, safe='')}/o"
        try:
            if len(keys) == 1:
                return self._etag(f"{objects}/{quote(keys[0], safe='')}")
            query = {"prefix": posixpath.commonprefix(keys), "fields": "items(name,etag),nextPageToken"}
            etags: dict[str, str] = {}
            while True:
                page = self.ask("GET", objects, query).json()
                etags |= _etags(page.get("items", []))
                if not page.get("nextPageToken"):
                    return {key: etags[key] for key in keys if key in etags}
                if query.get("pageToken") == page["nextPageToken"]:
                    raise self.unknown()
                query["pageToken"] = page["nextPageToken"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self.unknown() from None

    def _etag(self, path: str) -> dict[str, str]:
        try:
            return _etags([self.ask("GET", path, {"fields": "name,etag"}).json()])
        except MissingObject:
            return {}

    def unknown(self) -> Unavailable:
        """Return the error for an answer that is none to the question."""
        return Unavailable(f"{self.place.name} answers in an unknown way", hint=self.place.server)

    def _refusal(self, answer: Any) -> Exception:
        place, status = self.place, answer.status_code
        code = _code(answer.content)
        if code == "NoSuchBucket":
            return place.missing()
        if status == 404:
            return MissingObject(f"{place.name} does not have it ({code or status})")
        if status in (401, 403):
            return NotPermitted(
                f"{place.name} does not permit this: {code or status}", hint=place.credentials
            )
        if 400 <= status < 500 and status not in PASSING and not is_damaged(code):
            return StorageError(f"{place.name} refuses this: {code or status}", hint=place.server)
        return Unavailable(
            f"{place.name} does not answer: {code or status}",
            hint=place.server,
            after=asked_pause(answer.headers.get("Retry-After")),
        )


def _etags(items: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {item["name"]: base64.b64decode(item["etag"]).hex() for item in items}


def _code(content: bytes) -> str:
    """Return the code in an error of Google's XML API."""
    try:
        return xmltext.parsed(content).findtext("Code") or ""
    except ValueError:
        return ""
