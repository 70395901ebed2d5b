"""Go to another version of everything: Git's files and the data that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning import repo as repos
from data_versioning.errors import Conflict, GitError, MissingObject
from data_versioning.operations import checkout, fetch, status, versions
from data_versioning.operations.checkout import CheckoutOptions, CheckoutResult
from data_versioning.operations.sharing import TransferOptions
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchResult:
    """`revision` is the branch or tag that was found; `commit` what is checked out now."""

    revision: str
    commit: str
    data: CheckoutResult


def switch(
    repo: Repo, version: str, *, remote: str | None = None, progress: Progress = SILENT
) -> SwitchResult:
    """Check out a branch, tag, commit or artifact version in Git, fetch what is missing, check out the data.

    Raises `Conflict` when work would be lost, with nothing changed; `MissingObject` when data is nowhere, back where
    it started.
    """
    git = repo.git
    if git is None:
        raise GitError("versions are Git revisions, and there is no Git repository here", hint="git init")
    revision = versions.find(git, version)
    before = git.current_branch() or git.head() or "HEAD"
    _refuse_unrecorded(repo, progress)
    git.switch(revision)
    try:
        data = _checkout(repos.open(repo.root, argv=repo.argv, notify=repo.notify), remote, progress)
    except BaseException:
        git.switch(before)
        checkout.checkout(repo, options=CheckoutOptions(allow_missing=True), progress=progress)
        raise
    return SwitchResult(revision=revision, commit=git.head() or "", data=data)


def _refuse_unrecorded(repo: Repo, progress: Progress) -> None:
    git = repo.git
    if git is not None and git.is_dirty():
        raise Conflict(
            "files that Git tracks have changes that are not committed; nothing was changed",
            hint="git commit, or git stash",
        )
    changes = status.status(repo, progress=progress).changes
    modified = [path for entries in changes.values() for path in _modified(entries)]
    if modified:
        listed = "\n".join(f"  {path}" for path in modified)
        raise Conflict(
            f"this data has changes that are not recorded:\n{listed}\nNothing was changed.",
            hint=f"dv commit {modified[0]}   records them; dv checkout --force {modified[0]}   gives them up",
        )


def _modified(entries: Sequence[object]) -> list[str]:
    outs = [entry.get("changed outs") for entry in entries if isinstance(entry, dict)]
    return [path for out in outs if out for path, change in out.items() if change == "modified"]


def _checkout(repo: Repo, remote: str | None, progress: Progress) -> CheckoutResult:
    if remote or repo.settings.get("core", "remote"):
        fetch.fetch(repo, options=TransferOptions(remote=remote), progress=progress)
    data = checkout.checkout(repo, progress=progress)
    if data.failed:
        listed = "\n".join(f"  {path}" for path in data.failed)
        raise MissingObject(
            f"the data of this version is neither in the cache nor on a remote:\n{listed}\nNothing was changed.",
            hint="dv remote add -d NAME URL, or ask whoever has it to run dv push",
        )
    return data
