"""Track data that comes from a URL: copy it, and record where it came from and what was there.

The content is in the cache before a pointer file names it, and the workspace comes last: whatever interrupts an
import, nothing half is recorded, and `dv checkout` brings what is recorded.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from enum import StrEnum

from data_versioning import storage
from data_versioning.errors import DiskError, Overlap, PathError
from data_versioning.formats import dvcfile
from data_versioning.formats.dvcfile import Dependency, DvcFile, Output
from data_versioning.operations import (
    checkout,
    places,
    pointers,
    remove,
    restore,
    sharing,
    url_origin,
)
from data_versioning.operations import loaded as loading
from data_versioning.operations.checkout import CheckoutOptions
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.pointers import Annotations
from data_versioning.operations.url_origin import Destination, Place
from data_versioning.paths import RepoPath, is_inside
from data_versioning.pipeline import stage as stages
from data_versioning.pipeline.project import Selection, Tracked
from data_versioning.pipeline.stage import Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes.origin import Origin
from data_versioning.repo import Repo
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import scan


class Extent(StrEnum):
    """How far an import goes."""

    DECLARED = "declared"  # the origin is named, and not looked at
    HASHED = "hashed"  # what it holds is recorded, and not copied
    REMOTE = "remote"  # its content is on the remote
    WORKSPACE = "workspace"  # its content is in cache and workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """`force`: overwrite what lies at the destination; `remote`: for `Extent.REMOTE`, None is the default one.

    `jobs`: transfers at once through a network; None: the settings of the remote say it, else the store.
    """

    extent: Extent = Extent.WORKSPACE
    force: bool = False
    remote: str | None = None
    jobs: int | None = None
    notes: Annotations = field(default_factory=Annotations)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """`oid` is None when no content was recorded; `edited` are pointer and ignore files to commit to Git."""

    origin: str
    path: RepoPath
    pointer: RepoPath
    oid: str | None
    size: int | None
    nfiles: int | None
    edited: tuple[RepoPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """An import's two ends: `origin`, recorded as `written`, and the output `path`."""

    origin: Place
    written: str
    path: RepoPath


def import_url(
    repo: Repo,
    url: str,
    out: str | None = None,
    *,
    options: ImportOptions = ImportOptions(),
    progress: Progress = SILENT,
) -> ImportResult:
    """Track what `url` names as `out`, a path or a directory to put it into; by default under its own name here.

    Raises `Conflict`, `PathError`, `Overlap` or `FileChanged` with nothing recorded; `ServedByDvc` before anything is
    done.
    """
    origin, remote = _both(repo, url, options)
    target = url_origin.destination(url, out)
    with repo.transaction("import-url") as transaction:
        ends = _ends(loading.load(repo), origin, url, target, force=options.force)
        transaction.reserve(writes=[ends.path])
        # Whoever we waited for may have changed what is recorded.
        loaded = loading.load(repo)
        ends = _ends(loaded, origin, url, target, force=options.force)
        pointer = RepoPath(f"{ends.path}.dvc")
        try:
            dependency, output = content(loaded, ends, options.extent, remote, progress)
            transaction.edit(pointer, _declared(pointer, dependency, output, options.notes))
            pointers.ignore(transaction, [ends.path])
            edited = tuple(edit.path for edit in transaction.commit())
            if options.force and options.extent in {Extent.HASHED, Extent.WORKSPACE}:
                clear(loaded, transaction, ends.path)
            if options.extent is Extent.WORKSPACE:
                bring(loaded, transaction, ends.path, output, CheckoutOptions(force=options.force), progress)
        finally:
            progress.finish()
            loaded.stats.save()
    return ImportResult(
        origin=ends.written,
        path=ends.path,
        pointer=pointer,
        oid=output.md5,
        size=output.size,
        nfiles=output.nfiles,
        edited=edited,
    )


def _both(repo: Repo, url: str, options: ImportOptions) -> tuple[Place, Destination | None]:
    """Return where data comes from, and the remote that it goes to, if it does."""
    sharing.check_jobs(options.jobs)
    if options.extent is not Extent.DECLARED:
        url_origin.refuse_unrecorded(repo.settings, url)
    limits = sharing.limits(repo.preferences)
    origin = url_origin.find(repo.settings, url, os.getcwd(), limits=limits, jobs=options.jobs)
    if options.extent is not Extent.REMOTE:
        return origin, None
    return origin, url_origin.destination_of(repo, options.remote, jobs=options.jobs)


