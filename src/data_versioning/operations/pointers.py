"""Edits of pointer files and ignore files, queued on a transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from data_versioning.formats import dvcfile
from data_versioning.formats.dvcfile import Dependency, DvcFile, Output
from data_versioning.git import ignorefile
from data_versioning.paths import RepoPath
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace.scan import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """What a user says about an output; None leaves what is there, and a key of `meta` that is None goes."""

    desc: str | None = None
    type: str | None = None
    labels: tuple[str, ...] | None = None
    meta: Mapping[str, object] | None = field(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedOutput:
    """One tracked output after the command."""

    path: RepoPath
    pointer: RepoPath
    oid: str
    size: int
    nfiles: int | None
    changed: bool = False  # the pointer file says something new


def recorded(output: Output, snapshot: Snapshot) -> Output:
    """Return `output` with the content of `snapshot` recorded."""
    return replace(
        output,
        md5=snapshot.oid.value,
        hash=None if snapshot.oid.legacy else "md5",
        size=snapshot.size,
        nfiles=len(snapshot.listing) if snapshot.is_dir else None,
        isexec=snapshot.is_executable and not snapshot.is_dir,
        etag=None,
        checksum=None,
        version_id=None,
        cloud=None,
        files=None,
    )


def dependency(path: str, snapshot: Snapshot | None) -> Dependency:
    """Return the dependency `path` with the content of `snapshot` recorded."""
    if snapshot is None:
        return Dependency(path=path)
    return Dependency(
        path=path,
        md5=snapshot.oid.value,
        hash=None if snapshot.oid.legacy else "md5",
        size=snapshot.size,
        nfiles=len(snapshot.listing) if snapshot.is_dir else None,
        isexec=snapshot.is_executable and not snapshot.is_dir,
    )


def annotated(output: Output, notes: Annotations) -> Output:
    """Return `output` with the annotations that were given."""
    given = {
        name: value
        for name in ("desc", "type", "labels", "meta")
        if (value := getattr(notes, name)) is not None
    }
    if notes.meta is not None:
        before = output.meta if isinstance(output.meta, Mapping) else {}
        merged = {**before, **notes.meta}
        given["meta"] = {key: value for key, value in merged.items() if value is not None} or None
    return replace(output, **given)


def change_output(name: str, file: RepoPath, change: Callable[[Output], Output]) -> Change:
    """Return the edit of a `.dvc` file that passes its output `name` through `change`; makes the file if absent."""

    def edit(before: bytes | None) -> bytes:
        if before is None:
            return os.fsencode(dvcfile.dump(DvcFile(outs=(change(Output(path=name)),))))
        text = before.decode("utf-8", "surrogateescape")
        parsed = dvcfile.parse(text, file=file)
        outs = tuple(change(out) if out.path == name else out for out in parsed.outs)
        changed = replace(parsed, outs=outs)
        if changed.deps:
            changed = replace(changed, md5=dvcfile.stage_checksum(changed))
        return before if changed == parsed else os.fsencode(dvcfile.update(text, changed, file=file))

    return edit


def ignore(transaction: Transaction, paths: Sequence[RepoPath]) -> None:
    """Queue the `.gitignore` entries of tracked paths that Git does not ignore yet."""
    git = transaction.git
    if git is None or not paths:
        return
    root = transaction.repo.root
    absolute = {f"{root}/{path}": path for path in paths}
    ignored = git.is_ignored(absolute)
    for place, path in absolute.items():
        if place not in ignored:
            _edit_ignore_file(transaction, path, ignorefile.add)


def unignore(transaction: Transaction, paths: Sequence[RepoPath]) -> None:
    """Queue the removal of the `.gitignore` entries of paths that are no longer tracked."""
    if transaction.git is None:
        return
    for path in paths:
        _edit_ignore_file(transaction, path, ignorefile.remove)


def _edit_ignore_file(
    transaction: Transaction, path: RepoPath, change: Callable[[str, str], str | None]
) -> None:
    parent, _, name = path.rpartition("/")
    entry = ignorefile.entry_for(name)

    def edit(before: bytes | None) -> bytes | None:
        text = change((before or b"").decode("utf-8", "surrogateescape"), entry)
        if before is None and not text:
            return None
        return None if text is None else os.fsencode(text)

    transaction.edit(RepoPath(f"{parent}/.gitignore" if parent else ".gitignore"), edit)
