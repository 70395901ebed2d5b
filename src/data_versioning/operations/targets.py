"""What the user names on the command line, as paths of the repository."""

from __future__ import annotations

import os
from collections.abc import Sequence

from data_versioning.errors import PathError
from data_versioning.paths import RepoPath
from data_versioning.repo import Repo


def base(repo: Repo) -> str:
    """Return the current directory relative to the root of the repository; "" at the root or outside of it."""
    here = os.path.relpath(os.path.realpath("."), repo.root)
    return "" if here == "." or here.startswith("..") else here


def named(repo: Repo, names: Sequence[str]) -> list[str]:
    """Return targets with those that are absolute, and lead into the repository, relative to the current directory.

    What `Project.select` takes together with `base`.
    """
    here = base(repo)
    return [_from_base(repo, name, here) if name.startswith("/") else name for name in names]


def _from_base(repo: Repo, name: str, here: str) -> str:
    path = repo.relative(name)
    return name if path == ".." or path.startswith("../") else os.path.relpath(path, here or ".")


def inside(repo: Repo, target: str) -> RepoPath:
    """Return a user's path relative to the root.

    Raises `PathError` for one outside of the repository, in `.dvc` or `.git`, or behind a symbolic link.
    """
    path = repo.relative(target)
    if path == ".." or path.startswith("../"):
        raise PathError(
            f"'{target}' lies outside of the repository {repo.root}",
            hint=f"dv add --out NAME '{target}'   copies it into the repository",
        )
    if path == "." or path.split("/")[0] in {".dvc", ".git"}:
        raise PathError(
            f"'{target}' cannot be tracked: it holds the repository's own files",
            hint="track the directories in it by name; dv add -R . tracks every file by itself",
        )
    try:
        path.encode()
    except UnicodeEncodeError:
        raise PathError(
            f"the name {path!r} is not UTF-8, so a pointer file cannot hold it",
            hint="rename it, or track the directory that holds it: file names inside may be any bytes",
        ) from None
    parent = os.path.dirname(path)
    while parent:
        if os.path.islink(f"{repo.root}/{parent}"):
            raise PathError(
                f"'{target}' lies behind the symbolic link '{parent}'",
                hint="track the real path, inside the repository",
            )
        parent = os.path.dirname(parent)
    return RepoPath(path)
