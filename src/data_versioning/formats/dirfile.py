"""`.dir` objects: the JSON list of files that stands for a directory in the cache.

One entry `{"md5": …, "relpath": …}` a file, sorted by path in code-point order, ASCII only; the object's name
is the MD5 of these bytes. What is read is hostile until it has passed `load`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii
from typing import Final, TypeAlias

from data_versioning import paths as repo_paths
from data_versioning.errors import FormatError

Listing: TypeAlias = tuple[list[str], list[str]]
"""Paths inside the directory, and the hex digest of each file."""

MAX_BYTES = 1 << 30
_ENTRY = '{{"md5": "{}", "relpath": {}}}'.format
_BETWEEN = '", "relpath": "'
_HEX = re.compile("[0-9a-f]*")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_HINT = "the object is damaged; restore it: dv fsck, then dv fetch"


# No scan enters these, so none is in a listing made from a workspace; what Git finds inside, it may run.
_OWN: Final = frozenset({".git", ".dvc"})


def dump(paths: Sequence[str], digests: Sequence[str]) -> bytes:
    """Return the bytes of the object; `paths` may be in any order, each with its hex digest."""
    order = sorted(range(len(paths)), key=paths.__getitem__)
    names = map(encode_basestring_ascii, map(paths.__getitem__, order))
    entries = map(_ENTRY, map(digests.__getitem__, order), names)
    return f"[{', '.join(entries)}]".encode("ascii")


def load(raw: bytes, *, file: str) -> Listing:
    """Return paths, as they are sorted there, and their hex digests.

    Raises `FormatError` for everything that could not be put into one directory: paths that leave it, a path
    twice, a file where a directory is needed, wrong digests.
    """
    if len(raw) > MAX_BYTES:
        raise _bad(f"{len(raw)} bytes are too big for a directory object", file)
    entries = _load_canonical(raw) or _load_any(raw, file)
    _check(*entries, file=file)
    return entries


def differing(left: bytes, right: bytes, *, file: str) -> tuple[Listing, Listing]:
    """Return paths and digests of those entries that only one of two objects has, for each of them.

    Of long lists that are nearly equal, only the difference is looked at. Raises `FormatError` as `load` does.
    """
    entries = [_split_canonical(raw) if len(raw) <= MAX_BYTES else None for raw in (left, right)]
    if entries[0] is None or entries[1] is None:
        ours, theirs = (dict(zip(*load(raw, file=file), strict=True)) for raw in (left, right))
        return _apart(ours, theirs), _apart(theirs, ours)
    both = set(entries[0]).intersection(entries[1])
    found = [_listing([entry for entry in side if entry not in both]) for side in entries if side is not None]
    for listing in found:
        _check(*listing, file=file)
    return found[0], found[1]


def _apart(listed: dict[str, str], other: dict[str, str]) -> Listing:
    kept = [(path, digest) for path, digest in listed.items() if other.get(path) != digest]
    return [path for path, _ in kept], [digest for _, digest in kept]


def _load_canonical(raw: bytes) -> Listing | None:
    entries = _split_canonical(raw)
    return None if entries is None else _listing(entries)


def _listing(entries: list[str]) -> Listing:
    return [entry[47:] for entry in entries], [entry[:32] for entry in entries]


def _split_canonical(raw: bytes) -> list[str] | None:
    """Split bytes that are as DVC writes them and need no unescaping; None when they are not."""
    if b"\\" in raw or not raw.isascii() or not raw.startswith(b'[{"md5": "') or not raw.endswith(b'"}]'):
        return None
    if _CONTROL.search(raw):
        return None
    entries = raw[10:-3].decode("ascii").split('"}, {"md5": "')
    # Eight quotes an entry, all accounted for: none can be inside a path.
    if raw.count(b'"') != 8 * len(entries) or any(entry[32:47] != _BETWEEN for entry in entries):
        return None
    return entries


def _load_any(raw: bytes, file: str) -> Listing:
    try:
        entries = json.loads(raw.decode())
    except RecursionError:
        raise _bad("nested too deeply", file) from None
    except ValueError as error:
        raise _bad(f"not JSON: {error}", file) from error
    if not isinstance(entries, list):
        raise _bad("a list is expected", file)
    try:
        found = [entry["relpath"] for entry in entries], [entry["md5"] for entry in entries]
    except (TypeError, KeyError, IndexError):
        raise _bad("every entry needs md5 and relpath", file) from None
    for column in found:
        if set(map(type, column)) - {str}:
            raise _bad("md5 and relpath must be text", file)
    try:
        "".join(found[0]).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _bad("a path cannot be the name of a file", file) from None
    return found


def _check(paths: list[str], digests: list[str], *, file: str) -> None:
    if max(map(len, paths), default=0) > repo_paths.MAX_LENGTH:
        raise _bad("a path is too long", file)
    bad = repo_paths.first_bad(paths)
    if bad is not None:
        raise _bad(f"{bad!r} is not a path inside the directory", file)
    if set(map(len, digests)) - {32} or not _HEX.fullmatch("".join(digests)):
        raise _bad("a digest is not 32 hexadecimal digits", file)
    names = set(paths)
    if len(names) < len(paths):
        raise _bad("a path appears twice", file)
    directories = {path.rpartition("/")[0] for path in paths}
    directories.update(parent for directory in tuple(directories) for parent in repo_paths.parents(directory))
    if not names.isdisjoint(directories):
        raise _bad(f"{min(names & directories)!r} is a file and a directory", file)
    # Some disks take .GIT for the same.
    suspects = [*directories, *(path for path in paths if path[-4:].lower() == ".git")]
    if own := next((name for name in suspects if _OWN.intersection(name.lower().split("/"))), None):
        raise _bad(f"'{own}' would be taken by Git or DVC for their own", file)


def _bad(message: str, file: str) -> FormatError:
    return FormatError(message, file=file, hint=_HINT)
