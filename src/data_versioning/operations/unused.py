"""Remove outputs that belong to another revision: put there by us, unchanged since, and safe in the cache."""

from __future__ import annotations

import contextlib
import os

from data_versioning.errors import PathError
from data_versioning.localfs.links import LinkType
from data_versioning.operations import restore
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import is_inside, parents
from data_versioning.pipeline.project import Project
from data_versioning.transaction import Transaction
from data_versioning.workspace import checkout, scan
from data_versioning.workspace.checkout import Wanted


def remove(loaded: Loaded, transaction: Transaction) -> list[str]:
    """Remove them and return what is gone, relative to the current directory (directories end in "/").

    Happens after `git checkout` to a revision that does not track them. A file that was touched since, that Git
    tracks, that a stage reads, or whose content is not in the cache stays.
    """
    repo, project = loaded.repo, loaded.project
    candidates = [path for path in sorted(loaded.stats.outputs()) if project.tracked(path) is None]
    if not candidates:
        return []
    git = repo.git
    in_git = git.tracked([f"{repo.root}/{path}" for path in candidates]) if git else set()
    needed = _needed(project)
    gone = []
    for path in candidates:
        if f"{repo.root}/{path}" in in_git or any(
            is_inside(path, one) or is_inside(one, path) for one in needed
        ):
            continue
        if shown := _remove_one(loaded, transaction, path):
            gone.append(shown)
    loaded.stats.remember_outputs([], removed=candidates)
    return gone


def _needed(project: Project) -> set[str]:
    """Return the paths that stages read or write."""
    return {
        path
        for stage in project.stages
        for written in (*(dep.path for dep in stage.deps), *(out.path for out in stage.outs), *stage.params)
        if (path := stage.located(written))
    }


def _remove_one(loaded: Loaded, transaction: Transaction, path: str) -> str | None:
    repo = loaded.repo
    try:
        if not os.path.lexists(f"{repo.root}/{path}") or not _is_as_remembered(loaded, path):
            return None
        snapshot = scan.look(loaded.scanner(), path)
        if snapshot is None or repo.cache.missing(
            [*dict.fromkeys(snapshot.hex_digests()), snapshot.oid.value]
        ):
            return None
        plan = checkout.plan(path, snapshot, Wanted(is_dir=snapshot.is_dir, paths=[], values=[]))
        if checkout.apply(plan, repo.root, repo.cache, kind=LinkType.COPY).kept:
            return None
    except PathError:
        return None  # touched: something stands there that is not tracked as it is
    if snapshot.is_dir:
        with contextlib.suppress(OSError):
            os.rmdir(f"{repo.root}/{path}")
    for parent in parents(path):
        with contextlib.suppress(OSError):
            os.rmdir(f"{repo.root}/{parent}")
    restore.tell(transaction, loaded, path, snapshot, None)
    loaded.stats.remember_tree(path, None)
    loaded.stats.remember_file(path, None)
    return repo.shown(path) + ("/" if snapshot.is_dir else "")


def _is_as_remembered(loaded: Loaded, path: str) -> bool:
    """Whether nothing touched the output since we last looked at it, judged by stats alone."""
    scanner = loaded.scanner()
    if os.path.isdir(f"{loaded.repo.root}/{path}"):
        record = loaded.stats.tree(path)
        listing = scan.list_files(scanner, path)
        return record is not None and record.names == listing.names and record.stats == listing.stats
    known = loaded.stats.file(path)
    return known is not None and known.stat == scan.single(scanner, path).stats
