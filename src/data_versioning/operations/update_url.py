"""Bring one import from a URL up to date with its origin."""

from __future__ import annotations

import os
from dataclasses import replace

from data_versioning.errors import Conflict, CorruptObject, FormatError, MissingObject, PathError
from data_versioning.formats import dvcfile
from data_versioning.formats.config import Settings
from data_versioning.formats.dvcfile import Dependency, Output
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import import_url, sharing, url_origin
from data_versioning.operations.checkout import CheckoutOptions
from data_versioning.operations.import_url import Ends, Extent
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.url_origin import Destination
from data_versioning.paths import RepoPath
from data_versioning.pipeline import stage as stages
from data_versioning.pipeline.stage import Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes.origin import Origin
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import checkout, scan


def is_ours(settings: Settings, stage: Stage) -> bool:
    """Whether this is an import from a URL, without versions of a cloud or options of its own, into the cache."""
    if not stage.is_import or not stage.outs[0].cache:
        return False
    dependency = stage.deps[0]
    if dependency.repo or dependency.db or dependency.files or dependency.fs_config:
        return False
    return not dependency.version_id or url_origin.has_versions(settings, dependency.path)


def output_path(stage: Stage) -> RepoPath:
    """Return where an import lies in the workspace."""
    path = stage.located(stage.outs[0].path)
    if not path:
        raise PathError(f"{stage.file}: its output lies outside of the repository")
    return path


def update(
    loaded: Loaded,
    transaction: Transaction,
    stage: Stage,
    *,
    extent: Extent = Extent.WORKSPACE,
    remote: Destination | None = None,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> bool:
    """Record what the origin of the import `stage` holds now, and bring it as far as `extent` says.

    Returns False when nothing had changed. The caller has reserved the output; everything is checked and stored before
    the pointer file is edited. Raises `PathError` when the origin is gone, `Conflict` when the output holds changes
    that are saved nowhere.
    """
    repo = loaded.repo
    written = stage.deps[0].path
    limits = sharing.limits(repo.preferences)
    origin = url_origin.find(repo.settings, written, f"{repo.root}/{stage.wdir}", limits=limits, jobs=jobs)
    ends = Ends(
        origin=origin if isinstance(origin, Origin) else os.path.normpath(origin),
        written=written,
        path=output_path(stage),
    )
    checkout.refuse_links(ends.path, repo.root)
    if isinstance(origin, Origin) and extent is not Extent.REMOTE:
        # Asking costs less than downloading.
        asked = url_origin.declared(loaded, origin, written, progress)
        if _is_recorded(stage, asked) and _is_intact(loaded, ends.path, stage.outs[0]):
            return False
    dependency, output = import_url.content(loaded, ends, extent, remote, progress)
    is_unchanged_origin = _is_recorded(stage, dependency)
    if extent is not Extent.REMOTE:
        if is_unchanged_origin and _is_intact(loaded, ends.path, stage.outs[0]):
            return False
        _refuse_unsaved(loaded, ends.path, stage)
    transaction.edit(stage.file, _renewed(stage.file, dependency, output, extent))
    transaction.commit()
    if extent is Extent.WORKSPACE:
        import_url.bring(loaded, transaction, ends.path, output, CheckoutOptions(force=True), progress)
    elif extent is Extent.HASHED and not (is_unchanged_origin and _is_cached(loaded, stage.outs[0])):
        import_url.clear(loaded, transaction, ends.path)
    return True


def _is_recorded(stage: Stage, found: Dependency) -> bool:
    """Whether an import holds what is recorded; DVC reads some ids in lower case."""
    recorded = stage.deps[0].digest
    return not stage.checksum_changed and same_id(found.digest, recorded)


def same_id(one: str | None, other: str | None) -> bool:
    """Whether two ids of content are the same, as far as pointer files can tell: they may be read in lower case."""
    return (one or "").lower() == (other or "").lower()


def _is_intact(loaded: Loaded, path: RepoPath, output: stages.Output) -> bool:
    """Whether cache and workspace hold what is recorded of an output."""
    if not output.md5 or not _is_cached(loaded, output):
        return False
    found = scan.look(loaded.scanner(legacy=output.is_legacy), path)
    return found is not None and found.oid.value == output.md5


def _is_cached(loaded: Loaded, output: stages.Output) -> bool:
    oid = ObjectId(output.md5 or "", output.is_legacy)
    if not oid.value:
        return False
    cache = loaded.repo.cache
    try:
        values = cache.read_tree(oid)[1] if oid.is_dir else [oid.value]
    except (MissingObject, CorruptObject, FormatError):
        return False
    return not cache.missing(values, legacy=oid.legacy)


def _refuse_unsaved(loaded: Loaded, path: RepoPath, stage: Stage) -> None:
    recorded = stage.outs[0].digest or stage.deps[0].digest
    found = scan.look(loaded.scanner(legacy=stage.outs[0].is_legacy), path)
    if found is None or found.oid.value == recorded:
        return
    if loaded.repo.cache.missing(found.hex_digests()):
        shown = loaded.repo.shown(path)
        raise Conflict(
            f"'{shown}' holds changes that are saved nowhere, and would be overwritten; nothing was changed",
            hint=f"dv commit {shown}   keeps them; dv checkout --force {shown}   gives them up",
        )


def _renewed(file: RepoPath, dependency: Dependency, output: Output, extent: Extent) -> Change:
    """Return the edit of the pointer file, to the very checksum that DVC writes."""

    def edit(before: bytes | None) -> bytes | None:
        if before is None:
            return None
        text = before.decode("utf-8", "surrogateescape")
        old = dvcfile.parse(text, file=file)
        new = replace(
            old,
            deps=(replace(dependency, fs_config=old.deps[0].fs_config),),
            outs=(_with_content(old.outs[0], output),),
        )
        # DVC computes it before it forgets what the output held, and not at all for what is on the remote only.
        if extent is Extent.HASHED:
            new = replace(new, md5=dvcfile.stage_checksum(replace(new, outs=old.outs)))
        elif extent is Extent.WORKSPACE:
            new = replace(new, md5=dvcfile.stage_checksum(new))
        return os.fsencode(dvcfile.update(text, new, file=file))

    return edit


def _with_content(old: Output, new: Output) -> Output:
    return replace(
        old,
        md5=new.md5,
        hash=new.hash,
        size=new.size,
        nfiles=new.nfiles,
        isexec=new.isexec,
        etag=None,
        checksum=None,
        version_id=None,
        cloud=None,
        files=None,
    )
