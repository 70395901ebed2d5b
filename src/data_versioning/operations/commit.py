"""Record what changed in data that is tracked already, and store it in the cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from data_versioning.errors import Conflict, PathError
from data_versioning.formats import dvcfile, lockfile, values, yamltext
from data_versioning.formats.lockfile import LockedStage
from data_versioning.localfs import regular
from data_versioning.localfs.links import LinkType
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import linking, pointers, targets
from data_versioning.operations import loaded as loading
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE, Output, Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import checkout, scan, store
from data_versioning.workspace.scan import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitOptions:
    """`force`: accept every change without asking."""

    force: bool = False
    with_deps: bool = False
    recursive: bool = False
    relink: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """Addresses of the stages that were looked at, and the pointer files that say something new."""

    stages: tuple[str, ...]
    edited: tuple[RepoPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a stage's outputs and dependencies hold now, by the path written in the stage."""

    stage: Stage
    outs: dict[str, Snapshot] = field(default_factory=dict)
    deps: dict[str, Snapshot] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def _never(_question: str) -> bool:
    return False


def commit(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: CommitOptions = CommitOptions(),
    confirm: Callable[[str], bool] = _never,
    progress: Progress = SILENT,
) -> CommitResult:
    """Record the outputs (and, of stages, dependencies and params) that `names` mean as they are now.

    Changes are confirmed first, all of them before anything is stored. Raises `Conflict` when one is not confirmed,
    `PathError` when an output is gone.
    """
    with repo.transaction("commit") as transaction:
        _, stages = _select(repo, names, options)
        transaction.reserve(writes=[path for path, _ in _outputs(stages)])
        # Whoever we waited for may have changed what is recorded.
        loaded, stages = _select(repo, names, options)
        try:
            progress.start("Comparing")
            found = [_look(loaded, stage, progress) for stage in stages]
            for one in found:
                _confirm(repo, one, options, confirm)
            kind = loading.link_kind(repo)
            for one in found:
                _store(loaded, transaction, one, kind, options, progress)
            edited = tuple(edit.path for edit in transaction.commit())
            loaded.stats.remember_outputs([path for path, out in _outputs(stages) if out.cache])
        finally:
            progress.finish()
            loaded.stats.save()
    return CommitResult(stages=tuple(stage.address for stage in stages), edited=edited)


def _select(repo: Repo, names: Sequence[str], options: CommitOptions) -> tuple[Loaded, list[Stage]]:
    loaded = loading.load(repo)
    chosen = loaded.project.select_stages(
        targets.named(repo, names),
        base=targets.base(repo),
        recursive=options.recursive,
        with_deps=options.with_deps,
    )
    return loaded, list({item.stage.place: item.stage for item in chosen}.values())


def _outputs(stages: Sequence[Stage]) -> list[tuple[RepoPath, Output]]:
    return [
        (path, out)
        for stage in stages
        for out in stage.outs
        if (path := stage.located(out.path)) and not out.external
    ]


def _look(loaded: Loaded, stage: Stage, progress: Progress) -> _Found:
    found = _Found(stage=stage)
    for out in stage.outs:
        path = stage.located(out.path)
        if path is None or out.external:
            continue
        checkout.refuse_links(path, loaded.repo.root)
        snapshot = scan.look(loaded.scanner(legacy=out.is_legacy, progress=progress), path)
        if snapshot is None:
            raise PathError(f"the output '{path}' does not exist", hint=f"dv checkout {path}")
        found.outs[out.path] = snapshot
        if snapshot.oid != ObjectId(out.md5 or "", out.is_legacy):
            found.changed.append(path)
    for dep in stage.deps if stage.cmd else ():
        path = stage.located(dep.path)
        if path is None or dep.external:
            continue
        legacy = dep.md5 is not None and dep.hash is None
        snapshot = scan.look(loaded.scanner(legacy=legacy, progress=progress), path)
        if snapshot is None:
            raise PathError(
                f"the dependency '{path}' does not exist", hint=f"dv checkout {path}, or dv repro"
            )
        if snapshot.oid != ObjectId(dep.md5 or "", legacy):
            found.changed.append(path)
            # What is recorded anew is recorded as DVC 3 does.
            snapshot = (legacy and scan.look(loaded.scanner(progress=progress), path)) or snapshot
        found.deps[dep.path] = snapshot
    return found


def _confirm(repo: Repo, found: _Found, options: CommitOptions, confirm: Callable[[str], bool]) -> None:
    if options.force or not (found.changed or found.stage.cmd_changed):
        return
    address = found.stage.address_from(targets.base(repo))
    what = ", ".join(f"'{repo.shown(path)}'" for path in found.changed) or "the command"
    if not confirm(f"{what} of {address} changed. Record it as it is?"):
        raise Conflict(
            f"{what} of {address} changed, and recording it was not confirmed; nothing was stored",
            hint=f"dv commit --force {address}",
        )


def _store(
    loaded: Loaded,
    transaction: Transaction,
    found: _Found,
    kind: LinkType,
    options: CommitOptions,
    progress: Progress,
) -> None:
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
            stored = store.put(loaded.scanner(progress=progress), path, loaded.repo.cache, kind=kind)
            if options.relink:
                linking.relink(loaded, path, stored, kind)
            outs[out.path] = stored
    if found.stage.name:
        lock = RepoPath(found.stage.file.removesuffix(PIPELINE_FILE) + LOCK_FILE)
        transaction.edit(lock, _change_lock(loaded.repo, found, outs, lock))
    else:
        for name, snapshot in outs.items():
            if snapshot.oid.legacy:
                continue  # an unchanged output of DVC 2.x stays as it is
            transaction.edit(
                found.stage.file,
                pointers.change_output(name, found.stage.file, _recorder(snapshot)),
            )


def _recorder(snapshot: Snapshot) -> Callable[[dvcfile.Output], dvcfile.Output]:
    return lambda output: pointers.recorded(output, snapshot)


def _change_lock(repo: Repo, found: _Found, outs: Mapping[str, Snapshot], lock: RepoPath) -> Change:
    stage = found.stage
    locked = LockedStage(
        cmd=stage.cmd or "",
        deps=tuple(pointers.dependency(dep.path, found.deps.get(dep.path)) for dep in stage.deps),
        params=_params(repo, stage),
        outs=tuple(pointers.recorded(dvcfile.Output(path=name), snapshot) for name, snapshot in outs.items()),
    )

    def edit(before: bytes | None) -> bytes:
        text = None if before is None else before.decode("utf-8", "surrogateescape")
        return os.fsencode(lockfile.update(text, stage.name, locked, file=lock))

    return edit


def _params(repo: Repo, stage: Stage) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for file, keys in stage.params.items():
        path = stage.located(file)
        try:
            text = yamltext.decode(regular.read(f"{repo.root}/{path}"), file=file)
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
