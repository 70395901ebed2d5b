"""Files of all sizes, and how to look at what a batch says about them."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from pathlib import Path

from data_versioning.localfs import batch, walk

# Around the edges of a block of MD5, of its padding, and of the buffers.
SIZES = [
    0,
    1,
    3,
    54,
    55,
    56,
    57,
    63,
    64,
    65,
    119,
    120,
    121,
    128,
    1000,
    1024,
    65535,
    65536,
    65537,
    65600,
    131072,
]
SIZES += [200_001, 1 << 20, (1 << 20) + 55, 3_000_000]
LONG = (64 << 20) + 12345  # has a thread of its own for writing


def names(paths: Sequence[str | bytes]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def digests(found: batch.Batch) -> list[bytes]:
    return [found.digests[i : i + 16] for i in range(0, len(found.digests), 16)]


def stats(found: batch.Batch) -> list[walk.FileStat]:
    return [walk.FileStat(*record) for record in walk.RECORD.iter_unpack(found.stats)]


def record(path: str | Path) -> walk.FileStat:
    found = walk.stat_file(str(path))
    assert found is not None
    return found


def everything_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def object_name(content: bytes) -> str:
    return md5(content).hex()[:2] + "/" + md5(content).hex()[2:]


class Sample:
    """Files of all sizes, in a few directories."""

    def __init__(self, root: Path, sizes: Sequence[int] = SIZES) -> None:
        self.root = root
        noise = random.Random(7).randbytes(997)
        self.contents = {
            f"{i % 3}/{i}": (noise[i % 997 :] + noise * (size // 997 + 1))[:size]
            for i, size in enumerate(sizes)
        }
        for path, content in self.contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        self.names = names(list(self.contents))
        self.md5s = [md5(content) for content in self.contents.values()]

    def object_names(self) -> bytes:
        return names([object_name(content) for content in self.contents.values()])
