"""A cache with one directory and one file in it, and remotes to copy it to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path

from data_versioning.formats import dirfile
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.remotes.wanted import Request

FILES = {"a": b"alpha", "sub/b": b"beta", "sub/c": b"gamma", "empty": b""}
LONE = b"lone\r\nfile\r\n"


def digest(content: bytes) -> str:
    return md5(content).hexdigest()


def put(base: Path, value: str, content: bytes, *, legacy: bool = False, mode: int = 0o444) -> Path:
    """Write one object into a cache or a local remote."""
    path = base / ("" if legacy else "files/md5") / value[:2] / value[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.unlink()
    path.write_bytes(content)
    os.chmod(path, mode)
    return path


def fill(base: Path, files: Mapping[str, bytes] = FILES, *, legacy: bool = False) -> ObjectId:
    """Write a directory's objects and return the id of its listing."""
    names = {
        name: digest(content.replace(b"\r\n", b"\n") if legacy else content)
        for name, content in files.items()
    }
    for name, content in files.items():
        put(base, names[name], content, legacy=legacy)
    listing = dirfile.dump(list(names), list(names.values()))
    value = digest(listing) + ".dir"
    put(base, value, listing, legacy=legacy)
    return ObjectId(value, legacy)


def requests(base: Path, *, inner: str = "") -> list[Request]:
    """A cache at `base` with the directory "data" and the file "lone"; the outputs that are these."""
    put(base, digest(LONE), LONE)
    found = [Request(fill(base), "data", inner)]
    return found if inner else [*found, Request(ObjectId(digest(LONE)), "lone")]


def cache_at(path: Path, **keywords: bool) -> ObjectCache:
    return ObjectCache(base=str(path), **keywords)


def objects(base: Path) -> dict[str, bytes]:
    """All files below a directory."""
    return {
        str(path.relative_to(base)): path.read_bytes() for path in sorted(base.rglob("*")) if path.is_file()
    }


def modes(base: Path) -> set[int]:
    return {path.stat().st_mode & 0o7777 for path in base.rglob("*") if path.is_file()}
