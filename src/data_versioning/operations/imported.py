"""Data that was imported from another repository: where it comes from, and how it gets into our cache.

Only its origin has it for sure: no remote of ours does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data_versioning.errors import (
    CorruptObject,
    DataVersioningError,
    DiskError,
    MissingObject,
    StorageError,
)
from data_versioning.eventlog import secrets
from data_versioning.formats import dirfile
from data_versioning.localfs import atomic, batch, walk
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import contents as found_contents
from data_versioning.operations import external, get
from data_versioning.operations.contents import Contents, Held
from data_versioning.operations.external import Asking, External
from data_versioning.operations.origin import Origin
from data_versioning.operations.sharing import Fetched, ServedByDvc, TransferOptions, TransferResult
from data_versioning.pipeline.project import Tracked
from data_versioning.pipeline.stage import Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import transfer
from data_versioning.remotes.transfer import Pace, Plan, Problem
from data_versioning.repo import Repo
from data_versioning.storage.base import FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is in the cache now: its object, size in bytes, number of files of a directory; `copied`: new objects."""

    oid: ObjectId
    size: int
    nfiles: int | None = None
    copied: int = 0


def origin(stage: Stage, *, rev: str | None) -> Origin:
    """Return where the data of an import comes from, at the revision `rev` (None: the newest)."""
    recorded = stage.deps[0].repo or {}
    changes = {
        key: recorded[key] for key in ("config", "remote") if isinstance(recorded.get(key), (str, Mapping))
    }
    return Origin(url=str(recorded["url"]), rev=rev, **changes)  # type: ignore[arg-type]


def locked(stage: Stage) -> str | None:
    """Return the commit that was imported; None when nothing was yet."""
    value = (stage.deps[0].repo or {}).get("rev_lock")
    return value if isinstance(value, str) else None


