"""Track data by sending it straight to a remote: neither cache nor workspace get a copy."""

from __future__ import annotations

import os

from data_versioning.errors import Overlap
from data_versioning.operations import loaded as loading
from data_versioning.operations import places, pointers, sharing, url_origin
from data_versioning.operations.add import AddResult
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.pointers import AddedOutput, Annotations
from data_versioning.paths import RepoPath
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


def add_to_remote(
    repo: Repo,
    url: str,
    out: str | None = None,
    *,
    remote: str | None = None,
    jobs: int | None = None,
    force: bool = False,
    notes: Annotations = Annotations(),  # noqa: B008
    progress: Progress = SILENT,
) -> AddResult:
    """Send what `url` names to the remote (None: the default one) and track it as `out`, or under its own name.

    Each byte is read once. What lies at `url` stays there; the pointer file is written last. Raises `PathError`,
    `Overlap`, `FileChanged` with nothing recorded; `ServedByDvc` before anything is done.
    """
    sharing.check_jobs(jobs)
    destination = url_origin.destination_of(repo, remote, jobs=jobs)
    limits = sharing.limits(repo.preferences)
    origin = url_origin.find(repo.settings, url, os.getcwd(), limits=limits, jobs=jobs)
    with repo.transaction("add") as transaction:
        path = _path(loading.load(repo), url, out, force=force)
        transaction.reserve(writes=[path])
        # Whoever we waited for may have changed what is recorded.
        loaded = loading.load(repo)
        path = _path(loaded, url, out, force=force)
        pointer = RepoPath(f"{path}.dvc")
        try:
            found = url_origin.send(loaded, origin, "", destination, progress).stored
        finally:
            progress.finish()
            loaded.stats.save()
        snapshot = found._replace(is_executable=False)
        transaction.edit(
            pointer,
            pointers.change_output(
                os.path.basename(path),
                pointer,
                lambda output: pointers.annotated(pointers.recorded(output, snapshot), notes),
            ),
        )
        edited = tuple(edit.path for edit in transaction.commit())
    output = AddedOutput(
        path=path,
        pointer=pointer,
        oid=snapshot.oid.value,
        size=snapshot.size,
        nfiles=len(snapshot.listing) if snapshot.is_dir else None,
        changed=pointer in edited,
    )
    return AddResult(outputs=(output,), edited=edited)


def _path(loaded: Loaded, url: str, out: str | None, *, force: bool) -> RepoPath:
    """Return what will be tracked: data inside the repository where it is, other data under its name here."""
    if out is not None:
        return places.free(loaded, url_origin.destination(url, out), force=force)
    inside = not loaded.repo.relative(url).startswith("..") and "://" not in url
    path = places.free(loaded, url if inside else os.path.basename(os.path.normpath(url)), force=True)
    known = loaded.project.tracked(path)
    if known is not None and known.stage.is_import:
        raise Overlap(
            f"'{path}' is an import, and would no longer be one",
            hint=f"dv update --to-remote {known.stage.file}, or first: dv remove {known.stage.file}",
        )
    return path
