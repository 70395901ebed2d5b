"""Go to another version of everything: Git's files and the data that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass

from data_versioning import repo as repos
from data_versioning.errors import Conflict, GitError, MissingObject
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import checkout, fetch, versions
from data_versioning.operations import loaded as loading
from data_versioning.operations.checkout import CheckoutOptions, CheckoutResult
from data_versioning.operations.sharing import TransferOptions
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.workspace import scan


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
    modified = _modified(repo, progress)
    if modified:
        listed = "\n".join(f"  {path}" for path in modified)
        raise Conflict(
            f"this data has changes that are not recorded:\n{listed}\nNothing was changed.",
            hint=f"dv commit {modified[0]}   records them; dv checkout --force {modified[0]}   gives them up",
        )


def _modified(repo: Repo, progress: Progress) -> list[str]:
    """Return the outputs that hold something else than what is recorded; one that is missing does not count."""
    loaded = loading.load(repo)
    modified = []
    progress.start("Comparing")
    try:
        for item in loaded.project.outputs():
            recorded = ObjectId(item.output.md5 or "", item.output.is_legacy)
            if recorded.value and item.output.cache:
                scanner = loaded.scanner(legacy=recorded.legacy, progress=progress)
                found = scan.look(scanner, item.path)
                modified += [repo.shown(item.path)] if found and found.oid != recorded else []
    finally:
        progress.finish()
        loaded.stats.save()
    return modified


def _checkout(repo: Repo, remote: str | None, progress: Progress) -> CheckoutResult:
    if remote or repo.settings.get("core", "remote"):
        fetch.fetch(repo, options=TransferOptions(remote=remote, allow_missing=True), progress=progress)
    data = checkout.checkout(repo, progress=progress)
    if data.failed:
        listed = "\n".join(f"  {path}" for path in data.failed)
        raise MissingObject(
            f"the data of this version is neither in the cache nor on a remote:\n{listed}\nNothing was changed.",
            hint="dv remote add -d NAME URL, or ask whoever has it to run dv push",
        )
    return data
