"""Requests to Azure that obstore has not, through azure-storage-blob."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from data_versioning.errors import StorageError
from data_versioning.storage.client import PASSING, NotPermitted, Unavailable, Unreachable, asked_pause
from data_versioning.storage.object_errors import Place, is_damaged
from data_versioning.storage.resuming import Ended

T = TypeVar("T")

_GONE = {"InvalidBlockList"}
_FOREIGN = {"InvalidBlobOrBlock"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureRequests:
    """Blocking requests to one container, of which `container` is the client."""

    container: Any
    place: Place

    def call(self, request: Callable[[], T]) -> T:
        """Return the answer to a request; raises `Unavailable`, `Unreachable`, `NotPermitted` or `StorageError`."""
        errors = importlib.import_module("azure.core.exceptions")
        try:
            return request()
        except errors.ClientAuthenticationError as error:
            if hasattr(error, "error_code"):
                raise self._refusal(error) from None
            # The login failed, before the store was asked.
            raise StorageError(
                f"no credentials for {self.place.name}: {type(error).__name__}", hint=self.place.credentials
            ) from None
        except errors.HttpResponseError as error:
            raise self._refusal(error) from None
        except errors.ServiceRequestError:
            raise Unreachable(f"nobody answers at {self.place.address}", hint=self.place.server) from None
        except errors.AzureError as error:
            raise Unavailable(
                f"{self.place.name} does not answer: {type(error).__name__}", hint=self.place.server
            ) from None

    def digests(self, prefix: str) -> dict[str, str]:
        """Return the hex digests of what lies below `prefix`, by name, as far as Azure tells them.

        It takes them of what comes in one piece ("Put Blob"); of blocks it has none but what their sender claims.
        """

        def pages() -> dict[str, str]:
            listed = self.container.list_blobs(name_starts_with=prefix)
            return {blob.name: taken.hex() for blob in listed if (taken := blob.content_settings.content_md5)}

        return self.call(pages)

    def _refusal(self, error: Any) -> StorageError:
        name, status = self.place.name, error.status_code or 0
        code = str(getattr(error, "error_code", None) or "")
        told = code or str(status)
        if code in _GONE:
            return Ended(f"somebody else ended the upload to {name}")
        if code in _FOREIGN:
            return StorageError(
                f"{name} keeps blocks of an upload by another program, which do not go with ours",
                hint="that program can complete it; otherwise Azure drops them a week after the last one came",
            )
        if status in (401, 403):
            return NotPermitted(f"{name} does not permit this: {told}", hint=self.place.credentials)
        if 400 <= status < 500 and status not in PASSING and not is_damaged(code):
            return StorageError(f"{name} refuses this: {told}", hint=self.place.server)
        headers = error.response.headers if error.response is not None else {}
        return Unavailable(
            f"{name} does not answer: {told}",
            hint=self.place.server,
            after=asked_pause(headers.get("Retry-After")),
        )
