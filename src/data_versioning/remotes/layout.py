"""Where objects lie on a remote: DVC's layout, the same as in the cache."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data_versioning.objects import oid as oids
from data_versioning.objects.oid import ObjectId

RUNS = "runs/"
_RUN = re.compile(r"runs/([0-9a-f]{2})/\1[0-9a-f]{62}/[0-9a-f]{64}")


def prefix(*, legacy: bool = False) -> str:
    """Return what all objects' keys start with; DVC 2.x objects lie at the remote's base.

    >>> prefix(), prefix(legacy=True)
    ('files/md5/', '')
    """
    return "" if legacy else "files/md5/"


def keys(values: Sequence[str], *, legacy: bool = False) -> list[str]:
    """Return the keys of objects.

    >>> keys(["d751713988987e9331980363e24189ce.dir"])
    ['files/md5/d7/51713988987e9331980363e24189ce.dir']
    """
    base = prefix(legacy=legacy)
    return [base + oids.name(value) for value in values]


def object_id(key: str) -> ObjectId:
    """Return which object lies under a key.

    >>> object_id("files/md5/d7/51713988987e9331980363e24189ce.dir").value
    'd751713988987e9331980363e24189ce.dir'
    >>> object_id("d7/51713988987e9331980363e24189ce").legacy
    True
    """
    modern = prefix()
    return ObjectId(key.removeprefix(modern).replace("/", ""), legacy=not key.startswith(modern))


def packed_keys(values: Sequence[str], *, legacy: bool = False) -> bytes:
    """Return the keys of objects as one blob, a NUL behind each."""
    return pack(keys(values, legacy=legacy))


def pack(names: Sequence[str]) -> bytes:
    """Return ASCII names as one blob, a NUL behind each."""
    return ("\0".join(names) + "\0").encode("ascii") if names else b""


def is_run(key: str) -> bool:
    """Whether `key` is that of an entry of the run cache.

    >>> is_run("runs/aa/" + 64 * "a" + "/" + 64 * "0"), is_run("runs/aa/../x")
    (True, False)
    """
    return bool(_RUN.fullmatch(key))
