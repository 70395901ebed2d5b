"""Uploads to Azure in blocks that are remembered by the server (Azure, "Put Block", "Get Block List").

A block's id holds the MD5 that the server checked when the block came, so the list of ids says what is there. Blocks
that no blob is made of cost storage; Azure drops them after a week, or when the blob is written in another way.
"""

from __future__ import annotations

import base64
import importlib
import re
from dataclasses import dataclass
from typing import Any

from data_versioning.storage.azure_requests import AzureRequests
from data_versioning.storage.client import NotPermitted
from data_versioning.storage.resuming import Part, Upload

# All ids of one blob have the same length.
_ID = re.compile(r"(\d{5})-([0-9a-f]{32})")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureUploads:
    """`Uploads` of Azure: there is one upload a blob, without a name."""

    requests: AzureRequests
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
                    raise self.requests.place.missing() from None
                return []
            return found

        try:
            names = [str(block.id) for block in self.requests.call(blocks)]
        except NotPermitted:
            return None  # who may write need not be permitted to read
        ours = [found for name in names if (found := _ID.fullmatch(name))]
        return Upload("", {Part(int(found[1]), bytes.fromhex(found[2])): found[0] for found in ours})

    def send(self, key: str, upload: str, part: Part, content: bytes) -> str:
        """See `Uploads.send`."""
        name = f"{part.number:05}-{part.digest.hex()}"
        check = {"Content-MD5": base64.b64encode(part.digest).decode()}
        self.requests.call(lambda: self._blob(key).stage_block(name, content, headers=check))
        return name

    def complete(self, key: str, upload: str, parts: list[str]) -> None:
        """See `Uploads.complete`."""
        block = importlib.import_module("azure.storage.blob").BlobBlock
        self.requests.call(lambda: self._blob(key).commit_block_list([block(name) for name in parts]))

    def abandon(self, key: str, upload: str) -> None:
        """See `Uploads.abandon`: Azure has no request for it, and drops the blocks by itself."""

    def _blob(self, key: str) -> Any:
        return self.requests.container.get_blob_client(self.prefix + key)
