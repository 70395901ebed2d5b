"""What cache and remote hold of tracked data: the answer of `dvc status --cloud` and `data status --not-in-remote`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data_versioning.errors import CorruptObject, MissingObject
from data_versioning.operations import loaded as loading
from data_versioning.operations import sharing, targets
from data_versioning.operations.sharing import Share, TransferOptions
from data_versioning.paths import is_inside
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import existence, wanted
from data_versioning.remotes.wanted import Request, Wanted
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudStatus:
    """By path from the current directory: "new" (not on the remote), "deleted" (not in the cache) or "missing"."""

    remotes: tuple[str, ...]
    changes: Mapping[str, str]


def cloud_status(
    repo: Repo, names: Sequence[str], options: TransferOptions, progress: Progress = SILENT
) -> CloudStatus:
    """Compare the cache with the remotes of the outputs that `names` mean; raises as `sharing.shares`."""
    shares = sharing.shares(repo, names, options=options, pushing=True)
    changes: dict[str, str] = {}
    progress.start("Comparing with the remote")
    try:
        for share in shares:
            for one in wanted.expand(share.requests, repo.cache, share.remote.store):
                changes |= _changes(repo, share, one)
    finally:
        progress.finish()
    return CloudStatus(
        remotes=tuple(share.remote.name for share in shares), changes=dict(sorted(changes.items()))
    )


def not_in_remote(
    repo: Repo, names: Sequence[str], *, remote: str | None = None, granular: bool = False
) -> list[str]:
    """Return the outputs whose object the remote lacks, directories with "/" at the end, sorted.

    With `granular` also the files inside directories whose listing is known; raises as `sharing.shares`.
    """
    only = [targets.inside(repo, name) for name in names]
    directories = {item.path for item in loading.load(repo).project.outputs() if item.output.is_dir}
    found: set[str] = set()
    for share in sharing.shares(repo, (), options=TransferOptions(remote=remote), pushing=True):
        for legacy in (False, True):
            entries = _entries(repo, share, legacy=legacy, granular=granular)
            absent = existence.absent(share.remote.store, [value for _, value in entries], legacy=legacy)
            found.update(entries[index][0] for index in absent)
    return sorted(
        f"{path}/" if path in directories else path
        for path in found
        if not only or any(is_inside(path, one) for one in only)
    )


def _changes(repo: Repo, share: Share, one: Wanted) -> Iterable[tuple[str, str]]:
    names = {**one.files, **one.trees, **one.parts}
    values = list(names)
    gone = {values[index] for index in existence.absent(share.remote.store, values, legacy=one.legacy)}
    lacking = {values[index] for index in repo.cache.missing(values, legacy=one.legacy)}
    found = [(value, "missing" if value in lacking else "new") for value in gone]
    # A listing that only the cache lacks is told by its files.
    found += [(value, "deleted") for value in lacking - gone if value in one.files]
    shown = [(repo.shown(names[value]), state) for value, state in found]
    return shown + [(repo.shown(name), "missing") for name in one.lost.values()]


def _entries(repo: Repo, share: Share, *, legacy: bool, granular: bool) -> list[tuple[str, str]]:
    """Return path and object of the outputs of a share, with `granular` of the files inside, too."""
    requests = [request for request in share.requests if request.oid.legacy == legacy]
    entries = [(request.name, request.oid.value) for request in requests]
    if granular:
        for request in requests:
            entries += _inside(repo, share, request)
    return entries


def _inside(repo: Repo, share: Share, request: Request) -> list[tuple[str, str]]:
    """Return path and object of the files in a directory; none when its listing is lost."""
    if not request.oid.is_dir:
        return []
    try:
        paths, values = repo.cache.read_tree(request.oid)
    except (MissingObject, CorruptObject):
        try:
            paths, values = wanted.read_tree(request.oid, share.remote.store)
        except (MissingObject, CorruptObject):
            return []
    return [(f"{request.name}/{path}", value) for path, value in zip(paths, values, strict=True)]
