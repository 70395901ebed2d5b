"""Object ids: the MD5 of some content, with ".dir" behind the MD5 of a directory listing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from data_versioning.errors import FormatError

DIRECTORY_SUFFIX = ".dir"
_VALUE = re.compile(r"[0-9a-f]{32}(\.dir)?")


class ObjectId(NamedTuple):
    """`value` is 32 lower-case hex digits, then ".dir" for a directory listing.

    `legacy` objects were written by DVC 2.x: their hash is md5-dos2unix and they lie at the cache's base.
    """

    value: str
    legacy: bool = False

    @property
    def is_dir(self) -> bool:
        """Whether the content is a directory listing."""
        return self.value.endswith(DIRECTORY_SUFFIX)


def parse(text: str, *, legacy: bool = False) -> ObjectId:
    """Check that `text` is an object id; `FormatError` when it is not."""
    if not _VALUE.fullmatch(text):
        raise FormatError(f"{text!r} is not an object id: 32 hex digits, then .dir for a directory")
    return ObjectId(text, legacy)


def name(value: str) -> str:
    """Where an object lies below its root: two digits, "/", the rest.

    >>> name("d41d8cd98f00b204e9800998ecf8427e")
    'd4/1d8cd98f00b204e9800998ecf8427e'
    """
    return f"{value[:2]}/{value[2:]}"


def names(values: Sequence[str]) -> bytes:
    """Return the names of many objects as one blob, each ended by NUL."""
    if not values:
        return b""
    return ("\0".join([f"{value[:2]}/{value[2:]}" for value in values]) + "\0").encode()


def hex_digests(packed: bytes | bytearray) -> list[str]:
    """Return the hex form of digests packed as 16 bytes each."""
    text = packed.hex()
    return [text[i : i + 32] for i in range(0, len(text), 32)]
