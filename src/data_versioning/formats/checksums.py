"""MD5s that are taken of values, not of files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import md5

_NOT_IN_STAGE = {"md5", "meta", "desc"}
_NOWHERE = frozenset(
    {"desc", "type", "labels", "meta", "locked", "frozen", "metric", "persist", "isexec", "size", "nfiles"}
)


def stage_checksum(mapping: Mapping[str, object]) -> str:
    """Return the md5 of a stage, given as the mapping that is written; notes and sizes do not count."""
    kept = {key: value for key, value in mapping.items() if key not in _NOT_IN_STAGE}
    if kept.get("wdir") == ".":
        del kept["wdir"]
    return _md5(_without_notes(kept))


def tree_digest(files: Iterable[Mapping[str, object]]) -> str:
    """Return the digest, with ".dir", of the directory whose files a pointer file lists."""
    listed = sorted((_identity(item) for item in files), key=lambda item: str(item["relpath"]))
    return _md5(listed) + ".dir"


def _identity(item: Mapping[str, object]) -> dict[str, object]:
    cloud: object = item.get("cloud")
    flat = dict(item)
    if isinstance(cloud, Mapping):
        for values in cloud.values():
            flat |= values
    key = next((key for key in ("md5", "etag", "checksum") if flat.get(key)), None)
    return {"relpath": flat["relpath"]} | ({key: flat[key]} if key else {})


def _without_notes(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_notes(inner) for key, inner in value.items() if key not in _NOWHERE}
    if isinstance(value, (list, tuple)):
        return [_without_notes(inner) for inner in value]
    return value


def _md5(value: object) -> str:
    return md5(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
