"""MD5 of content that is in memory; files are hashed by `localfs.batch`."""

from __future__ import annotations

import importlib


def md5(content: bytes) -> str:
    """Return the MD5 as 32 lower-case hex digits."""
    # Loaded by name: hashlib brings OpenSSL along, and a command that finds nothing changed hashes nothing.
    digest: str = importlib.import_module("hashlib").md5(content, usedforsecurity=False).hexdigest()
    return digest
