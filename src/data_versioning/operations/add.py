"""Track files or directories: store their content, write pointer files, keep `.gitignore` up to date."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from data_versioning.errors import Conflict, DiskError, Overlap, PathError, UsageError
from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import linking, partial, places, pointers, targets, wildcards
from data_versioning.operations import loaded as loading
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.pointers import AddedOutput, Annotations
from data_versioning.paths import RepoPath, parents
from data_versioning.pipeline.project import Tracked
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Transaction
from data_versioning.workspace import leftovers, scan, store
from data_versioning.workspace.scan import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """`store`: put content into the cache; `relink`: turn workspace files into links as `cache.type` says."""

    glob: bool = False
    recursive: bool = False
    store: bool = True
    relink: bool = True
    notes: Annotations = field(default_factory=Annotations)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddResult:
    """All outputs, in the order of the targets; `edited` are pointer and ignore files to commit to Git."""

    outputs: tuple[AddedOutput, ...]
    edited: tuple[RepoPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    path: RepoPath
    pointer: RepoPath
    known: Tracked | None

    @property
    def place(self) -> RepoPath:
        """What is tracked: the path itself, or the directory that it is a part of."""
        return self.known.path if self.known else self.path


def add(
    repo: Repo,
    paths: Sequence[str],
    *,
    options: AddOptions = AddOptions(),
    progress: Progress = SILENT,
) -> AddResult:
    """Track every path (relative to the current directory); all are checked before anything is stored.

    Raises `PathError`, `Overlap`, `FileChanged`, `DiskError`; then no pointer file was touched.
    """
    named = wildcards.expand(paths, glob=options.glob)
    if not named:
        raise UsageError("nothing to add", hint="dv add PATH")
    with repo.transaction("add") as transaction:
        loaded = loading.load(repo)
        if options.recursive:
            named = _files_below(repo, loaded, named)
        wanted = [_target(repo, loaded, name).place for name in named]
        transaction.reserve(writes=list(dict.fromkeys(wanted)))
        # Whoever we waited for may have changed what is recorded.
        loaded = loading.load(repo)
        chosen = [_target(repo, loaded, name) for name in named]
        _refuse_overlaps(repo, chosen)
        places.refuse_tracked_by_git(repo, [target.path for target in chosen])
        kind = loading.link_kind(repo)
        tracked = list(dict.fromkeys(target.place for target in chosen))
        try:
            progress.start("Adding")
            outputs = _add_all(loaded, transaction, chosen, options, kind, progress)
            pointers.ignore(transaction, tracked)
            edited = tuple(edit.path for edit in transaction.commit())
            loaded.stats.remember_outputs(tracked)
        finally:
            progress.finish()
            loaded.stats.save()
    return AddResult(
        outputs=tuple(replace(one, changed=one.pointer in edited) for one in outputs),
        edited=edited,
    )


def add_copy(
    repo: Repo,
    source: str,
    out: str,
    *,
    force: bool = False,
    options: AddOptions = AddOptions(),
    progress: Progress = SILENT,
) -> AddResult:
    """Copy `source`, from anywhere on this machine, to `out` in the repository and track it there.

    `out` may be a directory to put it into. Raises `Conflict` when something is there already, unless `force`.
    """
    name = os.path.basename(os.path.abspath(source))
    place = os.path.join(out, name) if out.endswith("/") or os.path.isdir(out) else out
    path = targets.inside(repo, place)
    if not os.path.exists(source):
        raise PathError(f"'{source}' does not exist", hint="check the path")
    if os.path.lexists(f"{repo.root}/{path}") and not force:
        raise Conflict(f"'{place}' exists already", hint=f"dv add --force -o {out} {source}   overwrites it")
    _copy(source, f"{repo.root}/{path}")
    return add(repo, [place], options=options, progress=progress)


def _copy(source: str, target: str) -> None:
    if os.path.isdir(source):
        listing = walk.walk(source)
        done = batch.copy_files(source, listing.names, target, listing.names, mode=None, replace=True)
        names = listing.paths()
    else:
        (root, name), (parent, new) = os.path.split(os.path.abspath(source)), os.path.split(target)
        names = [name]
        done = batch.copy_files(
            root, os.fsencode(name) + b"\0", parent, os.fsencode(new) + b"\0", mode=None, replace=True
        )
    for index, code in done.errors.items():
        raise DiskError(f"cannot copy '{names[index]}' to '{target}': {os.strerror(code)}")


def _target(repo: Repo, loaded: Loaded, name: str) -> _Target:
    path = targets.inside(repo, name)
    if not os.path.lexists(f"{repo.root}/{path}"):
        known = loaded.project.tracked(path)
        if known is None or known.path == path:
            raise PathError(f"'{name}' does not exist", hint="check the path, and where you are: pwd")
    places.refuse_untrackable(loaded, path, name, is_directory=os.path.isdir(f"{repo.root}/{path}"))
    known = loaded.project.tracked(path)
    if known is not None:
        _refuse_stage_output(known, name)
        return _Target(path=path, pointer=known.stage.file, known=known)
    places.refuse_overlap(loaded, path, name)
    return _Target(path=path, pointer=RepoPath(f"{path}.dvc"), known=None)


def _refuse_stage_output(known: Tracked, name: str) -> None:
    if known.stage.name:
        raise Overlap(
            f"cannot add '{name}': it is an output of the stage {known.stage.address}",
            hint=f"dv commit {known.stage.address}   records it, or run the pipeline: dv repro",
        )


def _refuse_overlaps(repo: Repo, chosen: Sequence[_Target]) -> None:
    """Raise `Overlap` when a path that is not tracked yet lies inside another one of the same command."""
    new = {target.path for target in chosen if target.known is None}
    for target in chosen:
        outer = next((parent for parent in parents(target.path) if parent in new), None)
        if outer is not None:
            raise Overlap(
                f"'{repo.shown(target.path)}' lies inside '{repo.shown(outer)}', which is about to be tracked, too",
                hint=f"dv add {repo.shown(outer)}",
            )


def _files_below(repo: Repo, loaded: Loaded, names: Sequence[str]) -> list[str]:
    """Return every untracked file at or below `names`: each gets a pointer file of its own."""
    found: list[str] = []
    for name in names:
        path = targets.inside(repo, name)
        if not os.path.isdir(f"{repo.root}/{path}"):
            found.append(name)
            continue
        for inner in scan.list_files(loaded.scanner(), path).paths():
            file = os.path.basename(inner)
            if not file.endswith(".dvc") and file not in {"dvc.yaml", "dvc.lock", ".gitignore", ".dvcignore"}:
                found.append(os.path.join(name, inner))
    return found


def _add_all(
    loaded: Loaded,
    transaction: Transaction,
    chosen: Sequence[_Target],
    options: AddOptions,
    kind: LinkType,
    progress: Progress,
) -> list[AddedOutput]:
    """Add every target; parts of one directory together, and not beside the whole."""
    groups: dict[RepoPath, list[_Target]] = {}
    for target in chosen:
        groups.setdefault(target.place, []).append(target)
    leftovers.sweep(loaded.repo.root, groups, now=time.time())
    put = functools.partial(_stored, loaded, options=options, kind=kind, progress=progress)
    done = {}
    for place, members in groups.items():
        whole = next((target for target in members if target.path == place), None)
        known = members[0].known
        if whole is None and known is not None:
            parts = list(dict.fromkeys(target.path for target in members))
            done[place] = partial.add(loaded, transaction, known, parts, options.notes, put)
        elif whole is not None:
            snapshot = _unchanged_legacy(loaded, whole, progress) or put(whole.path)
            done[place] = _record(transaction, whole, snapshot, options.notes)
    return [done[target.place] for target in chosen]


def _record(transaction: Transaction, target: _Target, snapshot: Snapshot, notes: Annotations) -> AddedOutput:
    name = os.path.basename(target.path) if target.known is None else target.known.output.path
    transaction.edit(
        target.pointer,
        pointers.change_output(
            name,
            target.pointer,
            lambda output: pointers.annotated(pointers.recorded(output, snapshot), notes),
        ),
    )
    return AddedOutput(
        path=target.path,
        pointer=target.pointer,
        oid=snapshot.oid.value,
        size=snapshot.size,
        nfiles=len(snapshot.listing) if snapshot.is_dir else None,
    )


def _unchanged_legacy(loaded: Loaded, target: _Target, progress: Progress) -> Snapshot | None:
    """Return what DVC 2.x recorded if that is what is there still: it stays as it is."""
    if target.known is None or not target.known.output.is_legacy:
        return None
    found = scan.look(loaded.scanner(legacy=True, progress=progress), target.path)
    recorded = ObjectId(target.known.output.md5 or "", legacy=True)
    return found if found is not None and found.oid == recorded else None


def _stored(
    loaded: Loaded,
    path: RepoPath,
    *,
    options: AddOptions,
    kind: LinkType,
    progress: Progress,
) -> Snapshot:
    scanner = loaded.scanner(progress=progress)
    if not options.store:
        found = scan.look(scanner, path)
        if found is None:
            raise PathError(f"'{path}' does not exist", hint="check the path, and where you are: pwd")
        return found
    snapshot = store.put(scanner, path, loaded.repo.cache, kind=kind)
    if options.relink:
        linking.relink(loaded, path, snapshot, kind)
    return snapshot
