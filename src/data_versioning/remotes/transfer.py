"""Copy objects between the cache and a remote.

`plan_push` and `plan_fetch` compare and copy nothing; `push` and `fetch` do what a plan says, may be
interrupted, and can be run again. Files go first and are made durable; a directory's listing goes last, and
only when all its files are there, because for other programs a listing promises its files. Every byte is
verified on its way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from data_versioning.errors import CorruptObject, MissingObject, StorageError
from data_versioning.localfs import atomic, batch
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.remotes import existence, layout, wanted
from data_versioning.remotes.wanted import Wanted
from data_versioning.storage.base import (
    Advance,
    Failure,
    FailureKind,
    Items,
    Outcome,
    ReadableStore,
    WritableStore,
)

# Files; each costs a look at the disk before the first one is sent.
_WORTH_MEASURING = 10_000
# Files; each costs a request.
_WORTH_ASKING = 100
_MISSING = Failure(FailureKind.MISSING, "is neither in the cache nor on the remote")
_WRONG = Failure(FailureKind.CORRUPT, "is damaged: its content does not match its name")


class Problem(NamedTuple):
    """One object that did not arrive; `name` is the path of a file that has this content."""

    name: str
    value: str
    kind: FailureKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which objects to copy: `files`, then `trees`; `names` says for each the path of a file that has it."""

    legacy: bool
    files: list[str]
    trees: list[str]
    names: dict[str, str] = field(repr=False)
    # Objects that cannot be copied, because the source lacks them.
    problems: list[Problem] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.files) + len(self.trees)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was copied, what was not, and the directories whose listing was `held` back for that."""

    copied: int
    size: int
    problems: list[Problem]
    held: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast, and who watches: `jobs` transfers at once (None: the store decides)."""

    jobs: int | None = None
    advance: Advance | None = None


def plan_push(asked: Wanted, cache: ObjectCache, store: WritableStore) -> Plan:
    """Return what the remote lacks; problems are what the cache lacks too."""
    names = {**asked.files, **asked.trees}
    values = list(names)
    lacking = [values[i] for i in existence.absent(store, values, legacy=asked.legacy)]
    gone = {lacking[i] for i in cache.missing(lacking, legacy=asked.legacy)}
    here = [value for value in lacking if value not in gone]
    trees = [value for value in here if value in asked.trees]
    return Plan(
        legacy=asked.legacy,
        files=[value for value in here if value in asked.files],
        trees=trees + [value for value in asked.parts if _is_rest_there(value, asked, cache, store)],
        names={**names, **asked.parts},
        problems=_problems(gone, names, _MISSING) + _lost(asked),
    )


def plan_fetch(asked: Wanted, cache: ObjectCache) -> Plan:
    """Return what the cache lacks. Whether the remote has it shows when it is fetched, or by `check`."""
    names = {**asked.files, **asked.trees, **asked.parts}
    values = list(names)
    lacking = [values[i] for i in cache.missing(values, legacy=asked.legacy)]
    lacking += sorted(asked.damaged.difference(lacking, asked.lost))
    return Plan(
        legacy=asked.legacy,
        files=[value for value in lacking if value in asked.files],
        trees=[value for value in lacking if value not in asked.files],
        names=names,
        problems=_lost(asked),
    )


def check(plan: Plan, store: WritableStore) -> Plan:
    """Return the plan of a fetch with the objects that the remote lacks among its problems."""
    values = plan.files + plan.trees
    gone = {values[i] for i in existence.absent(store, values, legacy=plan.legacy)}
    return Plan(
        legacy=plan.legacy,
        files=[value for value in plan.files if value not in gone],
        trees=[value for value in plan.trees if value not in gone],
        names=plan.names,
        problems=plan.problems + _problems(gone, plan.names, _MISSING),
    )


