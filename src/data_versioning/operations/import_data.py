"""Copy data of another repository into this one and track it together with where it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from data_versioning.errors import Conflict, Overlap, PathError
from data_versioning.formats import dvcfile
from data_versioning.formats.dvcfile import Dependency, DvcFile, Output
from data_versioning.operations import checkout, external, get, imported, pointers, sharing, targets
from data_versioning.operations import contents as found_contents
from data_versioning.operations import loaded as loading
from data_versioning.operations.checkout import CheckoutOptions
from data_versioning.operations.contents import Contents
from data_versioning.operations.imported import Content
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.origin import Origin
from data_versioning.operations.pointers import Annotations
from data_versioning.paths import RepoPath
from data_versioning.pipeline import declared
from data_versioning.pipeline.project import Selection, Tracked
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """`find`: look the data up and record its revision; `download`: bring it; both as DVC's --no-… undo them."""

    out: str | None = None
    force: bool = False
    find: bool = True
    download: bool = True
    jobs: int | None = None
    notes: Annotations = field(default_factory=Annotations)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What is tracked now; `oid` and `size` are None when nothing was downloaded."""

    path: RepoPath
    pointer: RepoPath
    commit: str | None
    oid: str | None
    size: int | None
    nfiles: int | None
    edited: tuple[RepoPath, ...]


def import_data(
    repo: Repo,
    origin: Origin,
    path: str,
    *,
    options: ImportOptions = ImportOptions(),
    progress: Progress = SILENT,
) -> ImportResult:
    """Bring `path` of another repository here and track it as an import, frozen at the newest commit of `origin.rev`.

    Raises `Conflict` when something is there already, unless `force`; as `contents.find`; `ServedByDvc` when only
    `dvc` reaches the data. Nothing is recorded then.
    """
    sharing.check_jobs(options.jobs)
    plain = external.clean(path)
    found_contents.refuse_pointer(plain)
    where = targets.inside(repo, get.destination(path, options.out, force=options.force))
    pointer = RepoPath(f"{where}.dvc")
    _refuse(repo, where, pointer)
    contents = _find(repo, origin, plain) if options.find else None
    with repo.transaction("import") as transaction:
        transaction.reserve(writes=[where])
        loaded = loading.load(repo)
        _refuse_overlap(repo, loaded, where, pointer)
        content = None
        if contents is not None and options.download:
            content = imported.bring(contents, repo, jobs=options.jobs, progress=progress)
        recorded = _recorded(origin, path, contents, content, os.path.basename(where), options.notes)
        if content is not None:
            bring_in(
                loaded, transaction, [selection(recorded, pointer)], force=options.force, progress=progress
            )
        transaction.write(pointer, os.fsencode(dvcfile.dump(recorded)))
        pointers.ignore(transaction, [where])
        edited = tuple(edit.path for edit in transaction.commit())
        loaded.stats.remember_outputs([where])
        loaded.stats.save()
    commit = contents.external.commit if contents else None
    return _result(where, pointer, commit, content, edited)


def _result(
    where: RepoPath,
    pointer: RepoPath,
    commit: str | None,
    content: Content | None,
    edited: tuple[RepoPath, ...],
) -> ImportResult:
    return ImportResult(
        path=where,
        pointer=pointer,
        commit=commit,
        oid=content.oid.value if content else None,
        size=content.size if content else None,
        nfiles=content.nfiles if content else None,
        edited=edited,
    )


def selection(recorded: DvcFile, pointer: RepoPath) -> Selection:
    """Return the output of an import as its pointer file is about to record it."""
    stage = declared.from_dvcfile(recorded, file=pointer)
    output = stage.outs[0]
    return Selection(Tracked(stage.located(output.path) or RepoPath(""), output, stage))


def bring_in(
    loaded: Loaded,
    transaction: Transaction,
    wanted: Sequence[Selection],
    *,
    force: bool,
    progress: Progress,
) -> None:
    """Make the workspace hold what pointer files are about to record, from the cache.

    Raises `Conflict`, with nothing touched, when that would overwrite what is saved nowhere, unless `force`.
    """
    result = checkout.run(
        loaded, transaction, wanted, CheckoutOptions(force=force), progress, everything=False
    )
    if result.failed:
        reason = result.problems[0] if result.problems else "the cache lost an object"
        raise Conflict(f"cannot bring in '{result.failed[0]}': {reason}", hint="run the command again")


def _find(repo: Repo, origin: Origin, path: str) -> Contents:
    opened = external.open_commit(origin, asking=imported.asking(repo))
    return found_contents.find(opened, path)


def _recorded(
    origin: Origin,
    path: str,
    contents: Contents | None,
    content: Content | None,
    name: str,
    notes: Annotations,
) -> DvcFile:
    repo: dict[str, object] = {"url": origin.url}
    for key in ("rev", "config", "remote"):
        value = getattr(origin, key)
        if value:
            repo[key] = dict(value) if isinstance(value, Mapping) else value
    if contents is not None:
        repo["rev_lock"] = contents.external.commit
    output = pointers.annotated(with_content(Output(path=name), content), notes)
    recorded = DvcFile(frozen=True, deps=(Dependency(path=path, repo=repo),), outs=(output,))
    return recorded if contents is None else replace(recorded, md5=dvcfile.stage_checksum(recorded))


def with_content(output: Output, content: Content | None) -> Output:
    """Return `output` with what was brought recorded; with None, nothing is."""
    return replace(
        output,
        md5=content.oid.value if content else None,
        size=content.size if content else None,
        nfiles=content.nfiles if content else None,
        hash="md5",
        isexec=False,
    )


def _refuse(repo: Repo, where: RepoPath, pointer: RepoPath) -> None:
    """Raise `PathError` for a place that Git tracks, or whose pointer file it would not."""
    git = repo.git
    if git is None:
        return
    if git.tracked([f"{repo.root}/{where}"]):
        raise PathError(
            f"'{repo.shown(where)}' is already tracked by Git",
            hint=f"git rm -r --cached '{repo.shown(where)}'",
        )
    if git.is_ignored([f"{repo.root}/{pointer}"]):
        raise PathError(
            f"'{repo.shown(pointer)}' would be ignored by Git, and so lost", hint="-o PATH puts it elsewhere"
        )


def _refuse_overlap(repo: Repo, loaded: Loaded, where: RepoPath, pointer: RepoPath) -> None:
    other = loaded.project.conflict(where, file=pointer)
    if other is not None:
        raise Overlap(
            f"cannot import to '{repo.shown(where)}': '{other.path}' is tracked by {other.stage.place}",
            hint="-o PATH puts it elsewhere",
        )
