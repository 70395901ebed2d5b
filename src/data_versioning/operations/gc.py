"""Remove objects that no chosen revision and no workspace needs, from the cache and, if asked, a remote."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from data_versioning import repo as repos
from data_versioning.errors import MissingObject, StorageError, UsageError
from data_versioning.localfs import locks
from data_versioning.localfs.walk import Listing
from data_versioning.objects import gc as objects
from data_versioning.objects.gc import Sweep
from data_versioning.operations import reachable, sharing
from data_versioning.operations.reachable import Place, Selection
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import existence, layout
from data_versioning.remotes import gc as cleaning
from data_versioning.remotes import remote as remotes
from data_versioning.remotes.aside import Removal
from data_versioning.remotes.remote import Remote
from data_versioning.repo import Repo
from data_versioning.storage.base import ReadableStore, Store
from data_versioning.storage.local import LocalStore

# The options of DVC that say what to keep; its exit code for their misuse is 255.
_DVC_FAILURE = 255
_SHOWN = 5

# What is to be removed from a remote, and what removes it.
Cleaning = tuple[Sweep, Callable[[Sweep], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to keep and where to remove; the workspace is always kept."""

    workspace: bool = False
    selection: Selection = field(default_factory=Selection)
    # Other repositories that use the same cache.
    projects: tuple[str, ...] = ()
    # Remove used objects too when the remote has them.
    not_in_remote: bool = False
    # Remove from the remote as well.
    cloud: bool = False
    remote: str | None = None
    # Move objects on the remote aside instead of deleting them.
    quarantine: bool = False
    # Go on although a directory listing is lost: files that only it names may be removed.
    skip_failed: bool = False
    # Seconds; None: a day where other repositories may be adding objects, else nothing.
    grace: float | None = None
    jobs: int | None = None

    @property
    def removal(self) -> Removal:
        """What becomes of objects on the remote."""
        return Removal.QUARANTINE if self.quarantine else Removal.DELETE

    def check(self) -> None:
        """Raise `UsageError` for combinations that DVC refuses."""
        problem = None
        if self.not_in_remote and self.cloud:
            problem = "`--not-in-remote` and `--cloud` are mutually exclusive"
        elif not self.workspace and self.selection.is_empty:
            problem = (
                "either of `-w|--workspace`, `-a|--all-branches`, `-T|--all-tags`, `--all-experiments`, "
                "`-A|--all-commits`, `--date` or `--rev` needs to be set"
            )
        elif self.selection.num != 1 and not (self.selection.rev or self.selection.all_branches):
            problem = "`--num` can only be used alongside `--rev` or `--all-branches`"
        elif self.remote and not (self.cloud or self.not_in_remote):
            problem = "`--remote` requires `--cloud` or `--not-in-remote`"
        elif self.quarantine and not self.cloud:
            problem = "`--quarantine` requires `--cloud`"
        if problem:
            error = UsageError(problem, hint="dv gc --help")
            error.exit_code = _DVC_FAILURE
            raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class GcResult:
    """What was removed, or with `dry` would be: one sweep a root."""

    cache: tuple[Sweep, ...]
    remote: tuple[Sweep, ...] = ()
    # Other repositories may use this cache, and none was named; the same of the remote.
    is_foreign: bool
    is_remote_foreign: bool = False
    # Its name, and whether the objects there are moved aside, not deleted.
    remote_name: str | None = None
    quarantine: bool = False
    # Directory listings that are lost, so that what they name may have been removed.
    lost: tuple[str, ...] = ()
    dry: bool

    @property
    def count(self) -> int:
        """Objects, in cache and remote."""
        return sum(sweep.count for sweep in (*self.cache, *self.remote))

    @property
    def is_something(self) -> bool:
        """Whether anything is to be removed: objects, or unfinished writes."""
        return any(sweep.count or len(sweep.leftovers) for sweep in (*self.cache, *self.remote))

    @property
    def size(self) -> int:
        """Bytes, in cache and remote."""
        return sum(sweep.size for sweep in (*self.cache, *self.remote))


def gc(repo: Repo, scope: Scope, *, dry: bool = False, progress: Progress = SILENT) -> GcResult:
    """Remove what nothing in `scope` needs; `dry` only tells.

    Everything of the kept workspaces is locked meanwhile. Raises `MissingObject`, and removes nothing, when a
    directory listing that is needed is lost, unless `scope.skip_failed`.
    """
    scope.check()
    remote = _remote(repo, scope) if scope.cloud or scope.not_in_remote else None
    projects = [repo, *(repos.open(path) for path in scope.projects)]
    groups = [_places(project) for project in projects]
    own = [place.root for group in groups for place in group]
    with contextlib.nullcontext() if dry else _locked(repo, own):
        progress.start("looking for used objects")
        used, lost = _used(groups, scope, [project.cache.base for project in projects], repo)
        is_shared = repo.cache.may_be_shared(own)
        grace = scope.grace if scope.grace is not None else objects.GRACE if is_shared else 0.0
        base = repo.cache.base
        keep_in = remote.store if remote and scope.not_in_remote else None
        cache = tuple(_plan(base, used, grace=grace, keep_in=keep_in))
        beyond: list[Cleaning] = []
        if scope.cloud and remote:
            beyond = _plan_remote(repo, remote, used, scope)
        if not dry:
            progress.start("removing unused objects")
            for sweep in cache:
                objects.apply(sweep, threads=scope.jobs)
            for sweep, clean in beyond:
                clean(sweep)
    progress.finish()
    return GcResult(
        cache=cache,
        remote=tuple(sweep for sweep, _ in beyond),
        remote_name=remote.name if remote and scope.cloud else None,
        quarantine=scope.quarantine,
        is_foreign=is_shared and not scope.projects,
        is_remote_foreign=scope.cloud and not scope.projects,
        lost=tuple(sorted(lost)),
        dry=dry,
    )


