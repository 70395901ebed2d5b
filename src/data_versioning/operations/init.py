"""Make a repository: the same files as `dvc init`, complete or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_versioning import repo
from data_versioning.errors import Conflict, DataVersioningError, DiskError, GitError, PathError
from data_versioning.git.repository import Git
from data_versioning.localfs import atomic, locks
from data_versioning.operations import destroy
from data_versioning.operations import loaded as loading
from data_versioning.paths import RepoPath

_CONFIG_WITHOUT_GIT = b"[core]\n    no_scm = True\n"
_GITIGNORE = b"/config.local\n/tmp\n/cache\n"
_DVCIGNORE = (
    b"# Add patterns of files dvc should ignore, which could improve\n"
    b"# the performance. Learn more at\n"
    b"# https://dvc.org/doc/user-guide/dvcignore\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """A new repository: its top, and the files that were staged for the next Git commit."""

    root: str
    staged: tuple[str, ...]


def init(
    directory: str = ".",
    *,
    no_scm: bool = False,
    subdir: bool = False,
    force: bool = False,
    argv: Sequence[str] = (),
) -> InitResult:
    """Make `directory` a repository, tracked by Git unless `no_scm`; `subdir`: below the top of a work tree.

    With `force` an existing repository is made anew: its configuration and its cache are deleted, the operation
    log and the pointer files stay, and links into that cache become files. Raises `GitError`, `Conflict` or
    `PathError` and then changed nothing.
    """
    if no_scm and subdir:
        raise DataVersioningError(
            "--no-scm and --subdir exclude each other: a sub-directory of nothing", hint="dv init --no-scm"
        )
    root = os.path.realpath(directory)
    git = None if no_scm else _git(root, subdir=subdir)
    dvc_dir = os.path.join(root, ".dvc")
    exists = _is_repository(dvc_dir)
    if exists and not force:
        raise Conflict(
            f"'{os.path.relpath(dvc_dir)}' exists already", hint="dv init -f   (deletes its cache)"
        )
    try:
        before = _contents(root)
        with _nobody_inside(root) if exists else contextlib.nullcontext():
            _make(dvc_dir, git)
        ignore = os.path.join(root, ".dvcignore")
        if not os.path.exists(ignore):
            atomic.write(ignore, _DVCIGNORE)
    except OSError as error:
        raise DiskError(
            f"cannot make a repository in '{root}': {error.strerror}", hint=f"ls -ld {root}"
        ) from error
    files = (f"{dvc_dir}/config", ignore, f"{dvc_dir}/.gitignore") if git else ()
    with repo.open(root, argv=argv).transaction("init", lock="none") as transaction:
        for path, after in _contents(root).items():
            transaction.note(path, before[path], after)
        if git:
            git.stage(files)
    return InitResult(root=root, staged=tuple(os.path.relpath(file, root) for file in files))


def _contents(root: str) -> dict[RepoPath, bytes | None]:
    """Return the content of the files that a new repository has; None for what is not there."""
    found: dict[RepoPath, bytes | None] = {}
    for path in (RepoPath(".dvc/config"), RepoPath(".dvc/.gitignore"), RepoPath(".dvcignore")):
        found[path] = None
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            open(os.path.join(root, path), "rb") as file,
        ):
            found[path] = file.read()
    return found


@contextlib.contextmanager
def _nobody_inside(root: str) -> Iterator[None]:
    """Keep other commands out of a repository that is made anew, with nothing in its workspace linked to its cache."""
    old = repo.open(root)
    with locks.exclusive(f"{old.dvc_dir}/tmp/lock", timeout=old.lock_timeout):
        destroy.make_independent(loading.load(old))
        yield


def _is_repository(dvc_dir: str) -> bool:
    """Whether there is more than the operation log that a destroyed repository left."""
    return os.path.isdir(dvc_dir) and not set(os.listdir(dvc_dir)) <= {"dv", "tmp"}


def _git(root: str, *, subdir: bool) -> Git:
    git = Git.find(root)
    if git is None or not (subdir or git.root == root):
        raise GitError(
            f"'{root}' is not the top of a Git repository; use --subdir below one, --no-scm without Git",
            hint="git init" if git is None else "dv init --subdir",
        )
    if git.is_ignored([f"{root}/.dvc"]):
        raise PathError(
            f"Git ignores '{root}/.dvc', so nobody else would get the configuration",
            hint="echo '!.dvc' >> .gitignore",
        )
    return git


def _make(dvc_dir: str, git: Git | None) -> None:
    """Put a complete `.dvc` directory in place of whatever was there."""
    os.makedirs(os.path.dirname(dvc_dir), exist_ok=True)
    fresh = f"{dvc_dir}.{os.getpid()}.tmp"
    os.mkdir(fresh)
    try:
        atomic.write(f"{fresh}/config", b"" if git else _CONFIG_WITHOUT_GIT)
        if git:
            atomic.write(f"{fresh}/.gitignore", _GITIGNORE)
        if os.path.isdir(f"{dvc_dir}/dv"):
            os.rename(f"{dvc_dir}/dv", f"{fresh}/dv")
        if os.path.isdir(dvc_dir):
            shutil.rmtree(dvc_dir)
        os.rename(fresh, dvc_dir)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
