"""Stop tracking: remove pointer files or stages, and their ignore entries; the data stays unless asked otherwise."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.errors import DiskError, NotTracked, PathError, UsageError
from data_versioning.formats import lockfile, yamltext
from data_versioning.localfs import batch
from data_versioning.localfs.links import LinkType
from data_versioning.operations import loaded as loading
from data_versioning.operations import pointers, targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE, Output, Stage
from data_versioning.repo import Repo
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import checkout, relink, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveResult:
    """Addresses of what is no longer tracked, and the files that were changed or removed."""

    removed: tuple[str, ...]
    edited: tuple[RepoPath, ...]


def remove(repo: Repo, names: Sequence[str], *, outs: bool = False) -> RemoveResult:
    """Stop tracking the pointer files or stages `names`; with `outs` their data is deleted from the workspace.

    All names are checked first. Raises `NotTracked`.
    """
    with repo.transaction("remove") as transaction:
        loaded = loading.load(repo)
        stages = [stage for name in targets.named(repo, names) for stage in _stages(loaded, repo, name)]
        outputs = [
            (path, output)
            for stage in stages
            for output in stage.outs
            if (path := stage.located(output.path)) and not output.external
        ]
        for path, _ in outputs:
            checkout.refuse_links(path, repo.root)
        transaction.reserve(writes=[path for path, _ in outputs])
        for path, output in outputs:
            if outs:
                _delete(loaded, path)
            elif output.cache:
                _unprotect(loaded, path, output)
        pointers.unignore(transaction, [path for path, output in outputs if output.cache])
        for stage in stages:
            _queue_pointer(transaction, stage)
        edited = tuple(edit.path for edit in transaction.commit())
        loaded.stats.remember_outputs([], removed=[path for path, _ in outputs])
        loaded.stats.save()
    return RemoveResult(removed=tuple(stage.address for stage in stages), edited=edited)


def _stages(loaded: Loaded, repo: Repo, name: str) -> list[Stage]:
    base = targets.base(repo)
    path = repo.relative(name)
    by_file = [stage for stage in loaded.project.stages if stage.file == path and not stage.name]
    if by_file:
        return by_file
    chosen = loaded.project.select_stages([name], base=base)
    for item in chosen:
        if not item.stage.name:
            raise NotTracked(
                f"'{name}' is data; its pointer file is what can be removed",
                hint=f"dv remove {repo.shown(item.stage.file)}",
            )
        if item.stage.group and item.stage.name == name.rpartition(":")[2]:
            raise UsageError(
                f"'{name}' is one of the stages that '{item.stage.group}' in {item.stage.file} makes",
                hint=f"dv remove {name.removesuffix(item.stage.name)}{item.stage.group}   removes all of them",
            )
        if item.path is not None:
            raise NotTracked(
                f"'{name}' is an output of the stage {item.stage.address}", hint="dv remove STAGE"
            )
    return [item.stage for item in chosen]


def _queue_pointer(transaction: Transaction, stage: Stage) -> None:
    if not stage.name:
        transaction.edit(stage.file, lambda _: None)
        return
    transaction.edit(stage.file, _without_stage(stage))
    lock = RepoPath(stage.file.removesuffix(PIPELINE_FILE) + LOCK_FILE)
    transaction.edit(lock, _without_lock(stage, lock))


def _without_stage(stage: Stage) -> Change:
    name = stage.group or stage.name

    def edit(before: bytes | None) -> bytes | None:
        if before is None:
            return None
        text = before.decode("utf-8", "surrogateescape")
        found = yamltext.read_mapping(text, file=stage.file)
        stages = found.get("stages")
        if not isinstance(stages, dict) or name not in stages:
            return before
        left = {key: value for key, value in stages.items() if key != name}
        rest = {key: value for key, value in found.items() if key != "stages"} | (
            {"stages": left} if left else {}
        )
        return os.fsencode(yamltext.edit(text, rest, file=stage.file)) if rest else None

    return edit


def _without_lock(stage: Stage, lock: RepoPath) -> Change:
    def edit(before: bytes | None) -> bytes | None:
        if before is None:
            return None
        text = before.decode("utf-8", "surrogateescape")
        if stage.name not in lockfile.parse(text, file=lock):
            return before
        after = lockfile.remove(text, stage.name)
        return None if after is None else os.fsencode(after)

    return edit


def _delete(loaded: Loaded, path: RepoPath) -> None:
    """Delete an output's files; what the ignore rules hide inside a directory goes with it, as for DVC."""
    absolute = f"{loaded.repo.root}/{path}"
    try:
        if os.path.islink(absolute) or os.path.isfile(absolute):
            os.unlink(absolute)
            return
        for directory, directories, files in os.walk(absolute, topdown=False):
            for name in (*files, *(one for one in directories if os.path.islink(f"{directory}/{one}"))):
                os.unlink(f"{directory}/{name}")
            with contextlib.suppress(OSError):
                os.rmdir(directory)
    except OSError as error:
        raise DiskError(
            f"cannot delete '{error.filename}': {error.strerror}", hint=f"ls -ld '{error.filename}'"
        ) from error


def _unprotect(loaded: Loaded, path: RepoPath, output: Output) -> None:
    """Give the user files of their own in place of links into the cache, and the right to write them."""
    repo = loaded.repo
    try:
        snapshot = scan.look(loaded.scanner(legacy=output.is_legacy), path)
    except PathError:
        return  # links whose object is gone, for example: they stay as they are
    if snapshot is None:
        return
    directory = path if snapshot.is_dir else os.path.dirname(path)
    relink.relink(
        repo.cache,
        repo.root,
        directory,
        snapshot.listing,
        snapshot.hex_digests(),
        kinds=[LinkType.COPY],
        kind=LinkType.COPY,
        legacy=output.is_legacy,
    )
    names = checkout.inside(directory, snapshot.listing.paths())
    batch.chmod_files(repo.root, names, 0o666 & ~batch.umask())
