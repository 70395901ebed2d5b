"""Record in dvc.lock, or in a `.dvc` file, what a stage's dependencies, params and outputs hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from data_versioning.errors import PathError
from data_versioning.formats import dvcfile, lockfile, values, yamltext
from data_versioning.formats.lockfile import LockedStage
from data_versioning.localfs import regular
from data_versioning.localfs.links import LinkType
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import linking, pointers
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE, Stage
from data_versioning.progress import Progress
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import checkout, scan, store
from data_versioning.workspace.scan import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a stage's outputs and dependencies hold now, by the path written in the stage."""

    stage: Stage
    outs: dict[str, Snapshot] = field(default_factory=dict)
    deps: dict[str, Snapshot] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)  # places that hold something else than what is recorded


def look(loaded: Loaded, stage: Stage, progress: Progress) -> Found:
    """Look at everything of a stage that lies in the workspace.

    Raises `PathError` when an output or a dependency is gone, or lies behind a symbolic link.
    """
    found = Found(stage=stage)
    for path, out in stage.placed_outs():
        try:
            snapshot = output(loaded, path, progress, legacy=out.is_legacy)
        except PathError as error:
            if stage.cmd and not out.md5:
                error.hint = f"dv {'unfreeze' if stage.frozen else 'repro'} {stage.address}"
            raise
        found.outs[out.path] = snapshot
        if snapshot.oid != ObjectId(out.md5 or "", out.is_legacy):
            found.changed.append(path)
    for dep in stage.deps if stage.cmd else ():
        place = stage.located(dep.path)
        if place is None or dep.external:
            continue
        legacy = dep.md5 is not None and dep.hash is None
        there = scan.look(loaded.scanner(legacy=legacy, progress=progress), place)
        if there is None:
            raise PathError(
                f"the dependency '{place}' does not exist", hint=f"dv checkout {place}, or dv repro"
            )
        if there.oid != ObjectId(dep.md5 or "", legacy):
            found.changed.append(place)
            # What is recorded anew is recorded as DVC 3 does.
            there = (legacy and scan.look(loaded.scanner(progress=progress), place)) or there
        found.deps[dep.path] = there
    return found


def output(loaded: Loaded, path: RepoPath, progress: Progress, *, legacy: bool = False) -> Snapshot:
    """Return what an output holds; raises `PathError` when there is none, or it lies behind a symbolic link."""
    checkout.refuse_links(path, loaded.repo.root)
    snapshot = scan.look(loaded.scanner(legacy=legacy, progress=progress), path)
    if snapshot is None:
        raise PathError(f"the output '{path}' does not exist", hint=f"dv checkout {path}")
    return snapshot


def store_outputs(
    loaded: Loaded, found: Found, kind: LinkType, progress: Progress, *, relink: bool
) -> dict[str, Snapshot]:
    """Put the outputs into the cache, those that belong there, and return what is to be recorded of all of them."""
    outs = {}
    for out in found.stage.outs:
        path = found.stage.located(out.path)
        if path is None or out.path not in found.outs:
            continue
        before = found.outs[out.path]
        if before.oid == ObjectId(out.md5 or "", out.is_legacy) and out.is_legacy:
            outs[out.path] = before
        elif not out.cache:
            outs[out.path] = scan.look(loaded.scanner(progress=progress), path) or before
        else:
            outs[out.path] = store_output(loaded, path, kind, progress, relink=relink)
    return outs


def store_output(
    loaded: Loaded, path: RepoPath, kind: LinkType, progress: Progress, *, relink: bool
) -> Snapshot:
    """Put one output into the cache; raises `PathError` behind a symbolic link."""
    checkout.refuse_links(path, loaded.repo.root)
    stored = store.put(loaded.scanner(progress=progress), path, loaded.repo.cache, kind=kind)
    return linking.relink(loaded, path, stored, kind) if relink else stored


def record(transaction: Transaction, loaded: Loaded, found: Found, outs: Mapping[str, Snapshot]) -> None:
    """Queue the edit of the lock file, or of the `.dvc` file, that says what the stage holds now."""
    stage = found.stage
    if stage.name:
        entry = locked(loaded, found, outs)
        transaction.edit(lock_file(stage), lock_edit(lock_file(stage), {stage.name: entry}))
        return
    for name, snapshot in outs.items():
        if snapshot.oid.legacy:
            continue  # an unchanged output of DVC 2.x stays as it is
        transaction.edit(stage.file, pointers.change_output(name, stage.file, _recorder(snapshot)))


def locked(loaded: Loaded, found: Found, outs: Mapping[str, Snapshot]) -> LockedStage:
    """Return the entry of the lock file for what a stage holds now."""
    stage = found.stage
    return LockedStage(
        cmd=stage.cmd or "",
        deps=tuple(pointers.dependency(dep.path, found.deps.get(dep.path)) for dep in stage.deps),
        params=params(loaded, stage),
        outs=locked_outputs(outs),
    )


def _recorder(snapshot: Snapshot) -> Callable[[dvcfile.Output], dvcfile.Output]:
    return lambda output: pointers.recorded(output, snapshot)


def locked_outputs(outs: Mapping[str, Snapshot]) -> tuple[dvcfile.Output, ...]:
    """Return outputs as dvc.lock has them, from the path written in the stage to what is there."""
    return tuple(pointers.recorded(dvcfile.Output(path=name), snapshot) for name, snapshot in outs.items())


def lock_file(stage: Stage) -> RepoPath:
    """Return where a stage of dvc.yaml is recorded."""
    return RepoPath(stage.file.removesuffix(PIPELINE_FILE) + LOCK_FILE)


def lock_edit(
    file: RepoPath, stages: Mapping[str, LockedStage], last: frozenset[str] = frozenset()
) -> Change:
    """Return the edit that records stages in a lock file; see `lockfile.update_all`."""

    def edit(before: bytes | None) -> bytes:
        text = None if before is None else before.decode("utf-8", "surrogateescape")
        return os.fsencode(lockfile.update_all(text, stages, last=last, file=file))

    return edit


def params(loaded: Loaded, stage: Stage) -> dict[str, dict[str, object]]:
    """Return the values that the stage's params have now, by file as written.

    Raises `PathError` for a file or a parameter that is not there.
    """
    found: dict[str, dict[str, object]] = {}
    for file, keys in stage.params.items():
        path = stage.located(file)
        try:
            text = yamltext.decode(regular.read(f"{loaded.repo.root}/{path}"), file=file)
        except OSError as error:
            raise PathError(
                f"cannot read the params file '{path}': {error.strerror}", hint=f"ls -l {path}"
            ) from error
        content = values.parse(text, suffix=os.path.splitext(file)[1], file=file)
        everything = content if isinstance(content, dict) else {}
        try:
            found[file] = {key: values.lookup(everything, key) for key in (keys or list(everything))}
        except KeyError as missing:
            raise PathError(
                f"'{path}' has no parameter {missing.args[0]!r}", hint=f"add it to {path}"
            ) from missing
    return found
