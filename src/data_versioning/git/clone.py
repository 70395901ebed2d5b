"""Private copies of other people's Git repositories, made only to be read.

A copy has no work tree and belongs to us alone: it lies in the user's cache directory, never inside of a
repository, because what comes with a repository may be made by a stranger, and Git obeys the configuration it finds.
Hooks, submodules and transports that start other programs are off. Deleting a copy loses only time.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from hashlib import sha256

from data_versioning.errors import DiskError, GitError, UsageError
from data_versioning.git import history, process
from data_versioning.git.repository import Git
from data_versioning.localfs import atomic, locks

DEFAULT_BRANCH = "refs/remotes/origin/HEAD"
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HEAD = re.compile(r"(?:HEAD|@)(?=$|[~^@])")
# All that the other side has, under the names it has there.
_REFERENCES = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{DEFAULT_BRANCH}")
# Transports that are no program of somebody else's choice (`ext::`, `fd::`, `name::`).
_PROTOCOLS = "file:git:http:https:ssh"
_SETTINGS = """\
[core]
\thooksPath = /dev/null
\tfsmonitor = false
[fetch]
\trecurseSubmodules = false
[submodule]
\trecurse = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


def refresh(
    url: str,
    rev: str | None = None,
    *,
    timeout: float,
    waiting: Callable[[str], None] | None = None,
) -> tuple[Git, str]:
    """Return an up-to-date copy of the repository at `url`, and the commit that `rev` names there.

    Without `rev`: the tip of the default branch. A full commit id that is there already asks nobody. Raises
    `GitError` when Git cannot get the repository or it has no such commit; `UsageError` for a `url` or `rev` that
    could be taken for an option.
    """
    check_url(url)
    place = f"{_directory()}/{sha256(os.fsencode(url)).hexdigest()[:40]}"
    with locks.exclusive(f"{place}.lock", timeout=timeout, waiting=waiting):
        git = _opened(place)
        sha = _found(place, url, rev)
    if sha is None:
        raise GitError(f"'{url}' has no Git revision {rev!r}", hint="check the name: git ls-remote URL")
    return git, sha


def _found(place: str, url: str, rev: str | None) -> str | None:
    """Return the commit that `rev` names, after a look at the other side unless that cannot change."""
    is_sha = rev is not None and _SHA.fullmatch(rev) is not None
    if rev and is_sha and history.resolve(place, rev):
        return rev
    try:
        _fetch(place, url, _REFERENCES)
    except GitError:
        if history.resolve(place, DEFAULT_BRANCH) is None:
            shutil.rmtree(place, ignore_errors=True)  # there never was anything
        raise
    sha = history.resolve(place, named(rev))
    if sha is None and rev and is_sha:
        # A commit that no branch leads to any more; many servers give it nevertheless.
        _fetch(place, url, (rev,))
        sha = history.resolve(place, rev)
    return sha


def named(rev: str | None) -> str:
    """Return how a revision of the other repository is called in the copy.

    >>> named(None), named("HEAD~2"), named("main")
    ('refs/remotes/origin/HEAD', 'refs/remotes/origin/HEAD~2', 'main')
    """
    return _HEAD.sub(DEFAULT_BRANCH, rev) if rev else DEFAULT_BRANCH


def check_url(url: str) -> None:
    """Raise `UsageError` for what Git could take for an option, or no place at all."""
    if not url or url.startswith("-") or "\0" in url or "\n" in url:
        raise UsageError(f"{url!r} is not the address of a repository", hint="give a path or a Git URL")


def _directory() -> str:
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    directory = os.path.join(base, "data-versioning", "clones")
    try:
        atomic.make_directory(directory, 0o700)
    except OSError as error:
        raise DiskError(
            f"cannot create '{directory}': {error.strerror}", hint="export XDG_CACHE_HOME=DIRECTORY"
        ) from error
    return directory


def _opened(place: str) -> Git:
    """Return the copy at `place`, made empty if there is none; what a crash left half made is made anew."""
    if not os.path.isdir(place):
        unfinished = f"{place}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        atomic.make_directory(unfinished, 0o700)
        process.run(unfinished, "init", "--quiet", "--template=")
        with open(f"{unfinished}/.git/config", "a", encoding="utf-8") as file:
            file.write(_SETTINGS)
        os.rename(unfinished, place)
    return Git(root=place, git_dir=f"{place}/.git", common_dir=f"{place}/.git")


def _fetch(place: str, url: str, references: tuple[str, ...]) -> None:
    options = ("--quiet", "--force", "--prune", "--no-tags", "--update-head-ok", "--no-recurse-submodules")
    allowed = os.environ.get("GIT_ALLOW_PROTOCOL") or _PROTOCOLS
    code, _, said = process.attempt(
        place, "fetch", *options, "--", url, *references, env={"GIT_ALLOW_PROTOCOL": allowed}
    )
    if code:
        reason = os.fsdecode(said).strip() or f"git fetch ended with code {code}"
        hint = process.failure(place, ("fetch",), code, said).hint
        raise GitError(
            f"cannot read the Git repository '{url}': {reason}",
            hint=hint if hint != "git status" else "git ls-remote URL   shows whether Git reaches it",
        )