def size(plan: Plan, cache: ObjectCache) -> int | None:
    """Return how many bytes a push copies; None for so many files that their number tells as much."""
    if len(plan) > _WORTH_MEASURING:
        return None
    found = 0
    for value in (*plan.files, *plan.trees):
        with suppress(OSError):
            found += os.stat(cache.path(ObjectId(value, plan.legacy))).st_size
    return found


def expected(plan: Plan, store: ReadableStore) -> int | None:
    """Return how many bytes a fetch copies, as the remote says; None for more files than are worth asking for."""
    if len(plan) > _WORTH_ASKING:
        return None
    try:
        return sum(store.find(layout.keys(plan.files + plan.trees, legacy=plan.legacy)).sizes)
    except StorageError:
        return None  # whoever fetches gets to see it


def push(plan: Plan, cache: ObjectCache, store: WritableStore, *, pace: Pace) -> Report:
    """Copy objects from the cache to the remote."""
    files = _upload(plan, plan.files, cache, store, pace)
    bad = {problem.value for problem in plan.problems} | {plan.files[i] for i in files.failures}
    trees, held = _split(plan, bad, cache, store)
    listings = _upload(plan, trees, cache, store, pace)
    return _report(plan, trees, held, (files, listings))


def fetch(
    plan: Plan, cache: ObjectCache, store: ReadableStore, *, pace: Pace, allow_missing: bool = False
) -> Report:
    """Copy objects from the remote to the cache.

    With `allow_missing`, files that the remote lacks do not hold back their directory's listing.
    """
    files = _download(plan, plan.files, cache, store, pace)
    tolerated = FailureKind.MISSING if allow_missing else None
    bad = {plan.files[i] for i, failure in files.failures.items() if failure.kind is not tolerated}
    trees, held = _split(plan, bad, cache, store)
    listings = _download(plan, trees, cache, store, pace)
    return _report(plan, trees, held, (files, listings))


def _is_rest_there(value: str, asked: Wanted, cache: ObjectCache, store: WritableStore) -> bool:
    """Whether the remote lacks this listing but, once the wanted part is pushed, none of its files."""
    if not existence.absent(store, [value], legacy=asked.legacy) or cache.missing(
        [value], legacy=asked.legacy
    ):
        return False
    _, digests = cache.read_tree(ObjectId(value, asked.legacy))
    rest = [digest for digest in dict.fromkeys(digests) if digest not in asked.files]
    return not existence.absent(store, rest, legacy=asked.legacy)


def _split(
    plan: Plan, bad: set[str], cache: ObjectCache, store: ReadableStore
) -> tuple[list[str], list[str]]:
    """Return the listings that may go and those that have a bad file."""
    if not bad:
        return plan.trees, []
    complete: list[str] = []
    held: list[str] = []
    for value in plan.trees:
        oid = ObjectId(value, plan.legacy)
        try:
            _, digests = cache.read_tree(oid)
        except (MissingObject, CorruptObject):
            _, digests = wanted.read_tree(oid, store)
        (complete if bad.isdisjoint(digests) else held).append(value)
    return complete, held


def _upload(
    plan: Plan, values: Sequence[str], cache: ObjectCache, store: WritableStore, pace: Pace
) -> Outcome:
    if not values:
        return Outcome()
    items = _items(values, cache.root(legacy=plan.legacy), legacy=plan.legacy)
    if not plan.legacy:
        return store.upload(items, threads=pace.jobs, advance=pace.advance)
    # The names of legacy objects are hashes of converted text: check those, then copy what was checked.
    wrong = _wrong_legacy(items, values)
    raw = batch.hash_files(items.directory, items.names, threads=pace.jobs).digests
    known = Items(directory=items.directory, names=items.names, keys=items.keys, digests=raw)
    outcome = store.upload(known.without(wrong), threads=pace.jobs, advance=pace.advance)
    return _merged(outcome, wrong, len(values))


