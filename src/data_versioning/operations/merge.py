"""Merge two versions of a pointer file for Git: directory listings by their files, dvc.lock by its stages."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_versioning import repo as repos
from data_versioning.errors import DataVersioningError, DiskError, FormatError, MissingObject
from data_versioning.formats import dirfile, threeway
from data_versioning.formats.threeway import Texts
from data_versioning.git import hooks
from data_versioning.localfs import atomic, batch, regular, walk
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.pipeline.stage import LOCK_FILE
from data_versioning.repo import Repo

_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Three files as Git hands them to a merge driver: their common ancestor (empty: none), ours and theirs."""

    base: str
    ours: str
    theirs: str


def merge(versions: Versions, path: str) -> str | None:
    """Merge into the file `ours`; return what is in conflict, in words, or None when nothing is.

    `path` is what is being merged. Where the parts cannot be merged, the lines are, and conflict markers show
    where that is impossible, too: what Git itself would leave.
    """
    try:
        texts = Texts(base=_read(versions.base), ours=_read(versions.ours), theirs=_read(versions.theirs))
        if os.path.basename(path) == LOCK_FILE:
            return _merge_lock(versions, texts, path)
        problems: list[str] = []
        merged = threeway.pointer(texts, lambda *sides: _combine(path, sides, problems), file=path)
        problem = problems[0] if problems else "both sides changed it in different ways"
    except MissingObject as error:
        merged, problem = None, f"{error.message} (git merge --abort, dv fetch -a, then merge again)"
    except DataVersioningError as error:
        merged, problem = None, f"{error.message}" + (f" (try: {error.hint})" if error.hint else "")
    if merged is not None:
        atomic.write(versions.ours, os.fsencode(merged))
        return None
    return None if hooks.merge_lines(versions.ours, versions.base, versions.theirs) else problem


def _merge_lock(versions: Versions, texts: Texts, path: str) -> str | None:
    merged = threeway.lock_file(texts, file=path)
    atomic.write(versions.ours, os.fsencode(merged.texts.ours))
    if not merged.conflicts:
        return None
    with tempfile.TemporaryDirectory(prefix="dv-merge-") as directory:
        for name, text in (("base", merged.texts.base), ("theirs", merged.texts.theirs)):
            atomic.write(f"{directory}/{name}", os.fsencode(text), durable=False)
        hooks.merge_lines(versions.ours, f"{directory}/base", f"{directory}/theirs")
    return f"both sides ran {_listed(list(merged.conflicts))}"


def _combine(
    path: str, sides: tuple[Mapping[str, Any], ...], problems: list[str]
) -> Mapping[str, Any] | None:
    """Return the content of a directory that has what both sides did to its files, stored in the cache."""
    values = [str(side.get("md5", "")) for side in sides]
    is_legacy = any("hash" not in side for side, value in zip(sides, values, strict=True) if value)
    if is_legacy or not all(value.endswith(".dir") for value in values if value) or not all(values[1:]):
        return None
    repo = repos.open(
        os.path.dirname(os.path.abspath(path)) or ".", argv=("dv", "git-hook", "merge-driver", path)
    )
    with repo.transaction("merge"):
        trees = [_tree(repo.cache, value) for value in values]
        files, conflicts = threeway.merge(*trees)
        conflicts += _misfits(files)
        if conflicts:
            problems.append(f"both sides changed {_listed(conflicts)}")
            return None
        return _stored(repo, files)


def _tree(cache: ObjectCache, value: str) -> dict[str, str]:
    return dict(zip(*cache.read_tree(oids.parse(value)), strict=True)) if value else {}


def _misfits(files: Mapping[str, str]) -> list[str]:
    """Return a path that one side made a file and the other a directory."""
    try:
        dirfile.load(dirfile.dump(list(files), list(files.values())), file="the merged directory")
    except FormatError as error:
        return [error.message]
    return []


def _stored(repo: Repo, files: Mapping[str, str]) -> dict[str, Any]:
    cache = repo.cache
    oid = cache.write_tree(dirfile.dump(list(files), list(files.values())))
    cache.seal([oid.value])
    found = batch.stat_files(cache.root(), oids.names(list(files.values())))
    sizes = [walk.FileStat(*row) for row in walk.RECORD.iter_unpack(found)]
    content: dict[str, Any] = {"md5": oid.value}
    if all(one.inode for one in sizes):  # else a file was never fetched, and nobody here knows its size
        content["size"] = sum(one.size for one in sizes)
    return content | {"nfiles": len(files), "hash": "md5"}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more


def _read(path: str) -> str:
    try:
        return regular.read(path).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise DiskError(f"cannot read '{path}': {error.strerror}", hint=f"ls -l {path}") from error
