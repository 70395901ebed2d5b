"""Bring recorded data from the cache into the workspace.

Everything is planned before anything is touched: when content that is saved nowhere would be overwritten, nothing
happens at all. What is missing in the cache is reported, and the rest is brought in.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.errors import Conflict, CorruptObject, DiskError, FormatError, MissingObject
from data_versioning.localfs import batch
from data_versioning.localfs.links import LinkType
from data_versioning.objects.cache import settled_signature
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import linking, restore, targets, unused
from data_versioning.operations import loaded as loading
from data_versioning.operations.loaded import Loaded
from data_versioning.pipeline.project import Selection
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Transaction
from data_versioning.workspace import checkout as workspace
from data_versioning.workspace import leftovers, scan, singles, store
from data_versioning.workspace.checkout import Applied, Plan, Wanted
from data_versioning.workspace.scan import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutOptions:
    """`force`: overwrite what is saved nowhere; `relink`: also turn unchanged files into the configured links."""

    force: bool = False
    relink: bool = False
    recursive: bool = False
    with_deps: bool = False
    allow_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutResult:
    """Outputs that changed, as paths relative to the current directory (directories end in "/"), and file counts."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    counts: tuple[int, int, int] = (0, 0, 0)  # files added, modified, deleted
    missing: tuple[str, ...] = ()  # object ids that the cache does not hold
    problems: tuple[
        str, ...
    ] = ()  # "path: reason" for files that could not be made though the object is there

    @property
    def is_empty(self) -> bool:
        """Whether the workspace matched already."""
        return not (self.added or self.modified or self.deleted or self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One output: what is there, what should be, and what to do."""

    selection: Selection
    oid: ObjectId
    actual: Snapshot | None
    plan: Plan | None  # None: nothing to do
    missing: tuple[str, ...] = ()  # objects the cache lacks
    present: bytes = b""  # the cache's signature when all objects of the output were seen; see `TreeRecord`


def checkout(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    options: CheckoutOptions = CheckoutOptions(),
    progress: Progress = SILENT,
) -> CheckoutResult:
    """Make the outputs that `names` mean (all without names) what their pointer files say.

    Raises `NotTracked`, or `Conflict` before anything is changed. Missing objects are in the result.
    """
    with repo.transaction("checkout") as transaction:
        loaded = loading.load(repo)
        selections = select(loaded, names, recursive=options.recursive, with_deps=options.with_deps)
        transaction.reserve(writes=[item.tracked.path for item in selections])
        # Whoever we waited for may have changed what is recorded.
        loaded = loading.load(repo)
        selections = select(loaded, names, recursive=options.recursive, with_deps=options.with_deps)
        return run(loaded, transaction, selections, options, progress, everything=not names)


def select(loaded: Loaded, names: Sequence[str], *, recursive: bool, with_deps: bool) -> list[Selection]:
    """Return the outputs that `names` mean, as far as the cache holds such outputs at all."""
    base = targets.base(loaded.repo)
    found = loaded.project.select(
        targets.named(loaded.repo, names), base=base, recursive=recursive, with_deps=with_deps
    )
    return [item for item in found if item.tracked.output.cache]


def run(
    loaded: Loaded,
    transaction: Transaction,
    selections: Sequence[Selection],
    options: CheckoutOptions,
    progress: Progress,
    *,
    everything: bool,
    kind: LinkType | None = None,
) -> CheckoutResult:
    """Check out `selections` in `transaction`; `everything` also removes outputs of other revisions.

    `kind` is how files are made, instead of what is configured.
    """
    signature = settled_signature(loaded.repo.cache)
    progress.start("Comparing")
    try:
        changed = selections if options.relink else _changed(loaded, selections, progress)
        works = [_plan(loaded, item, signature, progress) for item in changed]
    finally:
        progress.finish()
    for work in works:
        if work.plan:
            workspace.check(work.plan, loaded.repo.root)
    if not options.force:
        _refuse_unsaved(loaded, works)
    gone = unused.remove(loaded, transaction) if everything else []
    leftovers.sweep(loaded.repo.root, (item.tracked.path for item in selections), now=time.time())
    kind = kind or loading.link_kind(loaded.repo)
    total = sum(len(work.plan.needed()) for work in works if work.plan)
    progress.start("Checking out", files=total)
    try:
        done = [(work, _apply(loaded, work, kind, progress)) for work in works]
        if loaded.repo.cache.durable and total:
            batch.sync(loaded.repo.root)
    finally:
        progress.finish()
        loaded.stats.remember_outputs([item.tracked.path for item in selections if item.tracked.output.md5])
        loaded.stats.save()
    for work, applied in done:
        if applied.is_complete and not work.missing:
            _prune(loaded, work)
        if work.plan:
            _tell(loaded, transaction, work, applied)
    if options.relink:
        _relink(loaded, works, kind)
    return _result(loaded.repo, done, gone)


def _changed(loaded: Loaded, selections: Sequence[Selection], progress: Progress) -> list[Selection]:
    """Leave out the single files that hold what is recorded: there may be very many of them."""
    left = list(selections)
    for legacy in (False, True):
        files: dict[str, str | None] = {
            item.tracked.path: item.tracked.output.md5
            for item in left
            if item.tracked.output.is_legacy is legacy and not item.tracked.output.is_dir
        }
        if files:
            found = singles.look(loaded.scanner(legacy=legacy, progress=progress), list(files))
            same = {path for path, digest in found.items() if digest.hex() == files[path]}
            left = [item for item in left if item.tracked.path not in same]
    return left


def _prune(loaded: Loaded, work: _Work) -> None:
    """Remove empty directories inside a directory that is complete."""
    path = work.selection.tracked.path
    record = loaded.stats.tree(loaded.scanner(legacy=work.oid.legacy).key(path))
    if work.oid.is_dir and record is not None and work.selection.inner is None:
        workspace.prune(loaded.repo.root, path, os.fsdecode(record.names).split("\0")[:-1])


def _plan(loaded: Loaded, item: Selection, signature: bytes, progress: Progress) -> _Work:
    output = item.tracked.output
    oid = ObjectId(output.md5 or "", output.is_legacy)
    path = item.tracked.path
    actual = scan.look(loaded.scanner(legacy=oid.legacy, sweep=True, progress=progress), path)
    if not oid.value or (actual is not None and actual.oid == oid):
        return _Work(selection=item, oid=oid, actual=actual, plan=None)
    cache = loaded.repo.cache
    try:
        wanted = _wanted(loaded, oid, item.inner)
    except (MissingObject, CorruptObject, FormatError):
        return _Work(selection=item, oid=oid, actual=actual, plan=None, missing=(oid.value,))
    plan = workspace.plan(path, actual, wanted, inner=item.inner)
    cache.disown([wanted.values[i] for i in plan.replace], plan.seen, legacy=oid.legacy)
    needed = plan.needed()
    absent = {needed[at] for at in cache.missing([wanted.values[i] for i in needed], legacy=oid.legacy)}
    plan = workspace.without(plan, absent)
    all_seen = len(needed) == len(wanted.paths) or (actual is not None and actual.present == signature)
    return _Work(
        selection=item,
        oid=oid,
        actual=actual,
        plan=None if plan.is_empty else plan,
        missing=tuple(dict.fromkeys(wanted.values[i] for i in sorted(absent))),
        present=signature if all_seen and not absent and item.inner is None else b"",
    )


def _wanted(loaded: Loaded, oid: ObjectId, inner: str | None) -> Wanted:
    if not oid.is_dir:
        return Wanted(is_dir=False, paths=[""], values=[oid.value])
    paths, values = loaded.repo.cache.read_tree(oid)
    if inner is not None:
        value_of = dict(zip(paths, values, strict=True))
        paths = workspace.within(paths, inner)
        values = [value_of[name] for name in paths]
    return Wanted(is_dir=True, paths=paths, values=values)


def _refuse_unsaved(loaded: Loaded, works: Sequence[_Work]) -> None:
    unsaved = [
        loaded.repo.shown(work.selection.tracked.path)
        for work in works
        if work.plan and work.actual and is_unsaved(loaded, work.plan, work.actual)
    ]
    if unsaved:
        listed = "\n".join(f"  {path}" for path in unsaved)
        raise Conflict(
            f"these hold changes that are saved nowhere, and would be overwritten:\n{listed}\nNothing was changed.",
            hint=f"dv commit {unsaved[0]}   keeps them; dv checkout --force   gives them up",
        )


def is_unsaved(loaded: Loaded, plan: Plan, actual: Snapshot) -> bool:
    """Whether `plan` would overwrite content that no cache object holds, under either of its names."""
    cache = loaded.repo.cache
    lost = set(plan.overwritten())
    for legacy in (actual.oid.legacy, not actual.oid.legacy):
        found: Snapshot | None = actual
        if legacy != actual.oid.legacy:
            found = scan.look(loaded.scanner(legacy=legacy), plan.path) if lost else None
        if found is None or (legacy and not cache.holds_legacy):
            continue
        names = found.paths() if found.is_dir else [""]
        values = {name: value for name, value in zip(names, found.hex_digests(), strict=True) if name in lost}
        absent = {list(values)[at] for at in cache.missing(list(values.values()), legacy=legacy)}
        lost -= values.keys() - absent
    return bool(lost)


def _apply(loaded: Loaded, work: _Work, kind: LinkType, progress: Progress) -> Applied:
    if work.plan is None:
        return workspace.NOTHING
    repo, plan, path = loaded.repo, work.plan, work.selection.tracked.path
    is_executable = work.selection.tracked.output.isexec and not work.oid.is_dir
    done = workspace.apply(
        plan,
        repo.root,
        repo.cache,
        kind=store.fitting(kind, is_executable=is_executable),
        legacy=work.oid.legacy,
        advance=progress.advance,
    )
    scanner = loaded.scanner(legacy=work.oid.legacy)
    if plan.wanted.is_dir:
        listing, digests = workspace.remembered(plan, work.actual, done)
        if kind is LinkType.HARDLINK:
            # Each link changes the change time of the object, and so of files that were linked to it before.
            listing = scan.refreshed(f"{repo.root}/{path}", listing)
        value = scan.tree_value(listing, digests)
        scan.finish_tree(
            scanner, path, listing, digests, value=value, present=work.present if done.is_complete else b""
        )
    elif done.stats:
        if is_executable:
            workspace.set_mode(f"{repo.root}/{path}", is_executable=True)
        scan.remember_file(scanner, path, scan.single(scanner, path), bytes.fromhex(work.oid.value))
    return done


def _tell(loaded: Loaded, transaction: Transaction, work: _Work, applied: Applied) -> None:
    """Tell the transaction what an output was, and what it is now."""
    path, after = work.selection.tracked.path, work.oid
    if work.oid.is_dir:
        record = loaded.stats.tree(loaded.scanner(legacy=work.oid.legacy).key(path))
        after = after if record is None else ObjectId(record.value, work.oid.legacy)
    if work.oid.is_dir or applied.stats:
        restore.tell(transaction, loaded, path, work.actual, after)


def _relink(loaded: Loaded, works: Sequence[_Work], kind: LinkType) -> None:
    is_copied = loading.link_kinds(loaded.repo)[0] is LinkType.COPY
    for work in works:
        path, actual = work.selection.tracked.path, work.actual
        if work.plan is None and actual is not None and work.oid.value and not work.missing:
            linked = linking.relink(loaded, path, actual, kind)
            if is_copied and actual.is_dir:
                linking.unprotect(loaded, path, linked)
    loaded.stats.save()


def _result(repo: Repo, done: Sequence[tuple[_Work, Applied]], gone: list[str]) -> CheckoutResult:
    added: list[str] = []
    modified: list[str] = []
    failed: list[str] = []
    counts = [0, 0, len(gone)]
    missing: list[str] = []
    problems: list[str] = []
    for work, applied in done:
        if work.plan is None and not work.missing:
            continue
        shown = repo.shown(work.selection.tracked.path) + ("/" if work.oid.is_dir else "")
        missing += work.missing
        if work.missing or not applied.is_complete:
            failed.append(shown.rstrip("/"))
        if work.plan is None:
            continue
        (modified if work.actual is not None else added).append(shown)
        created = set(work.plan.create)
        counts[0] += sum(1 for index in applied.stats if index in created)
        counts[1] += sum(1 for index in applied.stats if index not in created)
        counts[2] += len(work.plan.delete) - len(applied.kept)
        _refuse_full_disk(shown, applied)
        problems += [
            f"{shown}{work.plan.wanted.paths[index]}: {workspace.reason(code)}"
            for index, code in applied.failed.items()
        ]
        problems += [f"{shown}{name}: {workspace.reason(batch.TARGET_CHANGED)}" for name in applied.kept]
    return CheckoutResult(
        added=_sorted(added),
        modified=_sorted(modified),
        deleted=_sorted(gone),
        failed=tuple(failed),
        counts=(counts[0], counts[1], counts[2]),
        missing=tuple(missing),
        problems=tuple(problems),
    )


def _refuse_full_disk(shown: str, applied: Applied) -> None:
    if errno.ENOSPC in applied.failed.values():
        raise DiskError(
            f"no space left on the device; '{shown}' is incomplete, nothing is lost",
            hint="free some space (dv gc -w), then run the command again",
        )


def _sorted(paths: list[str]) -> tuple[str, ...]:
    """Directories first, then files, each by name."""
    return tuple(sorted(paths, key=lambda path: (not path.endswith("/"), path)))
