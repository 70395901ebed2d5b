"""Bring imports from other repositories up to date with where they came from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_versioning.errors import Conflict
from data_versioning.formats import dvcfile
from data_versioning.formats.dvcfile import DvcFile
from data_versioning.localfs.links import LinkType
from data_versioning.operations import checkout, import_data, imported, restore, sharing
from data_versioning.operations.contents import Contents
from data_versioning.operations.imported import Content, Origins
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.project import Selection
from data_versioning.pipeline.stage import Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import checkout as workspace
from data_versioning.workspace import scan
from data_versioning.workspace.checkout import Plan, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An import, and the newest commit of its origin with what it holds; None when that need not be brought."""

    stage: Stage
    commit: str
    download: bool
    contents: Contents | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What becomes of an import: its pointer file, and what the workspace is to hold, or to hold no longer."""

    file: RepoPath
    edit: Change
    wanted: Selection | None
    cleared: RepoPath | None


def ask(repo: Repo, stages: Sequence[Stage], *, rev: str | None, download: bool) -> list[News]:
    """Return the news of imports from other repositories, at `rev` or what each of them follows.

    With `download`, also what there is to bring; raises as `external.open` and `contents.find`.
    """
    origins = Origins(repo=repo)
    return [_ask(origins, stage, rev, download=download) for stage in stages]


def update(
    loaded: Loaded,
    transaction: Transaction,
    news: Sequence[News],
    *,
    rev: str | None,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> list[RepoPath]:
    """Bring imports up to date: cache, workspace, then pointer files, of which those that changed are returned.

    With `rev` they follow that from now on. Raises `Conflict` when unsaved work is in the way, with workspace and
    pointer files untouched; `ServedByDvc`, `MissingObject`.
    """
    repo = loaded.repo
    brought = [
        imported.bring(one.contents, repo, jobs=jobs, progress=progress) if one.contents else None
        for one in news
    ]
    changes = [_change(repo, one, content, rev) for one, content in zip(news, brought, strict=True)]
    _change_workspace(loaded, transaction, changes, progress)
    for change in changes:
        transaction.edit(change.file, change.edit)
    return [edit.path for edit in transaction.commit()]


def _ask(origins: Origins, stage: Stage, rev: str | None, *, download: bool) -> News:
    wanted = rev or imported.followed(stage)
    commit = origins.at(stage, wanted).commit or ""
    is_known = commit == imported.locked(stage) and sharing.is_cached(origins.repo.cache, stage.outs[0])
    contents = imported.find(origins, stage, wanted) if download and not is_known else None
    return News(stage=stage, commit=commit, download=download, contents=contents)


def _change(repo: Repo, one: News, content: Content | None, rev: str | None) -> _Change:
    is_same = content is None and one.commit == imported.locked(one.stage)
    file = one.stage.file

    def new(parsed: DvcFile) -> DvcFile:
        dep = parsed.deps[0]
        followed = {"rev": rev} if rev else {}
        origin = {**(dep.repo or {}), "rev_lock": one.commit, **followed}
        output = parsed.outs[0] if is_same else import_data.with_content(parsed.outs[0], content)
        changed = replace(parsed, deps=(replace(dep, repo=origin),), outs=(output,))
        return replace(changed, md5=dvcfile.stage_checksum(changed))

    def edit(before: bytes | None) -> bytes | None:
        if before is None:
            return None
        text = before.decode("utf-8", "surrogateescape")
        parsed = dvcfile.parse(text, file=file)
        changed = new(parsed)
        return before if changed == parsed else os.fsencode(dvcfile.update(text, changed, file=file))

    with open(f"{repo.root}/{file}", encoding="utf-8", errors="surrogateescape") as opened:
        recorded = new(dvcfile.parse(opened.read(), file=file))
    return _Change(
        file=file,
        edit=edit,
        wanted=import_data.selection(recorded, file) if one.download else None,
        cleared=None if one.download or is_same else _place(one.stage),
    )


def _change_workspace(
    loaded: Loaded, transaction: Transaction, changes: Sequence[_Change], progress: Progress
) -> None:
    """Bring in what is recorded; without download, remove what is no longer. Raises `Conflict` before anything."""
    plans = [plan for change in changes if change.cleared and (plan := _clearing(loaded, change.cleared))]
    wanted = [change.wanted for change in changes if change.wanted]
    if wanted:
        import_data.bring_in(loaded, transaction, wanted, force=False, progress=progress)
    for plan in plans:
        restore.tell(transaction, loaded, plan.path, scan.look(loaded.scanner(), plan.path), None)
        workspace.apply(plan, loaded.repo.root, loaded.repo.cache, kind=LinkType.COPY)
        with contextlib.suppress(OSError):
            os.rmdir(f"{loaded.repo.root}/{plan.path}")  # unless it holds files that are not tracked


def _clearing(loaded: Loaded, path: RepoPath) -> Plan | None:
    """Plan to remove an output; raises `Conflict` when that would lose what is saved nowhere."""
    repo = loaded.repo
    workspace.refuse_links(path, repo.root)
    actual = scan.look(loaded.scanner(), path)
    if actual is None:
        return None
    plan = workspace.plan(path, actual, Wanted(is_dir=actual.is_dir, paths=[], values=[]))
    if checkout.is_unsaved(loaded, plan, actual):
        raise Conflict(
            f"'{repo.shown(path)}' holds changes that are saved nowhere, and would be removed",
            hint=f"move it away, or: dv checkout --force {repo.shown(path)}",
        )
    return plan


def _place(stage: Stage) -> RepoPath | None:
    return stage.located(stage.outs[0].path)
