"""The hash `md5-dos2unix` of DVC 1.x and 2.x. Reads the disk."""

from __future__ import annotations

import hashlib

from data_versioning.localfs.batch_python import Advance, Answer, hash_with
from data_versioning.localfs.opened import Source

# DVC decides for every block of this size whether it is text, by the first bytes of it.
_BLOCK = 1 << 20
_SAMPLE = 512
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"


def hash_files(root: bytes, names: bytes, advance: Advance) -> Answer:
    """Return what `batch_python.hash_files` does, with the bytes of text counted as if lines ended in LF."""
    return hash_with(_digest, root, names, advance)


def is_text(block: bytes) -> bool:
    """Whether DVC takes a block of this content for text.

    >>> is_text(b""), is_text(b"a\\r\\n"), is_text(b"a\\0"), is_text(b"\\xff" * 4 + b"a" * 6)
    (True, True, False, False)
    """
    sample = block[:_SAMPLE]
    if b"\0" in sample:
        return False
    return len(sample.translate(None, _TEXT)) <= 0.3 * len(sample)


def _digest(source: Source) -> bytes:
    md5 = hashlib.md5(usedforsecurity=False)
    with open(source.descriptor, "rb", closefd=False) as file:
        while block := file.read(_BLOCK):
            md5.update(block.replace(b"\r\n", b"\n") if is_text(block) else block)
    source.check()
    return md5.digest()
