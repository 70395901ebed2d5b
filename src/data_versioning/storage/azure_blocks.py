"""Uploads to Azure in blocks that are remembered by the server (Azure, "Put Block", "Get Block List").

A block's id holds the MD5 that the server checked when the block came, so the list of ids says what is there. Blocks
that no blob is made of cost storage; Azure drops them after a week, or when the blob is written in another way.
"""

from __future__ import annotations

import base64
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from data_versioning.errors import StorageError
from data_versioning.storage.client import PASSING, NotPermitted, Unavailable, Unreachable, asked_pause
from data_versioning.storage.object_errors import Place, is_damaged
from data_versioning.storage.resuming import Ended, Part, Upload

T = TypeVar("T")

# All ids of one blob have the same length.
_ID = re.compile(r"(\d{5})-([0-9a-f]{32})")
_GONE = {"InvalidBlockList"}
_FOREIGN = {"InvalidBlobOrBlock"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureUploads:
    """`Uploads` through `container`, a client of azure-storage-blob. There is one upload a blob, without a name."""

    container: Any
    place: Place
    prefix: str

    @property
    def needs_digests(self) -> bool:
        """See `Uploads.needs_digests`: the names of blocks hold them."""
        return True

    def begin(self, key: str) -> Upload | None:
        """See `Uploads.begin`."""
        errors = importlib.import_module("azure.core.exceptions")
        blob = self._blob(key)

        def blocks() -> list[Any]:
            try:
                found: list[Any] = blob.get_block_list("uncommitted")[1]
            except errors.ResourceNotFoundError as error:
                if error.error_code == "ContainerNotFound":
                    raise self.place.missing() from None
                return []
            return found

        try:
            names = [str(block.id) for block in self._call(blocks)]
        except NotPermitted:
            return None  # who may write need not be permitted to read
        ours = [found for name in names if (found := _ID.fullmatch(name))]
        return Upload("", {Part(int(found[1]), bytes.fromhex(found[2])): found[0] for found in ours})

    def send(self, key: str, upload: str, part: Part, content: bytes) -> str:
        """See `Uploads.send`."""
        name = f"{part.number:05}-{part.digest.hex()}"
        check = {"Content-MD5": base64.b64encode(part.digest).decode()}
        self._call(lambda: self._blob(key).stage_block(name, content, headers=check))
        return name

    def complete(self, key: str, upload: str, parts: list[str]) -> None:
        """See `Uploads.complete`."""
        block = importlib.import_module("azure.storage.blob").BlobBlock
        self._call(lambda: self._blob(key).commit_block_list([block(name) for name in parts]))

    def abandon(self, key: str, upload: str) -> None:
        """See `Uploads.abandon`: Azure has no request for it, and drops the blocks by itself."""

    def _blob(self, key: str) -> Any:
        return self.container.get_blob_client(self.prefix + key)

    def _call(self, request: Callable[[], T]) -> T:
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