def _download(
    plan: Plan, values: Sequence[str], cache: ObjectCache, store: ReadableStore, pace: Pace
) -> Outcome:
    if not values:
        return Outcome()
    root = cache.root(legacy=plan.legacy)
    for prefix in sorted({value[:2] for value in values}) if cache.shared else ():
        atomic.make_directory(f"{root}/{prefix}", cache.directory_mode)
    if plan.legacy:
        outcome = _download_legacy(values, root, store, pace)
    else:
        outcome = store.download(_items(values, root, legacy=False), threads=pace.jobs, advance=pace.advance)
    arrived = [value for index, value in enumerate(values) if index not in outcome.failures]
    cache.seal(arrived, legacy=plan.legacy)
    return outcome


def _download_legacy(values: Sequence[str], root: str, store: ReadableStore, pace: Pace) -> Outcome:
    """Download beside the cache first: the hash of converted text cannot be checked on the way."""
    atomic.make_directory(root)
    staging = atomic.temporary_name(root)
    os.mkdir(staging)
    try:
        keys = layout.packed_keys(values, legacy=True)
        items = Items(directory=staging, names=oids.names(list(values)), keys=keys)
        outcome = store.download(items, threads=pace.jobs, advance=pace.advance)
        arrived = items.without(outcome.failures)
        kept = [value for index, value in enumerate(values) if index not in outcome.failures]
        wrong = _wrong_legacy(arrived, kept)
        for index, value in enumerate(kept):
            if index not in wrong:
                atomic.make_directory(f"{root}/{value[:2]}")
                os.replace(f"{staging}/{oids.name(value)}", f"{root}/{oids.name(value)}")
    finally:
        shutil.rmtree(staging)
    return _merged(Outcome(failures=wrong, size=outcome.size), outcome.failures, len(values))


def _wrong_legacy(items: Items, values: Sequence[str]) -> dict[int, Failure]:
    """Return which local files do not have the text hash they are named after."""
    found = oids.hex_digests(batch.hash_files(items.directory, items.names, text_mode=True).digests)
    pairs = enumerate(zip(found, values, strict=True))
    return {index: _WRONG for index, (digest, value) in pairs if digest != value[:32]}


def _merged(outcome: Outcome, before: dict[int, Failure], count: int) -> Outcome:
    """Return an outcome by the indices of all files, when the files in `before` had been left out."""
    if not before:
        return outcome
    position = [index for index in range(count) if index not in before]
    later = {position[index]: failure for index, failure in outcome.failures.items()}
    return Outcome(failures=before | later, size=outcome.size)


def _items(values: Sequence[str], directory: str, *, legacy: bool) -> Items:
    return Items(
        directory=directory,
        names=oids.names(list(values)),
        keys=layout.packed_keys(values, legacy=legacy),
        digests=bytes.fromhex("".join([value[:32] for value in values])),
    )


def _problems(values: Iterable[str], names: dict[str, str], failure: Failure) -> list[Problem]:
    return [Problem(names[value], value, failure.kind, failure.reason) for value in values]


def _lost(asked: Wanted) -> list[Problem]:
    """Return the listings that nobody has; one that the cache has, but damaged, is told as such."""
    missing = [value for value in asked.lost if value not in asked.damaged]
    damaged = [value for value in asked.lost if value in asked.damaged]
    return _problems(missing, asked.lost, _MISSING) + _problems(damaged, asked.lost, _WRONG)


def _report(plan: Plan, trees: list[str], held: list[str], outcomes: tuple[Outcome, Outcome]) -> Report:
    problems = list(plan.problems)
    for values, outcome in zip((plan.files, trees), outcomes, strict=True):
        for index, (kind, reason) in outcome.failures.items():
            problems.append(Problem(plan.names[values[index]], values[index], kind, reason))
    failed = sum(len(outcome.failures) for outcome in outcomes)
    return Report(
        copied=len(plan.files) + len(trees) - failed,
        size=sum(outcome.size for outcome in outcomes),
        problems=problems,
        held=[plan.names[value] for value in held],
    )