def followed(stage: Stage) -> str | None:
    """Return the branch or tag that the import follows; None for the default branch."""
    value = (stage.deps[0].repo or {}).get("rev")
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The repositories that imports come from: each is asked once in a command, however many imports it has."""

    repo: Repo
    _opened: dict[str, External] = field(default_factory=dict)

    def at(self, stage: Stage, rev: str | None) -> External:
        """Return the origin of an import at a revision (None: the newest commit); raises as `external.open`.

        A relative address counts from the current directory, from that of the pointer file, or from the top.
        """
        where = origin(stage, rev=rev)
        near = (os.path.dirname(f"{self.repo.root}/{stage.file}"), self.repo.root)
        key = repr((where, near if "://" not in where.url else ()))
        if key not in self._opened:
            self._opened[key] = external.open_commit(where, asking=asking(self.repo), near=near)
        return self._opened[key]


def asking(repo: Repo) -> Asking:
    """Return how long to wait for another process that asks the same repository."""
    return Asking(timeout=repo.lock_timeout, waiting=repo.notify)


def find(origins: Origins, stage: Stage, rev: str | None) -> Contents:
    """Return what an import means at a revision of its origin; raises as `external.open` and `contents.find`."""
    return found_contents.find(origins.at(stage, rev), external.clean(stage.deps[0].path))


def outdated(origins: Origins, stage: Stage) -> str | None:
    """Return how DVC shows the origin of an import that has a newer commit; None when it has not."""
    current = locked(stage)
    if current is None or origins.at(stage, followed(stage)).commit == current:
        return None
    dep = stage.deps[0]
    return f"{dep.path} ({(dep.repo or {}).get('url')})"


def bring(contents: Contents, repo: Repo, *, jobs: int | None = None, progress: Progress = SILENT) -> Content:
    """Put all of `contents` into our cache and return what it is there; needs the caller's transaction.

    Raises `MissingObject`, `CorruptObject`, `StorageError`; `ServedByDvc` when only `dvc` reaches the data.
    """
    cache = repo.cache
    values: dict[str, str] = {}
    copied = 0
    progress.start(f"Importing {contents.path}", files=len(contents.held) + len(contents.files))
    try:
        for _, held in found_contents.groups(contents.held):
            copied += _fetch_objects(contents, held, cache, Pace(jobs=jobs, advance=progress.advance))
            values |= _names(held, cache)
        if contents.files:
            values |= _store_files(contents, repo)
            copied += len(contents.files)
    finally:
        progress.finish()
    size = _size(cache, list(values.values()))
    if not contents.is_dir:
        return Content(oid=ObjectId(values[""]), size=size, copied=copied)
    oid = cache.write_tree(dirfile.dump(list(values), list(values.values())))
    cache.seal([oid.value])
    return Content(oid=oid, size=size, nfiles=len(values), copied=copied)


def fetch(repo: Repo, items: Sequence[Tracked], options: TransferOptions, progress: Progress) -> Fetched:
    """Bring imports into the cache inside a transaction of the caller; what failed is in the result.

    Raises `ServedByDvc`.
    """
    origins = Origins(repo=repo)
    done: dict[str, Content] = {}
    problems: list[Problem] = []
    for item in items:
        try:
            content = _fetch(origins, item, options, progress)
        except ServedByDvc:
            raise
        except DataVersioningError as error:
            kind = {MissingObject: FailureKind.MISSING, CorruptObject: FailureKind.CORRUPT}.get(
                type(error), FailureKind.REFUSED
            )
            reason = f"could not be imported: {secrets.mask_text(error.message)}"
            problems.append(Problem(item.path, item.output.md5 or "", kind, reason))
        else:
            done[item.path] = content
    copied = sum(content.copied for content in done.values())
    size = sum(content.size for content in done.values())
    return Fetched(
        result=TransferResult(remotes=(), copied=copied, size=size, problems=tuple(problems)), contents=done
    )


def _fetch(origins: Origins, item: Tracked, options: TransferOptions, progress: Progress) -> Content:
    if item.output.is_legacy:
        raise ServedByDvc(f"'{item.path}' was imported by DVC 2", hint=f"dvc pull {item.path}")
    contents = find(origins, item.stage, locked(item.stage) or followed(item.stage))
    content = bring(contents, origins.repo, jobs=options.jobs, progress=progress)
    if item.output.md5 and content.oid.value != item.output.md5:
        raise MissingObject(f"what is recorded is not what {contents.external.origin.url} holds")
    return content


def _fetch_objects(contents: Contents, held: Sequence[Held], cache: ObjectCache, pace: Pace) -> int:
    """Copy the objects that the cache lacks from wherever the other repository has them; return how many."""
    legacy, tracked = held[0].oid.legacy, held[0].tracked
    names = {one.oid.value: contents.place(one.name) for one in held}
    values = list(names)
    left = [values[at] for at in cache.missing(values, legacy=legacy)]
    count, problems = len(left), list[Problem]()
    for store in external.stores(contents.external, contents.part, tracked.output.remote) if left else ():
        plan = Plan(legacy=legacy, files=left, trees=[], names=names)
        problems = transfer.fetch(plan, cache, store, pace=pace).problems
        refused = next((problem for problem in problems if problem.kind is FailureKind.REFUSED), None)
        if refused:
            raise StorageError(f"'{refused.name}' {refused.reason}", hint="run the command again")
        left = [problem.value for problem in problems]
        if not left:
            return count
    if left and any(problem.kind is FailureKind.CORRUPT for problem in problems):
        raise found_contents.damaged(problems[0].name)
    if left:
        raise found_contents.lost(contents.part, tracked)
    return count


def _names(held: Sequence[Held], cache: ObjectCache) -> dict[str, str]:
    """Return the digest of each file; objects of DVC 2.x get the names of today, too."""
    values = [one.oid.value for one in held]
    if held[0].oid.legacy:
        stored = cache.adopt(list(dict.fromkeys(values)))
        values = [stored[value] for value in values]
    return {one.name: value for one, value in zip(held, values, strict=True)}


def _store_files(contents: Contents, repo: Repo) -> dict[str, str]:
    """Put files that are in Git there into our cache; return their digests."""
    atomic.make_directory(repo.temp_dir)
    scratch = atomic.temporary_name(repo.temp_dir)
    os.mkdir(scratch, 0o700)
    try:
        for at, (_, content) in enumerate(get.committed_files(contents)):
            with open(f"{scratch}/{at}", "wb") as file:
                file.write(content)
        names = "".join(f"{at}\0" for at in range(len(contents.files))).encode()
        cache = repo.cache
        done = batch.store_files(
            scratch, names, cache.root(), method="copy", directory_mode=cache.directory_mode
        )
        for index, code in done.errors.items():
            raise DiskError(f"cannot store '{contents.files[index]}': {os.strerror(code)}", hint="df -h")
        values = oids.hex_digests(done.digests)
        cache.seal([value for value, new in zip(values, done.written, strict=True) if new])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return dict(zip(contents.files, values, strict=True))


def _size(cache: ObjectCache, values: list[str]) -> int:
    stats = batch.stat_files(cache.root(), oids.names(values))
    return sum(memoryview(stats).cast("q")[walk.SIZE_WORD :: walk.RECORD.size // 8])
