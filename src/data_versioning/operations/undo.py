"""Undo an operation: its pointer files and the data it changed become what they were before.

Everything is checked first; what changed since is never overwritten. Data that the operation did not change is not
changed either: after the undo of `add` the file is there, untracked. An undo is an operation, too, and can be undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from data_versioning import transaction as transactions
from data_versioning.errors import Conflict, Overlap, UsageError
from data_versioning.eventlog import kept
from data_versioning.eventlog.chain import Event
from data_versioning.eventlog.kept import Kept
from data_versioning.eventlog.local_log import Log
from data_versioning.eventlog.operation import Outcome
from data_versioning.formats import dvcfile
from data_versioning.operations import loaded as loading
from data_versioning.operations import restore
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.restore import Restoration
from data_versioning.paths import RepoPath
from data_versioning.pipeline import declared
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE, POINTER_SUFFIX, Output
from data_versioning.repo import Repo
from data_versioning.transaction import Change
from data_versioning.workspace import unprotect

_FINAL = frozenset({"init", "destroy"})
_SETTING = frozenset({"config", "remote"})
_PRIVATE = "changed settings of this machine only (--local), which are not kept, as they may be secrets"
_PRIVATE_HINT = "dv config --local --list   shows them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An operation that `undo` passed over."""

    seq: int
    verb: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """The operation that was undone (or would be), and what was given back its former content.

    `passed`: newer operations that changed settings of this machine only; they are not undone.
    """

    seq: int
    verb: str
    argv: tuple[str, ...]
    files: tuple[RepoPath, ...]
    data: tuple[str, ...]
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A pointer or ignore file: the hash it must still have, and what it becomes."""

    path: RepoPath
    now: str | None
    then: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    event: Event
    passed: tuple[Passed, ...]
    files: tuple[_File, ...]
    data: tuple[Restoration, ...]
    moves: tuple[tuple[str, str], ...]  # from and to, as they were carried out


def undo(repo: Repo, seq: int | None = None, *, dry_run: bool = False) -> UndoResult:
    """Undo operation `seq` of the log; without it the newest one that changed something and is not undone yet.

    Raises `UsageError` when there is no such operation, `Conflict` when it cannot be undone; nothing is changed then.
    """
    if dry_run:
        return _result(_plan(loading.load(repo), *_chosen(repo, seq)))
    with repo.transaction("undo") as transaction:
        event, passed = _chosen(repo, seq)
        transaction.reserve(writes=_places(_kept(repo, event)))
        loaded = loading.load(repo)
        plan = _plan(loaded, event, passed)
        transaction.undoes(event.seq)
        kind = loading.link_kind(repo)
        try:
            for source, target in plan.moves:
                restore.move_back(loaded, transaction, source, target)
            for restoration in plan.data:
                restore.apply(loaded, transaction, restoration, kind)
            _release(loaded, plan)
            for file in plan.files:
                transaction.edit(file.path, _back(file))
            transaction.commit()
            _remember(loaded)
        finally:
            loaded.stats.save()
    return _result(plan)


def _places(found: Kept) -> list[RepoPath]:
    moved = [path for move in found.moves for path in move]
    return list(dict.fromkeys(map(RepoPath, [*moved, *(change.path for change in found.data)])))


def _chosen(repo: Repo, seq: int | None) -> tuple[Event, tuple[Passed, ...]]:
    """Return the operation that is meant, and those that are passed over on the way to it."""
    events = list(Log(directory=f"{repo.durable_dir}/log").read())
    if seq is not None:
        return _named(events, seq), ()
    undone = _undone(events)
    here = transactions.place(repo, repo.git)
    passed: list[Passed] = []
    for event in reversed(events):
        if event.record.get("place", "") != here:
            continue
        if _is_private(event):
            passed.append(Passed(seq=event.seq, verb=str(event.record.get("verb"))))
        elif _is_change(event) and event.record.get("undoes") is None and event.seq not in undone:
            return event, tuple(passed)
    if passed:
        raise UsageError(
            f"there is nothing to undo: operation {passed[0].seq} {_PRIVATE}", hint=_PRIVATE_HINT
        )
    raise UsageError("there is nothing to undo", hint="dv log")


def _named(events: Sequence[Event], seq: int) -> Event:
    found = next((event for event in events if event.seq == seq), None)
    if found is None:
        raise UsageError(f"operation {seq} is not in the log", hint="dv log")
    if _is_private(found):
        raise UsageError(f"operation {seq} {_PRIVATE}", hint=_PRIVATE_HINT)
    if not _is_change(found):
        raise UsageError(f"operation {seq} changed neither pointer files nor data", hint="dv log")
    if seq in _undone(events):
        raise UsageError(f"operation {seq} is undone already", hint="dv log")
    return found


def _undone(events: Sequence[Event]) -> set[int]:
    """Return the operations whose undo is in force: an undo may itself be undone."""
    undone: set[int] = set()
    for event in reversed(events):
        seq = event.record.get("undoes")
        is_done = event.record.get("outcome") == Outcome.OK
        if isinstance(seq, int) and event.seq not in undone and is_done:
            undone.add(seq)
    return undone


def _is_change(event: Event) -> bool:
    return bool(event.record.get("pointers") or event.record.get("kept"))


def _is_private(event: Event) -> bool:
    """Whether an operation changed `config.local` and nothing else: its record says no more than how it was called."""
    record: Any = event.record
    verb = str(record.get("verb") or "").partition(" ")[0]
    is_change = record.get("outcome") == Outcome.OK and verb in _SETTING and not _is_change(event)
    # An option may be shortened.
    return is_change and any(
        len(word) > 3 and "--local".startswith(word) for word in record.get("argv") or ()
    )


def _kept(repo: Repo, event: Event) -> Kept:
    """Return what was kept to undo an operation; `Conflict` when that is not possible."""
    record: Any = event.record
    what = f"operation {event.seq} (dv {record.get('verb')})"
    if record.get("place", "") != transactions.place(repo, repo.git):
        raise Conflict(f"{what} was carried out in another work tree", hint="run dv undo there")
    if record.get("verb") in _FINAL:
        raise Conflict(f"{what} cannot be undone", hint="dv log")
    found = kept.load(f"{repo.durable_dir}/undo", record.get("kept") or "")
    if found is None:
        by_dvc = (record.get("argv") or [""])[0] == "dvc"
        reason = (
            "was carried out by the program dvc"
            if by_dvc
            else "is too old: what it replaced is not kept any more"
        )
        raise Conflict(f"{what} {reason}", hint="take the pointer files back from Git: git checkout -- FILE")
    return found


def _plan(loaded: Loaded, event: Event, passed: tuple[Passed, ...]) -> _Plan:
    repo = loaded.repo
    found = _kept(repo, event)
    record: Any = event.record
    now = {path: after for path, _, after in record["pointers"]}
    files = [_File(path=RepoPath(path), now=now[path], then=found.files[path]) for path in now]
    _refuse_changed(repo, event, [file for file in files if _hash(_content(repo, file.path)) != file.now])
    _refuse_overlaps(loaded, files)
    try:
        data = [restore.plan(loaded, change, found.listings) for change in _joined(found)]
    except Conflict as error:
        what = f"operation {event.seq} (dv {record.get('verb')}) is not undone: {error.message}"
        raise Conflict(what, hint=error.hint) from error
    moves = [move for move in reversed(found.moves) if restore.is_moved(loaded, *move)]
    found_data = tuple(one for one in data if one)
    return _Plan(event=event, passed=passed, files=tuple(files), data=found_data, moves=tuple(moves))


def _joined(found: Kept) -> Iterable[kept.DataChange]:
    """Return one change a path, the latest first: what is removed makes room for what was there."""
    joined: dict[str, kept.DataChange] = {}
    for change in found.data:
        first = joined.get(change.path, change)
        joined[change.path] = first._replace(after=change.after)
    return reversed(list(joined.values()))


def _refuse_changed(repo: Repo, event: Event, changed: Sequence[_File]) -> None:
    if not changed:
        return
    later: dict[str, Event] = {}
    for other in Log(directory=f"{repo.durable_dir}/log").read():
        pointers: Any = other.record.get("pointers") or ()
        if other.seq > event.seq:
            later.update((path, other) for path, *_ in pointers)
    lines = [
        f"  {repo.shown(file.path)}: "
        + (
            f"by operation {by.seq} (dv {by.record.get('verb')})"
            if (by := later.get(file.path))
            else "by hand, or by Git"
        )
        for file in changed
    ]
    listed = "\n".join(lines)
    raise Conflict(
        f"operation {event.seq} (dv {event.record.get('verb')}) is not undone: these files were changed since:\n"
        f"{listed}\nNothing was changed.",
        hint="undo the later operations first (dv undo), or look at the changes: git diff",
    )


def _refuse_overlaps(loaded: Loaded, files: Sequence[_File]) -> None:
    """Raise `Overlap` when what a pointer file tracks again lies inside of, or around, what is tracked by now."""
    for file in files:
        if file.then is None or not file.path.endswith(POINTER_SUFFIX):
            continue
        parsed = dvcfile.parse(file.then.decode("utf-8", "surrogateescape"), file=file.path)
        stage = declared.from_dvcfile(parsed, file=file.path)
        for output in stage.outs:
            path = stage.located(output.path)
            other = loaded.project.conflict(path, file=file.path) if path else None
            if other:
                raise Overlap(
                    f"'{path}' cannot be tracked again beside '{other.path}', tracked by {other.stage.place}",
                    hint=f"dv remove {other.stage.address}, then dv undo N",
                )


def _back(file: _File) -> Change:
    def edit(before: bytes | None) -> bytes | None:
        if _hash(before) != file.now:
            raise Conflict(f"'{file.path}' was changed just now; nothing was undone", hint="dv undo")
        return file.then

    return edit


def _release(loaded: Loaded, plan: _Plan) -> None:
    """Give the user files of their own where the restored pointer file does not name the content any more.

    Links into the cache would dangle once gc removes the object.
    """
    restored = {one.change.path for one in plan.data}
    then = {file.path: file.then or b"" for file in plan.files}
    for tracked in loaded.project.outputs():
        file, output = tracked.stage.file, tracked.output
        if tracked.stage.name:
            file = RepoPath(file.removesuffix(PIPELINE_FILE) + LOCK_FILE)
        if file in then and tracked.path not in restored and _loses(output, then[file]):
            unprotect.unprotect(loaded.repo.root, tracked.path)


def _loses(output: Output, then: bytes) -> bool:
    return output.cache and output.md5 is not None and output.md5.encode() not in then


def _remember(loaded: Loaded) -> None:
    """Forget outputs that are no longer tracked: the next checkout is not to remove them."""
    before = {item.path for item in loaded.project.outputs()}
    after = {item.path for item in loading.load(loaded.repo).project.outputs()}
    loaded.stats.remember_outputs(after - before, removed=before - after)


def _content(repo: Repo, path: str) -> bytes | None:
    try:
        with open(f"{repo.root}/{path}", "rb") as file:
            return file.read()
    except OSError:
        return None


def _hash(content: bytes | None) -> str | None:
    return None if content is None else md5(content).hexdigest()


def _result(plan: _Plan) -> UndoResult:
    record: Any = plan.event.record
    return UndoResult(
        seq=plan.event.seq,
        verb=str(record.get("verb", "")),
        argv=tuple(record.get("argv") or ()),
        files=tuple(sorted(file.path for file in plan.files)),
        data=tuple(sorted([*(one.change.path for one in plan.data), *(source for source, _ in plan.moves)])),
        passed=plan.passed,
    )
