"""A store that keeps everything in memory: the second implementation, and a remote without directories."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import md5

from data_versioning.errors import MissingObject
from data_versioning.storage.base import Advance, Failure, FailureKind, Hashes, Items, Outcome, Page


@dataclass(slots=True)
class MemoryStore:
    """`objects` by key; pages of `page_size`; a key in `refused` cannot be written or read."""

    objects: dict[str, bytes] = field(default_factory=dict)
    page_size: int = 3
    refused: set[str] = field(default_factory=set)
    asked: int = 0
    listed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, keys: Sequence[str]) -> Page:
        self.asked += len(keys)
        return self._page([key for key in keys if key in self.objects])

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise MissingObject(f"memory has no {key}")
        return self.objects[key]

    def download(
        self, items: Items, *, threads: int | None = None, advance: Advance | None = None
    ) -> Outcome:
        failures, size = {}, 0
        for index, (key, path, digest) in enumerate(_rows(items)):
            content = self.objects.get(key)
            if key in self.refused:
                failures[index] = Failure(FailureKind.REFUSED, "no answer")
            elif content is None:
                failures[index] = Failure(FailureKind.MISSING, "is missing")
            elif digest and md5(content).digest() != digest:
                failures[index] = Failure(FailureKind.CORRUPT, "is damaged")
            else:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path + ".part", "wb") as file:
                    file.write(content)
                os.rename(path + ".part", path)
                size += len(content)
        if advance:
            advance(len(items), 0)
        return Outcome(failures=failures, size=size)

    def hash(
        self, keys: Sequence[str], *, threads: int | None = None, advance: Advance | None = None
    ) -> Hashes:
        missing = {
            at: Failure(FailureKind.MISSING, "is missing")
            for at, key in enumerate(keys)
            if key not in self.objects
        }
        if advance:
            advance(len(keys), 0)
        digests = [md5(self.objects[key]).digest() if key in self.objects else bytes(16) for key in keys]
        return Hashes(digests=b"".join(digests), failures=missing)

    def directories(self, prefix: str) -> tuple[Sequence[str], Page]:
        below = [key for key in sorted(self.objects) if key.startswith(prefix)]
        nested = {key[: key.index("/", len(prefix)) + 1] for key in below if "/" in key[len(prefix) :]}
        return sorted(nested), self._page([key for key in below if "/" not in key[len(prefix) :]])

    def list(self, prefix: str) -> Iterator[Page]:
        keys = [key for key in sorted(self.objects) if key.startswith(prefix)]
        self.listed += len(keys)
        for start in range(0, len(keys), self.page_size):
            yield self._page(keys[start : start + self.page_size])

    def upload(self, items: Items, *, threads: int | None = None, advance: Advance | None = None) -> Outcome:
        failures, size = {}, 0
        for index, (key, path, digest) in enumerate(_rows(items)):
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except FileNotFoundError:
                failures[index] = Failure(FailureKind.MISSING, "is missing")
                continue
            if key in self.refused:
                failures[index] = Failure(FailureKind.REFUSED, "no answer")
            elif digest and md5(content).digest() != digest:
                failures[index] = Failure(FailureKind.CORRUPT, "is damaged")
            else:
                self.objects[key] = content
                size += len(content)
        if advance:
            advance(len(items), 0)
        return Outcome(failures=failures, size=size)

    def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        for key in keys:
            self.objects.pop(key, None)
        return {}

    def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        with self._lock:
            present = self.objects.get(key)
            if (None if present is None else md5(present).hexdigest()) != expected:
                return None
            self.objects[key] = content
            return md5(content).hexdigest()

    def _page(self, keys: list[str]) -> Page:
        return Page(
            keys=keys,
            sizes=[len(self.objects[key]) for key in keys],
            etags=[md5(self.objects[key]).hexdigest() for key in keys],
        )


def _rows(items: Items) -> Iterator[tuple[str, str, bytes]]:
    keys = os.fsdecode(items.keys).split("\0")[:-1]
    names = os.fsdecode(items.names).split("\0")[:-1]
    for index, (key, name) in enumerate(zip(keys, names, strict=True)):
        yield key, os.path.join(items.directory, name), items.digests[index * 16 : index * 16 + 16]
