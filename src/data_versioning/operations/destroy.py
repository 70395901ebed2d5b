"""Undo `dv init`: pointer files, settings and cache go, the data stays as files of the user's own.

In this order: the data is made independent of the cache, the pointer files go, then `.dvc`. So a run that was killed
lost nothing and can be carried out again.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from data_versioning.errors import Conflict, DiskError, MissingObject
from data_versioning.git import repository
from data_versioning.localfs import atomic, rwlock
from data_versioning.operations import loaded as loading
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath, is_inside
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Transaction
from data_versioning.workspace import checkout, unprotect

_IGNORE_FILE = RepoPath(".dvcignore")
_STATE = "dv"  # in `.dvc`, where there is no Git
_CONFIG = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyResult:
    """`removed`: pointer and ignore files; `copied`: links that became files; `cache` and `history` are what is kept.

    `cache` is a cache outside of `.dvc`; `history` the directory of the operation log. None: removed.
    """

    root: str
    removed: tuple[RepoPath, ...]
    copied: int
    cache: str | None
    history: str | None


def destroy(repo: Repo, *, progress: Progress = SILENT) -> DestroyResult:
    """Remove everything that makes the directory a repository, but not the operation log.

    Raises `Conflict` or `MissingObject` with nothing removed when somebody would be left with links to nothing.
    """
    history = repo.durable_dir
    with repo.transaction("destroy", lock="exclusive") as transaction:
        loaded = loading.load(repo)
        _refuse_foreign_links(repo)
        # No stage that DVC runs may be writing: it holds no other lock meanwhile.
        with rwlock.hold(
            f"{repo.dvc_dir}/tmp",
            command="dv destroy",
            write=[repo.root],
            timeout=repo.lock_timeout,
            waiting=repo.notify,
        ):
            copied = make_independent(loaded, progress)
            _queue_removals(transaction, loaded)
            removed = tuple(edit.path for edit in transaction.commit())
            for path, content in _settings(repo).items():
                transaction.note(path, content, None)
        _remove_settings(repo)
    is_inner = is_inside(repo.cache.base, repo.dvc_dir)
    return DestroyResult(
        root=repo.root,
        removed=removed,
        copied=copied,
        cache=None if is_inner or not os.path.isdir(repo.cache.base) else repo.cache.base,
        history=history,
    )


def forget(repo: Repo) -> None:
    """Remove the operation log and everything else that is kept beside it, after `destroy`.

    All work trees and all repositories in one Git repository share it.
    """
    try:
        shutil.rmtree(repo.durable_dir)
        if not repo.git:
            os.rmdir(repo.dvc_dir)
    except OSError as error:
        raise _undeletable(error) from error


def _refuse_foreign_links(repo: Repo) -> None:
    """Raise `Conflict` when another work tree of Git uses the cache that would go."""
    if repo.git is None or not is_inside(repo.cache.base, repo.dvc_dir):
        return
    below = os.path.relpath(repo.root, repo.git.root)
    for top in repository.worktrees(repo.git):
        config = os.path.normpath(f"{top}/{below}/.dvc/config.local")
        if top != repo.git.root and os.path.exists(config) and repo.cache.base in _read(config):
            raise Conflict(
                f"the work tree '{top}' uses the cache {repo.cache.base}", hint=f"git worktree remove '{top}'"
            )


def make_independent(loaded: Loaded, progress: Progress = SILENT) -> int:
    """Copy what is linked, and return how many files; nothing else holds these bytes when the cache is gone.

    Raises `MissingObject` after all that could be copied is.
    """
    repo = loaded.repo
    copied, failed = 0, dict[str, int]()
    progress.start("Copying data out of the cache")
    try:
        for item in loaded.project.outputs():
            if item.output.cache and os.path.lexists(f"{repo.root}/{item.path}"):
                checkout.refuse_links(item.path, repo.root)
                done = unprotect.unprotect(repo.root, item.path, advance=progress.advance)
                copied += done.copied
                failed |= done.failed
    finally:
        progress.finish()
    if failed:
        path, code = next(iter(failed.items()))
        raise MissingObject(
            f"cannot copy '{path}' out of the cache: {checkout.reason(code)}; it would be lost, so nothing was removed",
            hint=f"dv pull, or give it up: rm '{path}'",
        )
    return copied


def _queue_removals(transaction: Transaction, loaded: Loaded) -> None:
    files = {stage.file for stage in loaded.project.stages} | {part.file for part in loaded.project.sections}
    locks = {file.removesuffix(PIPELINE_FILE) + LOCK_FILE for file in files if file.endswith(PIPELINE_FILE)}
    for file in sorted({*files, *locks, _IGNORE_FILE}):
        transaction.edit(RepoPath(file), lambda _: None)


def _settings(repo: Repo) -> dict[RepoPath, bytes]:
    """Return the content of the committed files in `.dvc`, for the record."""
    names = [".dvc/config", ".dvc/.gitignore", ".dvc/dv.toml"]
    found = {
        RepoPath(name): _read(f"{repo.root}/{name}")
        for name in names
        if os.path.isfile(f"{repo.root}/{name}")
    }
    return {path: os.fsencode(text) for path, text in found.items()}


def _remove_settings(repo: Repo) -> None:
    """Empty `.dvc`, the configuration last: until then the directory is a repository, and this can run again."""
    names = [name for name in os.listdir(repo.dvc_dir) if name != _STATE]
    try:
        for name in sorted(names, key=lambda name: name == _CONFIG):
            path = f"{repo.dvc_dir}/{name}"
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                atomic.remove(path)
        if not os.path.isdir(f"{repo.dvc_dir}/{_STATE}"):
            os.rmdir(repo.dvc_dir)
    except OSError as error:
        raise _undeletable(error) from error


def _undeletable(error: OSError) -> DiskError:
    return DiskError(
        f"cannot remove '{error.filename}': {error.strerror}",
        hint=f"ls -ld '{error.filename}', then run this again",
    )


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()
