"""Stop tracking: remove pointer files or stages, and their ignore entries; the data stays unless asked otherwise."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from data_versioning.errors import DiskError, NotTracked, PathError, UsageError
from data_versioning.formats import lockfile, yamltext
from data_versioning.localfs import atomic, batch
from data_versioning.operations import loaded as loading
from data_versioning.operations import pointers, restore, targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE, Output, Stage
from data_versioning.repo import Repo
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import checkout, scan, unprotect


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveResult:
    """Addresses of what is no longer tracked, and the files that were changed or removed.

    `kept`: other repositories inside of deleted outputs, which stay; paths relative to the root.
    """

    removed: tuple[str, ...]
    edited: tuple[RepoPath, ...]
    kept: tuple[str, ...] = ()


def remove(repo: Repo, names: Sequence[str], *, outs: bool = False) -> RemoveResult:
    """Stop tracking the pointer files or stages `names`; with `outs` their data is deleted from the workspace.

    All names are checked first. Data goes after its pointers: killed between, it is files that nobody tracks, and
    no pointer names content that is nowhere. Raises `NotTracked`; `DiskError` also when data cannot be deleted.
    """
    with repo.transaction("remove") as transaction:
        _, _, outputs = _select(repo, names)
        transaction.reserve(writes=[path for path, _ in outputs])
        # Whoever we waited for may have changed what is recorded.
        loaded, stages, outputs = _select(repo, names)
        places = [path for path, _ in outputs]
        for path in places:
            checkout.refuse_links(path, repo.root)
        for path, output in outputs:
            if output.cache and not outs:
                unprotect.unprotect(repo.root, path)  # a link whose object is gone stays as it is
        pointers.unignore(transaction, [path for path, output in outputs if output.cache])
        for stage in stages:
            _queue_pointer(transaction, stage)
        edited = tuple(edit.path for edit in transaction.commit())
        if outs:
            _tell(loaded, transaction, outputs)
        loaded.stats.remember_outputs([], removed=places)
        loaded.stats.save()
        kept = _delete_all(repo, places) if outs else []
    removed = tuple(stage.address_from(targets.base(repo)) for stage in stages)
    return RemoveResult(removed=removed, edited=edited, kept=tuple(kept))


def _select(repo: Repo, names: Sequence[str]) -> tuple[Loaded, list[Stage], list[tuple[RepoPath, Output]]]:
    loaded = loading.load(repo)
    stages = [stage for name in targets.named(repo, names) for stage in _stages(loaded, repo, name)]
    outputs = [
        (path, output)
        for stage in stages
        for output in stage.outs
        if (path := stage.located(output.path)) and not output.external
    ]
    return loaded, stages, outputs


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


def _tell(loaded: Loaded, transaction: Transaction, outputs: Sequence[tuple[RepoPath, Output]]) -> None:
    """Tell the transaction what is about to be deleted."""
    for path, output in outputs:
        # What cannot be tracked cannot be brought back.
        with contextlib.suppress(PathError):
            before = scan.look(loaded.scanner(legacy=output.is_legacy), path)
            restore.tell(transaction, loaded, path, before, None)


def _delete_all(repo: Repo, places: Sequence[RepoPath]) -> list[str]:
    """Delete outputs that are no longer tracked; return the repositories inside of them, which are kept."""
    if repo.cache.durable:
        batch.sync(repo.root)  # that the pointers are gone
    kept: list[str] = []
    for index, path in enumerate(places):
        try:
            kept += delete(f"{repo.root}/{path}")
        except OSError as error:
            left = shlex.join(repo.shown(place) for place in places[index:])
            raise DiskError(
                f"'{repo.shown(path)}' is no longer tracked, but '{error.filename}' cannot be deleted: "
                f"{error.strerror}",
                hint=f"rm -r {left}",
            ) from error
    return sorted(os.path.relpath(place, repo.root) for place in kept)


def delete(absolute: str) -> list[str]:
    """Delete a file or directory; what the ignore rules hide inside goes with it, as for DVC.

    What is never tracked stays and is returned: `.git`, `.hg`, and every other DVC repository as a whole.
    """
    if not os.path.isdir(absolute) or os.path.islink(absolute):
        atomic.remove(absolute)
        return []
    kept, emptied = [], []
    for directory, directories, files in os.walk(absolute, onerror=_raise):
        if directory != absolute and ".dvc" in directories:
            kept.append(directory)
            directories.clear()
            continue
        repositories = {".git", ".hg", ".dvc"}.intersection(directories) | {".git"}.intersection(files)
        kept += [f"{directory}/{name}" for name in repositories]
        links = {name for name in directories if os.path.islink(f"{directory}/{name}")}
        for name in {*files, *links} - repositories:
            os.unlink(f"{directory}/{name}")
        directories[:] = set(directories) - repositories - links
        emptied.append(directory)
    for directory in reversed(emptied):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    return kept


def _raise(error: OSError) -> NoReturn:
    raise error