def is_handed_over(repo: Repo, scope: Scope) -> bool:
    """Whether the remote in `scope` is one that only the program `dvc` can clean."""
    return (scope.cloud or scope.not_in_remote) and not remotes.is_ours(repo.settings, scope.remote)


def _remote(repo: Repo, scope: Scope) -> Remote:
    found = sharing.open_remote(repo, scope.remote)
    if scope.cloud and not isinstance(found.store, Store):
        raise StorageError(
            f"what is on the remote {found.name!r} cannot be listed or deleted", hint="dv gc, without -c"
        )
    return found


def _places(project: Repo) -> list[Place]:
    return reachable.places(project.root, no_scm=project.settings.flag("core", "no_scm"))


@contextlib.contextmanager
def _locked(repo: Repo, roots: Sequence[str]) -> Iterator[None]:
    """Hold the lock of every workspace alone, in one order for all processes."""
    with contextlib.ExitStack() as stack:
        for root in sorted({*roots, repo.root}):
            if root == repo.root:
                stack.enter_context(repo.transaction("gc", lock="exclusive"))
            else:
                path = f"{root}/.dvc/tmp/lock"
                stack.enter_context(locks.exclusive(path, timeout=repo.lock_timeout, waiting=repo.notify))
        yield


def _used(
    groups: Sequence[Sequence[Place]], scope: Scope, bases: Sequence[str], repo: Repo
) -> tuple[set[bytes], set[str]]:
    """Return all ids in use, and the lost listings that were accepted."""
    ids: set[bytes] = set()
    workspaces = [(place, place.project()) for group in groups for place in group]
    for _, project in workspaces:
        ids |= reachable.in_workspace(project)
    chosen = [reachable.revisions(group[0], scope.selection) for group in groups]
    for group, commits in zip(groups, chosen, strict=True):
        if commits and (git := group[0].git):
            ids |= reachable.in_history(git, commits)
    files, lost = reachable.expand(ids, bases)
    ids |= files
    if not lost:
        return ids, set()
    needed: dict[bytes, str] = {}
    for place, project in workspaces:
        needed |= reachable.needed(project, lost, f" in {place.root}")
    for group, commits in zip(groups, chosen, strict=True):
        needed |= reachable.needed_in_history(group[0], commits, lost - needed.keys())
    for oid, members in _found_on_remote(repo, scope, list(needed)).items():
        ids.update(members)
        del needed[oid]
    if needed and not scope.skip_failed:
        raise _unknown_files(needed)
    return ids, {oid.decode() for oid in needed}


def _found_on_remote(repo: Repo, scope: Scope, lost: list[bytes]) -> dict[bytes, list[bytes]]:
    name = scope.remote or repo.settings.get("core", "remote")
    if not lost or not name or not remotes.is_ours(repo.settings, name):
        return {}
    store = sharing.open_remote(repo, name).store
    values = [oid.decode() for oid in lost]
    found = reachable.fetch(lost, store, layout.keys(values))
    return found | reachable.fetch(lost, store, layout.keys(values, legacy=True))


def _unknown_files(needed: dict[bytes, str]) -> MissingObject:
    shown = [f"{oid.decode()} of {text}" for oid, text in sorted(needed.items())[:_SHOWN]]
    more = f" and {len(needed) - _SHOWN} more" if len(needed) > _SHOWN else ""
    return MissingObject(
        f"{len(needed)} directory listings are missing from the cache or damaged: {', '.join(shown)}{more}; "
        "which objects they need is unknown, so nothing was removed",
        hint="dv fetch (with the same -a, -T or -A), or give up what only these name: --skip-failed",
    )


def _plan(
    base: str, used: set[bytes], *, grace: float, keep_in: ReadableStore | None = None
) -> Iterator[Sweep]:
    """Plan for objects of DVC 3 and of DVC 2, which lies at the base itself.

    With `keep_in`, used objects go too if that store has them.
    """
    now = time.time()
    for root, listing, legacy in objects.roots(base):
        kept = used
        if keep_in:
            here = [oid.decode() for oid in _ids(listing) if oid in used]
            kept = {here[index].encode() for index in existence.absent(keep_in, here, legacy=legacy)}
        yield objects.plan(root, listing, kept, now=now, grace=grace)


def _plan_remote(repo: Repo, remote: Remote, used: set[bytes], scope: Scope) -> list[Cleaning]:
    """Plan for the objects of a remote; those that came within the grace period, by its own clock, are kept."""
    grace = objects.GRACE if scope.grace is None else scope.grace
    store = remote.store
    if not isinstance(store, Store):
        return []
    clean = functools.partial(cleaning.apply, store, removal=scope.removal, scratch=repo.temp_dir)
    if isinstance(store, LocalStore):
        sweeps = list(_plan(store.root, used, grace=grace))
        prefixes = [os.path.relpath(sweep.root, store.root) for sweep in sweeps]
        return [
            (sweep, functools.partial(clean, prefix="" if prefix == "." else f"{prefix}/"))
            for sweep, prefix in zip(sweeps, prefixes, strict=True)
        ]
    now = time.time()
    return [
        (
            objects.plan(f"{remote.name}:{prefix.rstrip('/')}", listing, used, now=now, grace=grace),
            functools.partial(clean, prefix=prefix),
        )
        for prefix, listing, _ in cleaning.roots(store)
    ]


def _ids(listing: Listing) -> list[bytes]:
    return listing.names.replace(b"/", b"").split(b"\0")[:-1]