def content(
    loaded: Loaded, ends: Ends, extent: Extent, remote: Destination | None, progress: Progress
) -> tuple[Dependency, Output]:
    """Read the origin as far as `extent` says, storing what it holds; return what is to be recorded."""
    output = Output(path=os.path.basename(ends.path))
    if extent is Extent.DECLARED:
        return Dependency(path=ends.written), output
    if extent is Extent.HASHED:
        return url_origin.declared(loaded, ends.origin, ends.written, progress), output
    if remote is not None:
        arrived = url_origin.send(loaded, ends.origin, ends.written, remote, progress)
    else:
        arrived = url_origin.put(loaded, ends.origin, ends.written, ends.path, loaded.repo.cache, progress)
    # What arrives is not executable, whatever the origin is.
    return (
        arrived.dependency,
        pointers.recorded(output, arrived.stored._replace(is_executable=False)),
    )


def clear(loaded: Loaded, transaction: Transaction, path: RepoPath) -> None:
    """Delete what lies in the place of an output; what is never tracked, repositories inside, stays."""
    repo = loaded.repo
    # What cannot be tracked cannot be brought back.
    with contextlib.suppress(PathError):
        restore.tell(transaction, loaded, path, scan.look(loaded.scanner(), path), None)
    try:
        remove.delete(f"{repo.root}/{path}")
    except OSError as error:
        raise DiskError(
            f"'{repo.shown(path)}' is recorded, but '{error.filename}' cannot be deleted: {error.strerror}",
            hint=f"ls -ld '{error.filename}'",
        ) from error


def bring(
    loaded: Loaded,
    transaction: Transaction,
    path: RepoPath,
    output: Output,
    options: CheckoutOptions,
    progress: Progress,
) -> None:
    """Make the workspace hold what is recorded of an output; raises as a checkout with these options."""
    recorded = stages.Output(path=output.path, md5=output.md5, hash=output.hash)
    stage = Stage(name="", file=RepoPath(f"{path}.dvc"), wdir=RepoPath(os.path.dirname(path)))
    done = checkout.run(
        loaded,
        transaction,
        [Selection(Tracked(path, recorded, stage))],
        options,
        progress,
        everything=False,
    )
    if done.failed:
        raise DiskError(
            f"'{path}' is recorded, but could not be brought into the workspace: {'; '.join(done.problems)}",
            hint=f"dv checkout {loaded.repo.shown(path)}",
        )


def _ends(loaded: Loaded, origin: Place, url: str, target: str, *, force: bool) -> Ends:
    repo = loaded.repo
    path = places.free(loaded, target, force=force)
    if isinstance(origin, Origin):
        return Ends(origin=origin, written=url, path=path)
    origin = os.path.normpath(origin)
    absolute = f"{repo.root}/{path}"
    if is_inside(origin, absolute) or is_inside(absolute, origin):
        raise Overlap(
            f"'{url}' cannot be copied to '{target}': one lies inside the other", hint="choose another place"
        )
    written = _written(url, origin, root=repo.root, wdir=os.path.dirname(absolute))
    try:
        written.encode()
    except UnicodeEncodeError:
        raise PathError(
            f"the name {written!r} is not UTF-8, so a pointer file cannot hold it", hint="rename it"
        ) from None
    return Ends(origin=origin, written=written, path=path)


def _written(url: str, origin: str, *, root: str, wdir: str) -> str:
    """Return the origin as DVC writes it: a path inside the repository, or relative to here, counts from `wdir`."""
    scheme = storage.scheme(url)
    if scheme == "remote":
        return url
    if is_inside(origin, root):
        return os.path.relpath(origin, wdir)
    if scheme:
        return origin
    # As it was typed, unless that means another place from where the pointer file lies.
    return url if os.path.normpath(os.path.join(wdir, url)) == origin else os.path.relpath(origin, wdir)


def _declared(pointer: RepoPath, dependency: Dependency, output: Output, notes: Annotations) -> Change:
    """Return the edit that makes `pointer` an import; what its user wrote into an older one is kept, as DVC does."""

    def edit(before: bytes | None) -> bytes:
        if before is None:
            return os.fsencode(dvcfile.dump(_import(dependency, pointers.annotated(output, notes))))
        text = before.decode("utf-8", "surrogateescape")
        old = dvcfile.parse(text, file=pointer)
        kept = next((_kept(output, one) for one in old.outs if one.path == output.path), output)
        new = replace(_import(dependency, pointers.annotated(kept, notes)), desc=old.desc, meta=old.meta)
        return os.fsencode(dvcfile.update(text, new, file=pointer))

    return edit


def _import(dependency: Dependency, output: Output) -> DvcFile:
    made = DvcFile(frozen=True, deps=(dependency,), outs=(output,))
    return replace(made, md5=dvcfile.stage_checksum(made)) if dependency.digest else made


def _kept(output: Output, old: Output) -> Output:
    return replace(
        output,
        desc=old.desc,
        type=old.type,
        labels=old.labels,
        meta=old.meta,
        remote=old.remote,
        push=old.push,
    )
