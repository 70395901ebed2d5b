"""Turn links into the cache into files of the user's own, which may be edited."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.errors import DiskError, PathError
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.workspace import unprotect as workspace
from data_versioning.workspace.checkout import reason


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprotectResult:
    """The paths that may be edited now, and how many links were replaced by copies."""

    paths: tuple[RepoPath, ...]
    copied: int


def unprotect(repo: Repo, names: Sequence[str], *, progress: Progress = SILENT) -> UnprotectResult:
    """Make every file at or below `names`, tracked or not, a file of its own.

    A pointer file means its data, the root of the repository all data.

    Raises `PathError` with nothing changed, or `DiskError` after all that could be copied is.
    """
    with repo.transaction("unprotect") as transaction:
        loaded = loading.load(repo)
        chosen = tuple(dict.fromkeys(path for name in names for path in _paths(loaded, name)))
        transaction.reserve(writes=chosen)
        copied, failed = 0, dict[str, int]()
        progress.start("Unprotecting")
        try:
            for path in chosen:
                done = workspace.unprotect(repo.root, path, advance=progress.advance)
                copied += done.copied
                failed |= done.failed
        finally:
            progress.finish()
        if failed:
            raise _incomplete(failed)
    return UnprotectResult(paths=chosen, copied=copied)


def _paths(loaded: Loaded, name: str) -> list[RepoPath]:
    root = loaded.repo.root
    if loaded.repo.relative(name) == ".":
        everything = [item.path for item in loaded.project.outputs()]
        return [path for path in everything if os.path.exists(f"{root}/{path}")]
    path = targets.inside(loaded.repo, name)
    outputs = [
        item.path for item in loaded.project.outputs() if item.stage.file == path and not item.stage.name
    ]
    for place in outputs or [path]:
        if not os.path.exists(f"{root}/{place}"):
            raise PathError(
                f"'{loaded.repo.shown(place)}' does not exist, or is a link to nothing",
                hint=f"dv checkout {name}" if loaded.project.tracked(place) else "check the path",
            )
    return outputs or [path]


def _incomplete(failed: dict[str, int]) -> DiskError:
    path, code = next(iter(failed.items()))
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return DiskError(
        f"cannot copy '{path}'{more}: {reason(code)}; the other files are done",
        hint="dv fetch, then dv checkout   brings back data that a link lost, then run this again",
    )
