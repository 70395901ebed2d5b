"""Rename tracked data together with its pointer file and its ignore entry.

The new pointer comes first, then the data moves, then the old pointer goes: at every moment the data lies where a
pointer says, and a move that was killed can be carried out again.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
from dataclasses import dataclass, replace

from data_versioning.errors import Conflict, DiskError, NotTracked, Overlap, PathError
from data_versioning.formats import dvcfile
from data_versioning.formats.dvcfile import Dependency, DvcFile
from data_versioning.localfs import atomic, batch, regular
from data_versioning.operations import loaded as loading
from data_versioning.operations import pointers, targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath, is_inside, parents
from data_versioning.pipeline.project import Tracked
from data_versioning.pipeline.stage import POINTER_SUFFIX, is_pointer_file, relative
from data_versioning.repo import Repo
from data_versioning.transaction import Change, Edit, Transaction
from data_versioning.workspace import checkout, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveResult:
    """Where the data and its pointer file are now, and the files that were changed, made or removed.

    `is_missing`: there was no data to move, only its pointer moved. `readers`: stages that still name the old path
    as a dependency.
    """

    source: RepoPath
    path: RepoPath
    pointer: RepoPath
    edited: tuple[RepoPath, ...]
    is_missing: bool
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """`pointer` is where the pointer file will be: beside the data if it is named after it, else where it is."""

    known: Tracked
    path: RepoPath
    pointer: RepoPath

    @property
    def source(self) -> RepoPath:
        return self.known.path

    @property
    def renames_pointer(self) -> bool:
        return self.pointer != self.known.stage.file


def move(repo: Repo, source: str, target: str) -> MoveResult:
    """Rename the tracked path `source` to `target`, or into `target` when that is a directory.

    What the pointer records stays, so changed data is still changed afterwards. Raises `NotTracked`, `Overlap`,
    `PathError` or `Conflict` with nothing changed.
    """
    with repo.transaction("move") as transaction:
        planned = _plan(repo, loading.load(repo), source, target)
        transaction.reserve(writes=[planned.source, planned.path])
        # Whoever we waited for may have changed what is recorded.
        loaded = loading.load(repo)
        planned = _plan(repo, loaded, source, target)
        is_there = _exists(repo, planned.source)
        if not _is_interrupted(loaded, planned):
            _check_target(loaded, planned)
        if is_there:
            _move_data(transaction, planned)
        else:
            _queue_new(transaction, planned)
        _queue_old(transaction, planned)
        _remember(loaded, planned)
        transaction.commit()
        _stage_removal(transaction, planned)
    return MoveResult(
        source=planned.source,
        path=planned.path,
        pointer=planned.pointer,
        edited=tuple(dict.fromkeys(edit.path for edit in transaction.edits)),
        is_missing=not is_there and not _exists(repo, planned.path),
        readers=_readers(loaded, planned.source),
    )


def _plan(repo: Repo, loaded: Loaded, source: str, target: str) -> _Move:
    """Find what `source` is and where it goes; looks at the workspace and touches nothing."""
    known = _tracked(repo, loaded, source)
    name = os.path.basename(known.path)
    place = os.path.join(target, name) if _is_to_hold(loaded, known, target) else target
    path = _target(repo, place, target)
    if is_inside(path, known.path):
        where = "there already" if path == known.path else f"a part of '{source}'"
        raise PathError(f"cannot move '{source}' to '{target}': it is {where}", hint="dv move SOURCE TARGET")
    return _Move(known=known, path=path, pointer=_pointer(known, path))


def _is_to_hold(loaded: Loaded, known: Tracked, target: str) -> bool:
    """Whether `target` is a directory to move into, and not the data itself, moved by a command that was killed."""
    if not os.path.isdir(target):
        return False
    repo = loaded.repo
    if _exists(repo, known.path):
        return True
    path = RepoPath(repo.relative(target))
    return not _is_interrupted(loaded, _Move(known=known, path=path, pointer=_pointer(known, path)))


def _pointer(known: Tracked, path: RepoPath) -> RepoPath:
    stage = known.stage
    is_named_after = stage.file.rpartition("/")[2] == os.path.basename(known.path) + POINTER_SUFFIX
    # A pointer of several outputs belongs to all of them.
    goes_along = is_named_after and len(stage.outs) == 1
    return RepoPath(f"{path}{POINTER_SUFFIX}") if goes_along else stage.file


def _tracked(repo: Repo, loaded: Loaded, source: str) -> Tracked:
    path = targets.inside(repo, source)
    known = loaded.project.tracked(path)
    if known is None:
        data = path.removesuffix(POINTER_SUFFIX)
        is_pointer = data != path and loaded.project.tracked(data) is not None
        raise NotTracked(
            f"'{source}' is {'a pointer file, which moves with its data' if is_pointer else 'not tracked'}",
            hint=f"dv move {repo.shown(data)} TARGET"
            if is_pointer
            else f"mv {source} TARGET   or: dv add {source}",
        )
    if known.stage.name:
        raise Overlap(
            f"'{source}' is an output of the stage {known.stage.address}; only data that was added can be moved",
            hint=f"change the path in {known.stage.file}, then run: dv repro",
        )
    if known.path != path:
        raise NotTracked(
            f"'{source}' is a part of '{repo.shown(known.path)}', which is versioned as a whole",
            hint=f"mv {source} TARGET, then dv add {repo.shown(known.path)}",
        )
    checkout.refuse_links(known.path, repo.root)
    return known


def _target(repo: Repo, place: str, target: str) -> RepoPath:
    path = repo.relative(place)
    if path == ".." or path.startswith("../"):
        raise PathError(
            f"'{target}' lies outside of the repository {repo.root}",
            hint="cp the data there, and dv remove its pointer here",
        )
    parent = os.path.dirname(place) or "."
    if not os.path.isdir(parent):
        raise PathError(f"'{parent}' is not a directory", hint=f"mkdir -p {parent}")
    if other := next((above for above in parents(path) if os.path.isdir(f"{repo.root}/{above}/.dvc")), None):
        raise PathError(
            f"'{target}' lies in another repository, '{other}'",
            hint="move it by hand: dv remove here, dv add there",
        )
    if is_pointer_file(path):
        raise PathError(f"'{place}' is the name of a pointer file", hint="choose another name for the data")
    return targets.inside(repo, place)


def _is_interrupted(loaded: Loaded, planned: _Move) -> bool:
    """Whether an earlier move of the same was killed: its new pointer, or its data, is in place already."""
    repo = loaded.repo
    is_there, is_moved = (_exists(repo, path) for path in (planned.source, planned.path))
    if planned.renames_pointer:
        old, new = (_read(f"{repo.root}/{file}") for file in (planned.known.stage.file, planned.pointer))
        return new is not None and _moved(planned, repo.root)(old) == new and not (is_there and is_moved)
    if is_there or not is_moved:
        return False
    output = planned.known.output
    found = scan.look(loaded.scanner(legacy=output.is_legacy), planned.path)
    return found is not None and found.oid.value == output.md5


def _check_target(loaded: Loaded, planned: _Move) -> None:
    """Raise unless the target is free, may be tracked, and its pointer file will be seen."""
    repo, path = loaded.repo, planned.path
    shown = repo.shown(path)
    other = next(
        (
            item
            for item in loaded.project.outputs()
            if item.path != planned.source and (is_inside(path, item.path) or is_inside(item.path, path))
        ),
        None,
    )
    if other is not None:
        raise Overlap(
            f"'{shown}' overlaps '{repo.shown(other.path)}', which is tracked by {other.stage.place}",
            hint="choose another target",
        )
    for place in (path, planned.pointer) if planned.renames_pointer else (path,):
        if _exists(repo, place):
            raise Conflict(
                f"'{repo.shown(place)}' exists already; nothing is overwritten",
                hint=f"mv {repo.shown(place)} OTHER   or, if it is what is missing there: "
                f"mv {repo.shown(place)} {repo.shown(planned.source)}"
                if not _exists(repo, planned.source)
                else f"mv {repo.shown(place)} OTHER",
            )
    if loaded.ignore and loaded.ignore.matches(path, is_dir=planned.known.output.is_dir):
        raise PathError(
            f"'{shown}' is ignored by .dvcignore", hint=f"dv check-ignore -d {shown}   tells which rule"
        )
    git = repo.git
    if git and planned.renames_pointer and git.is_ignored([f"{repo.root}/{planned.pointer}"]):
        pointer = repo.shown(planned.pointer)
        raise PathError(
            f"Git ignores '{pointer}', so the move would not be seen by anybody else",
            hint=f"git check-ignore -v {pointer}   tells which rule",
        )
    if git and git.tracked([f"{repo.root}/{path}"]):
        raise PathError(f"'{shown}' is tracked by Git", hint=f"git rm -r --cached {shown}")


def _move_data(transaction: Transaction, planned: _Move) -> None:
    """Rename the data once the new place has its pointer; when that fails, the new place is as it was."""
    root = transaction.repo.root
    _queue_new(transaction, planned)
    made = transaction.commit()
    try:
        _rename(f"{root}/{planned.source}", f"{root}/{planned.path}", durable=transaction.repo.cache.durable)
    except BaseException:
        _take_back(transaction, planned, made)
        raise
    transaction.moved(planned.source, planned.path)


def _take_back(transaction: Transaction, planned: _Move, made: list[Edit]) -> None:
    for edit in made:
        if edit.path == planned.pointer:
            transaction.edit(planned.pointer, lambda _: None)
        else:
            pointers.unignore(transaction, [planned.path])
    transaction.commit()


def _queue_new(transaction: Transaction, planned: _Move) -> None:
    """Queue what the new place needs: its ignore entry, and a pointer made from the old one, which stays for now."""
    pointers.ignore(transaction, [planned.path] if planned.known.output.cache else [])
    if planned.renames_pointer:
        root = transaction.repo.root
        content = _moved(planned, root)(_read(f"{root}/{planned.known.stage.file}"))
        transaction.edit(planned.pointer, lambda _: content)


def _queue_old(transaction: Transaction, planned: _Move) -> None:
    """Queue that the old place is forgotten; the pointer comes last, since without it nobody can run this again."""
    pointers.unignore(transaction, [planned.source] if planned.known.output.cache else [])
    change = (lambda _: None) if planned.renames_pointer else _moved(planned, transaction.repo.root)
    transaction.edit(planned.known.stage.file, change)


def _stage_removal(transaction: Transaction, planned: _Move) -> None:
    """Unlike after `remove`, DVC stages the removal of the old pointer, so that Git shows a rename."""
    git, repo = transaction.git, transaction.repo
    old = f"{repo.root}/{planned.known.stage.file}"
    if planned.renames_pointer and git and repo.settings.flag("core", "autostage"):
        git.stage([old])


def _moved(planned: _Move, root: str) -> Change:
    """Return the edit that turns the text of the old pointer into that of the new one; comments stay."""
    stage, written = planned.known.stage, planned.known.output.path

    def edit(before: bytes | None) -> bytes | None:
        if before is None:
            return None
        text = before.decode("utf-8", "surrogateescape")
        parsed = dvcfile.parse(text, file=stage.file)
        wdir = os.path.dirname(planned.pointer) if planned.renames_pointer else stage.wdir
        name = relative(planned.path, wdir)
        outs = tuple(replace(out, path=name) if out.path == written else out for out in parsed.outs)
        changed = replace(parsed, outs=outs)
        if planned.renames_pointer:
            deps = tuple(_rebased(dep, f"{root}/{stage.wdir}", f"{root}/{wdir}") for dep in parsed.deps)
            changed = replace(changed, wdir=".", deps=deps)
        return os.fsencode(dvcfile.update(text, _signed(changed), file=stage.file))

    return edit


def _rebased(dep: Dependency, old: str, new: str) -> Dependency:
    if not dep.path or dep.repo or dep.db or "://" in dep.path or posixpath.isabs(dep.path):
        return dep
    return replace(dep, path=posixpath.relpath(posixpath.join(old, dep.path), new))


def _signed(changed: DvcFile) -> DvcFile:
    return replace(changed, md5=dvcfile.stage_checksum(changed)) if changed.deps else changed


def _rename(source: str, target: str, *, durable: bool) -> None:
    """Rename, or, onto another file system, copy under a temporary name, rename, and delete the source."""
    try:
        _refuse_existing(target)
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise DiskError(
                f"cannot move '{source}' to '{target}': {error.strerror}",
                hint=f"ls -ld '{os.path.dirname(source)}' '{os.path.dirname(target)}'",
            ) from error
        _carry_over(source, target, durable=durable)


def _carry_over(source: str, target: str, *, durable: bool) -> None:
    directory = os.path.dirname(target)
    temporary = atomic.temporary_name(directory)
    try:
        if os.path.isdir(source) and not os.path.islink(source):
            shutil.copytree(source, temporary, symlinks=True)
        else:
            shutil.copy2(source, temporary, follow_symlinks=False)
        if durable:
            batch.sync(directory)
        _refuse_existing(target)
        os.rename(temporary, target)
    except OSError as error:  # shutil's own is one, too
        raise DiskError(f"cannot copy '{source}' to '{target}': {error}", hint=f"df '{directory}'") from error
    finally:
        if os.path.lexists(temporary):
            _delete(temporary)
    _delete(source)


def _refuse_existing(target: str) -> None:
    if os.path.lexists(target):
        raise Conflict(f"'{target}' has just been made by somebody else", hint=f"ls -l '{target}'")


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        atomic.remove(path)


def _remember(loaded: Loaded, planned: _Move) -> None:
    """Take along what is known of a directory's files: renaming it changes none of their stats."""
    scanner = loaded.scanner(legacy=planned.known.output.is_legacy)
    record = loaded.stats.tree(scanner.key(planned.source))
    if record is not None:
        loaded.stats.remember_tree(scanner.key(planned.path), record)
        loaded.stats.remember_tree(scanner.key(planned.source), None)
    loaded.stats.remember_outputs([planned.path], removed=[planned.source])
    loaded.stats.save()


def _readers(loaded: Loaded, source: str) -> tuple[str, ...]:
    """Return the stages that read something at or below the old path."""
    return tuple(
        stage.address
        for stage in loaded.project.stages
        if any(is_inside(stage.located(dep.path) or "", source) for dep in stage.deps if not dep.external)
    )


def _exists(repo: Repo, path: str) -> bool:
    return os.path.lexists(f"{repo.root}/{path}")


def _read(absolute: str) -> bytes | None:
    try:
        return regular.read(absolute)
    except FileNotFoundError:
        return None
