"""Change a repository: lock it, edit its pointer files atomically, append one record to the operation log.

Commands that create objects share DVC's own lock (`.dvc/tmp/lock`), so several run at once while DVC waits; gc takes
it alone. Edits of pointer and ignore files are queued and carried out at the end, under a lock of their own, each
reading the file's latest content. Whatever happens, what was attempted is recorded.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from typing import NamedTuple

import data_versioning
from data_versioning.errors import DataVersioningError, DiskError, PathError
from data_versioning.eventlog import kept
from data_versioning.eventlog.chain import Event
from data_versioning.eventlog.kept import DataChange, Kept
from data_versioning.eventlog.local_log import Log
from data_versioning.eventlog.operation import Operation, Outcome, PointerChange
from data_versioning.git.repository import Git
from data_versioning.localfs import atomic, locks, regular, rwlock, walk
from data_versioning.paths import RepoPath
from data_versioning.repo import Repo

Change = Callable[[bytes | None], bytes | None]
"""From the content of a file (None: absent) to its new content (None: remove it)."""


class Edit(NamedTuple):
    """One file of the repository, with the hash of its content before and after."""

    path: RepoPath
    before: str | None
    after: str | None


@dataclass(slots=True)
class Changes:
    """What a command did, for its record and for undoing it."""

    edits: list[Edit] = field(default_factory=list)
    before: dict[str, bytes | None] = field(default_factory=dict)  # content of the edited files
    data: list[DataChange] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    listings: dict[str, str] = field(default_factory=dict)
    undoes: int | None = None


class Transaction:
    """What a command changes in the files that users commit."""

    def __init__(self, repo: Repo, git: Git | None, verb: str, stack: contextlib.ExitStack) -> None:
        self.repo = repo
        self.git = git
        self.verb = verb
        self.changes = Changes()
        self._queue: list[tuple[RepoPath, Change]] = []
        self._stack = stack

    @property
    def edits(self) -> list[Edit]:
        """What was changed so far."""
        return self.changes.edits

    def reserve(self, *, writes: Sequence[RepoPath]) -> None:
        """Keep stages that DVC runs away from these paths until the end (`.dvc/tmp/rwlock`)."""
        if not writes:
            return
        self._stack.enter_context(
            rwlock.hold(
                f"{self.repo.dvc_dir}/tmp",
                command=f"dv {self.verb}",
                read=[],
                write=[f"{self.repo.root}/{path}" for path in writes],
                timeout=self.repo.lock_timeout,
                waiting=self.repo.notify,
            )
        )

    def edit(self, path: RepoPath, change: Change) -> None:
        """Change a file when the transaction ends; `change` gets its latest content."""
        self._queue.append((path, change))

    def write(self, path: RepoPath, content: bytes) -> None:
        """Give a file new content when the transaction ends."""
        self.edit(path, lambda _: content)

    def note(self, path: RepoPath, before: bytes | None, after: bytes | None) -> None:
        """Record that a file got new content already."""
        if after != before:
            self.changes.before.setdefault(path, before)
            self.changes.edits.append(Edit(path, _digest(before), _digest(after)))

    def changed_data(self, change: DataChange, listing: str | None = None) -> None:
        """Tell what became of data in the workspace, so that it can be undone.

        `listing` is the content of the directory object `change.before` where the cache does not hold it.
        """
        self.changes.data.append(change)
        if listing is not None and change.before is not None:
            self.changes.listings[change.before] = listing

    def moved(self, source: str, target: str) -> None:
        """Tell that data was renamed, so that it can be undone."""
        self.changes.moves.append((source, target))

    def undoes(self, seq: int) -> None:
        """Tell which operation this one undoes."""
        self.changes.undoes = seq

    def commit(self) -> list[Edit]:
        """Carry out the queued edits now; called at the end of the transaction by itself."""
        if not self._queue:
            return []
        lock = f"{self.repo.temp_dir}/pointers.lock"
        with locks.exclusive(lock, timeout=self.repo.lock_timeout, waiting=self.repo.notify):
            done = self._apply_all()
        self.changes.edits += done
        # A removal is not staged, as DVC does.
        changed = [f"{self.repo.root}/{edit.path}" for edit in done if edit.after is not None]
        if changed and self.git and self.repo.settings.flag("core", "autostage"):
            self.git.stage(changed)
        return done

    def _apply_all(self) -> list[Edit]:
        """Carry out the queue; when one edit fails, those before it are taken back."""
        old: dict[RepoPath, bytes | None] = {}
        new: dict[RepoPath, bytes | None] = {}
        try:
            for path, change in self._queue:
                before = _read(f"{self.repo.root}/{path}")
                after = change(before)
                if after != before:
                    old.setdefault(path, before)
                    new[path] = after
                    self._put(path, after)
        except BaseException:
            for path, before in old.items():
                with contextlib.suppress(DiskError, PathError):
                    self._put(path, before)
            raise
        finally:
            self._queue.clear()
        for path, content in old.items():
            self.changes.before.setdefault(path, content)
        return [Edit(path, _digest(old[path]), _digest(after)) for path, after in new.items()]

    def _put(self, path: RepoPath, content: bytes | None) -> None:
        absolute = f"{self.repo.root}/{path}"
        # Git hands out links that others committed; writing through one would change any file of the user.
        touched = absolute if content is not None else os.path.dirname(absolute)
        if not f"{os.path.realpath(touched)}/".startswith(f"{os.path.realpath(self.repo.root)}/"):
            raise PathError(
                f"'{path}' is a link, or behind one, that leads out of the repository; nothing was written to it",
                hint=f"ls -l {absolute}",
            )
        try:
            if content is None:
                atomic.remove(absolute)
            else:
                atomic.write(absolute, content, durable=self.repo.cache.durable)
        except OSError as error:
            raise DiskError(f"cannot write '{path}': {error.strerror}", hint=f"ls -l {absolute}") from error


@contextlib.contextmanager
def begin(repo: Repo, verb: str, *, lock: str = "shared") -> Iterator[Transaction]:
    """Run a block as one operation: `lock` is "shared", "exclusive" or "none".

    What the block reads of the project under the lock is how it stays. When the block raises, queued edits are
    dropped; the operation is recorded as failed or interrupted.
    """
    locks.require_flock(hardlink_lock=repo.settings.flag("core", "hardlink_lock"))
    git = repo.git
    with contextlib.ExitStack() as stack:
        transaction = Transaction(repo, git, verb, stack)
        stack.enter_context(_recorded(repo, git, verb, repo.argv, transaction.changes))
        _make(f"{repo.dvc_dir}/tmp")
        _make(repo.temp_dir)
        if lock != "none":
            take = locks.shared if lock == "shared" else locks.exclusive
            path = f"{repo.dvc_dir}/tmp/lock"
            stack.enter_context(take(path, timeout=repo.lock_timeout, waiting=repo.notify))
        yield transaction
        transaction.commit()


@contextlib.contextmanager
def handed_over(repo: Repo, argv: Sequence[str]) -> Iterator[None]:
    """Record a command that another program carries out, without holding any lock."""
    changes = Changes()
    before = _pointer_digests(repo.root)
    with _recorded(repo, repo.git, argv[0] if argv else "", ("dvc", *argv), changes):
        try:
            yield
        finally:
            after = _pointer_digests(repo.root)
            changes.edits += [
                Edit(RepoPath(path), before.get(path), after.get(path))
                for path in sorted(before.keys() | after.keys())
                if before.get(path) != after.get(path)
            ]


def _pointer_digests(root: str) -> dict[str, str | None]:
    """Return the hash of every file of the project that belongs into Git."""
    _, files = walk.walk_project(root, skip=frozenset())
    return {path: _digest(_read(f"{root}/{path}")) for path in files}


@contextlib.contextmanager
def _recorded(
    repo: Repo, git: Git | None, verb: str, argv: Sequence[str], changes: Changes
) -> Iterator[None]:
    operation = Operation.begin(
        verb,
        tuple(argv) or tuple(sys.argv),
        version=data_versioning.__version__,
        head=git.head() if git else None,
        branch=git.current_branch() if git else None,
        place=place(repo, git),
    )
    outcome, message = Outcome.OK, None
    try:
        yield
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
        raise
    except BaseException as error:
        outcome, message = Outcome.FAILED, str(error) or type(error).__name__
        raise
    finally:
        ended = operation.end(
            outcome,
            error=message,
            pointers=[PointerChange(*edit) for edit in changes.edits],
            kept=_keep(repo, changes),
            undoes=changes.undoes,
        )
        _append(repo, ended, failing=outcome is not Outcome.OK)


def place(repo: Repo, git: Git | None) -> str:
    """Return what tells the project apart from others that use the same log: other work trees and directories."""
    if git is None:
        return ""
    inside = os.path.relpath(repo.root, git.root)
    tree = "" if git.git_dir == git.common_dir else os.path.relpath(git.git_dir, git.common_dir) + ":"
    return tree + ("" if inside == "." else inside)


def _keep(repo: Repo, changes: Changes) -> str | None:
    """Keep what undoing needs; without room for it the command is as good as with it."""
    found = Kept(
        files=changes.before,
        data=tuple(changes.data),
        moves=tuple(changes.moves),
        listings=changes.listings,
    )
    with contextlib.suppress(OSError):
        return kept.keep(f"{repo.durable_dir}/undo", found, durable=repo.cache.durable)
    return None


def _append(repo: Repo, operation: Operation, *, failing: bool) -> None:
    """Append to the operation log; when the command failed already, its own error matters more."""
    try:
        Log(directory=f"{repo.durable_dir}/log", repaired=lambda event: _tell_repaired(repo, event)).append(
            operation.record()
        )
    except (DataVersioningError, OSError):
        if not failing:
            raise


def _tell_repaired(repo: Repo, event: Event) -> None:
    repo.notify(
        f"the operation log ended in an incomplete record, after a crash: repaired as event {event.seq}"
    )


def _read(absolute: str) -> bytes | None:
    try:
        return regular.read(absolute)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(f"cannot read '{absolute}': {error.strerror}", hint=f"ls -l {absolute}") from error


def _digest(content: bytes | None) -> str | None:
    return None if content is None else md5(content).hexdigest()


def _make(directory: str) -> None:
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise DiskError(
            f"cannot create '{directory}': {error.strerror}", hint=f"ls -l {os.path.dirname(directory)}"
        ) from error
