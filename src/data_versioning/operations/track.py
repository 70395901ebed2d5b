"""Track, commit to Git, tag and push in one step; every check comes before the first write."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5

from data_versioning.errors import DataVersioningError, GitError, PathError
from data_versioning.formats import dvcfile
from data_versioning.git import ignorefile, repository
from data_versioning.git.repository import Git, relative
from data_versioning.operations import add, push, targets, versions
from data_versioning.operations import loaded as loading
from data_versioning.operations.add import AddOptions
from data_versioning.operations.facts import plain
from data_versioning.operations.pointers import Annotations
from data_versioning.operations.sharing import TransferOptions, TransferResult
from data_versioning.paths import RepoPath
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import remote as remotes
from data_versioning.repo import Repo
from data_versioning.workspace import scan
from data_versioning.workspace.scan import Snapshot

NO_GIT = "git init   (after dv init --no-scm, also: dv config --unset core.no_scm)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is recorded with a model: kept under `meta` of its pointer file."""

    metrics: Mapping[str, float] | None = None
    params: Mapping[str, object] | None = None
    training_data: Sequence[str] = ()  # paths it was trained on
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """`commit` is None when nothing changed; `pushed` is None when no remote is configured."""

    path: RepoPath
    oid: str
    size: int
    commit: str | None
    tags: tuple[str, ...] = ()
    pushed: TransferResult | None = None


class PushFailed(DataVersioningError):
    """Tracked and committed, but not on the remote; `result` tells what was done."""

    def __init__(self, result: TrackResult, cause: DataVersioningError) -> None:
        super().__init__(
            f"'{result.path}' is tracked{' and committed' if result.commit else ''}, but was not pushed: {cause}",
            hint="dv push",
        )
        self.result = result


def track(
    repo: Repo,
    path: str,
    *,
    message: str | None = None,
    facts: Facts | None = None,
    remote: str | None = None,
    progress: Progress = SILENT,
) -> TrackResult:
    """Add `path`, commit its pointer and ignore file, make the tags, push when a remote is configured.

    Raises `PathError`, `GitError`, `Conflict` with nothing changed, or `PushFailed` after the commit.
    """
    git = _git(repo)
    where = targets.inside(repo, path)
    known = loading.load(repo).project.tracked(where)
    pointer = known.stage.file if known else RepoPath(f"{where}.dvc")
    if facts and known and known.path != where:
        raise PathError(
            f"'{where}' is a part of '{known.path}', which is versioned as a whole",
            hint=f"track_model({known.path!r}, …), or track_data for the part alone",
        )
    repository.check_commit(git, f"{repo.root}/{pointer}")
    if remote or repo.settings.get("core", "remote"):
        remotes.locate(repo.settings, remote)
    notes, tags = _planned(repo, git, where, pointer, facts, progress) if facts else (Annotations(), [])
    result = add.add(repo, [f"{repo.root}/{where}"], options=AddOptions(notes=notes), progress=progress)
    files = [*result.edited, pointer, *_ignore_file(repo, git, where)]
    commit = commit_files(repo, git, files, message or f"Track {where}")
    for tag in tags:
        git.tag(tag.name, f"{where}: {tag.words}")
    warn_if_detached(git, commit, stacklevel=4)
    done = TrackResult(
        path=where,
        oid=result.outputs[0].oid,
        size=result.outputs[0].size,
        commit=commit,
        tags=tuple(tag.name for tag in tags),
    )
    return _pushed(repo, done, pointer, remote, progress)


def commit_files(repo: Repo, git: Git, files: Sequence[str], message: str) -> str | None:
    """Commit exactly these files of the repository; None when none of them changed."""
    paths = [f"{repo.root}/{file}" for file in dict.fromkeys(files) if os.path.lexists(f"{repo.root}/{file}")]
    gone = [f"{repo.root}/{file}" for file in files if not os.path.lexists(f"{repo.root}/{file}")]
    paths += git.tracked(gone)
    if not paths or not git.is_dirty(paths):
        return None
    git.identity()
    return git.commit(paths, message)


def warn_if_detached(git: Git, commit: str | None, *, stacklevel: int) -> None:
    """Tell how to keep a new commit that is on no branch."""
    if commit and git.current_branch() is None:
        warnings.warn(
            f"HEAD is detached: commit {commit[:10]} is on no branch; keep it with: git switch -c NAME",
            stacklevel=stacklevel,
        )


def _git(repo: Repo) -> Git:
    git = repo.git
    if git is None:
        raise GitError("tracking commits to Git, and there is no Git repository here", hint=NO_GIT)
    return git


