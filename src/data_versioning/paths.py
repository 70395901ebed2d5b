"""Repository paths: relative to the repository root, "/" between parts, no I/O.

A `RepoPath` never is absolute, never contains an empty part, ".", ".." or NUL. Bytes that are not UTF-8 are
carried as lone surrogates, as `os.fsdecode` makes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NewType

from data_versioning.errors import PathError

RepoPath = NewType("RepoPath", str)

MAX_LENGTH = 4096
"""Characters of a path; no system call takes a longer one."""

# An empty, "." or ".." part anywhere in paths joined by NUL (each path surrounded by "/").
_BAD_PART = re.compile(r"/(?:\.{1,2})?/")


def is_relative_and_plain(path: str) -> bool:
    """Whether `path` may be a `RepoPath`: relative, no empty, "." or ".." part, no NUL.

    >>> [is_relative_and_plain(p) for p in ("a/b", "../a", "/a", "a//b", "a/.", "", "a/...")]
    [True, False, False, False, False, False, True]
    """
    return "\0" not in path and not _BAD_PART.search(f"/{path}/")


def is_possible(path: str) -> bool:
    """Whether a file can be reached by this path: not too long, no NUL, no surrogate that stands for no byte.

    >>> is_possible("a/é"), is_possible("\\udcff"), is_possible("\\ud800"), is_possible("\\0")
    (True, True, False, False)
    """
    if len(path) > MAX_LENGTH:
        return False
    if path.isascii():
        return "\0" not in path
    try:
        return b"\0" not in path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


def first_bad(paths: Iterable[str]) -> str | None:
    """Return the first path that may not be a `RepoPath`, looking at all of them in one pass.

    >>> first_bad(["a", "b/c"]), first_bad(["a", "b/../../c", "/d"])
    (None, 'b/../../c')
    """
    listed = list(paths)
    joined = "/\0/".join(listed)
    if joined.count("\0") == max(len(listed) - 1, 0) and not (listed and _BAD_PART.search(f"/{joined}/")):
        return None
    return next(path for path in listed if not is_relative_and_plain(path))


def parse(text: str) -> RepoPath:
    """Check that `text` is a repository path.

    Raises `PathError` for anything that could leave the repository.
    """
    if not is_relative_and_plain(text):
        raise PathError(f"{text!r} is not a path inside the repository")
    return RepoPath(text)


def is_inside(path: str, parent: str) -> bool:
    """Whether `path` is `parent` or lies below it; everything lies below "".

    >>> is_inside("a/b", "a"), is_inside("ab", "a"), is_inside("a", "a"), is_inside("a", "")
    (True, False, True, True)
    """
    return not parent or path == parent or path.startswith(parent + "/")


def parents(path: str) -> list[str]:
    """Return the proper parents of `path`, nearest first, without the root.

    >>> parents("a/b/c")
    ['a/b', 'a']
    """
    found = []
    while (cut := path.rfind("/")) > 0:
        path = path[:cut]
        found.append(path)
    return found