def _look(repo: Repo, where: RepoPath, progress: Progress) -> Snapshot:
    loaded = loading.load(repo)
    progress.start("Hashing")
    try:
        snapshot = scan.look(loaded.scanner(progress=progress), where)
    finally:
        progress.finish()
        loaded.stats.save()
    if snapshot is None:
        raise PathError(f"'{where}' does not exist", hint="check the path, and where you are: pwd")
    return snapshot


def _ignore_file(repo: Repo, git: Git, where: RepoPath) -> list[str]:
    """Return the ignore file beside `where` if its entry for it is not committed yet."""
    parent, _, name = where.rpartition("/")
    file = f"{parent}/.gitignore" if parent else ".gitignore"
    entry = ignorefile.entry_for(name).encode("utf-8", "surrogateescape")
    committed = git.read_many([f"HEAD:{relative(git, f'{repo.root}/{file}')}"])[0] or b""
    try:
        with open(f"{repo.root}/{file}", "rb") as opened:
            now = opened.read()
    except FileNotFoundError:
        return []
    return [file] if entry in now.splitlines() and entry not in committed.splitlines() else []


def _planned(
    repo: Repo, git: Git, where: RepoPath, pointer: RepoPath, facts: Facts, progress: Progress
) -> tuple[Annotations, list[versions.NewTag]]:
    """Return what to record with the model, and the tags to make; they depend on what it holds."""
    snapshot = _look(repo, where, progress)
    top = relative(git, f"{repo.root}/{pointer}")
    tags = versions.plan(git, top, where, snapshot.oid.value, facts.tags)
    return _notes(repo, git, pointer, snapshot, facts), tags


def _notes(repo: Repo, git: Git, pointer: RepoPath, snapshot: Snapshot, facts: Facts) -> Annotations:
    """Return the annotations of a model: facts about other content go, facts that did not change stay as they are."""
    given: dict[str, object] = {
        "metrics": plain(facts.metrics, "metrics") if facts.metrics else None,
        "params": plain(facts.params, "params") if facts.params else None,
        "training_data": [_training_data(repo, path) for path in facts.training_data] or None,
    }
    before = _recorded(repo, pointer)
    old = before.meta if before and isinstance(before.meta, dict) else {}
    same_content = before is not None and before.md5 == snapshot.oid.value
    old_labels = before.labels if before else ()
    if same_content:
        given = {key: value for key, value in given.items() if value is not None}
        labels = [*old_labels, *facts.tags]
    else:
        labels = [*versions.lasting(git, pointer, old_labels), *facts.tags]
    noted = tuple(dict.fromkeys(labels)) if labels or old_labels else None
    if same_content and {**old, **given} == old:
        return Annotations(labels=noted)
    return Annotations(
        labels=noted, meta={**given, "code_commit": git.head(), "dvc_lock": _lock_digest(repo)}
    )


def _recorded(repo: Repo, pointer: RepoPath) -> dvcfile.Output | None:
    try:
        with open(f"{repo.root}/{pointer}", encoding="utf-8", errors="surrogateescape") as file:
            return dvcfile.parse(file.read(), file=pointer).outs[0]
    except (FileNotFoundError, IndexError):
        return None


def _training_data(repo: Repo, path: str) -> dict[str, object]:
    """Return path and recorded id of a data set; an untracked one is hashed."""
    where = targets.inside(repo, path)
    known = loading.load(repo).project.tracked(where)
    if known is not None and known.path == where and known.output.md5:
        return {"path": where, "md5": known.output.md5}
    return {"path": where, "md5": _look(repo, where, SILENT).oid.value}


def _lock_digest(repo: Repo) -> str | None:
    try:
        with open(f"{repo.root}/dvc.lock", "rb") as file:
            return md5(file.read()).hexdigest()
    except FileNotFoundError:
        return None


def _pushed(
    repo: Repo, done: TrackResult, pointer: RepoPath, remote: str | None, progress: Progress
) -> TrackResult:
    if not (remote or repo.settings.get("core", "remote")):
        return done
    try:
        name = os.path.relpath(pointer, targets.base(repo) or ".")
        pushed = push.push(repo, [name], options=TransferOptions(remote=remote), progress=progress)
    except DataVersioningError as error:
        raise PushFailed(done, error) from error
    return TrackResult(
        path=done.path, oid=done.oid, size=done.size, commit=done.commit, tags=done.tags, pushed=pushed
    )
