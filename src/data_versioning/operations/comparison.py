"""Two states of tracked data compared path by path: what pointer files record, or what the workspace holds."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from data_versioning.errors import CorruptObject, FormatError, MissingObject
from data_versioning.formats import dirfile
from data_versioning.formats.dirfile import Listing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath, is_inside, parents
from data_versioning.pipeline.project import Tracked
from data_versioning.progress import Progress
from data_versioning.workspace import scan, singles

_TEXT = "~text"


@dataclass(slots=True)
class Entries:
    """One side of a comparison: id by path, for outputs and, when asked for, for the files inside them.

    An id is the value of an object id; one of DVC 2.x is marked, so it never equals one of today, whatever the content.
    """

    values: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)  # directories whose listing cannot be read
    sizes: dict[str, int | None] = field(default_factory=dict)  # of outputs, in bytes; None: not recorded

    def within(self, targets: Sequence[str]) -> Entries:
        """Return what lies at or below one of these paths."""
        kept = {
            path: value
            for path, value in self.values.items()
            if any(is_inside(path, target) for target in targets)
        }
        return Entries(kept, self.unknown)

    def put_inside(self, path: str, oid: ObjectId, names: Iterable[str], digests: Iterable[str]) -> None:
        """Add the files of the directory `oid` at `path`."""
        ids = (f"{digest}{_TEXT}" for digest in digests) if oid.legacy else digests
        self.values.update(zip(map(f"{path}/".__add__, names), ids, strict=True))

    def shown(self, path: str) -> str:
        """Return `path` as users see it: a tracked directory ends in "/"."""
        return f"{path}/" if value_of(self.values.get(path, "")).endswith(oids.DIRECTORY_SUFFIX) else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Paths by what became of them, each group sorted.

    What lies in a directory whose listing is unknown is in no group but that one, if it is there now.
    """

    added: list[str]
    deleted: list[str]
    modified: list[str]
    unchanged: list[str]
    unknown: list[str]


def id_of(oid: ObjectId) -> str:
    """Return the id that stands for an object."""
    return f"{oid.value}{_TEXT}" if oid.legacy else oid.value


def value_of(id_: str) -> str:
    """Return the value of the object that an id stands for."""
    return id_.removesuffix(_TEXT)


def recorded(
    outputs: Iterable[Tracked],
    loaded: Loaded,
    *,
    granular: bool,
    listings: Mapping[str, Listing] = MappingProxyType({}),
) -> Entries:
    """Return what pointer files record of those outputs that have a hash; `granular`: also of the files inside.

    `listings` are taken as they are: by the path of the output, what to tell of its files.
    """
    entries = Entries()
    for item in outputs:
        # An import that was not downloaded is to hold what its origin held.
        holder = item.stage.deps[0] if item.stage.is_partial_import else item.output
        if not item.output.cache or not holder.md5:
            continue
        oid = ObjectId(holder.md5, item.output.is_legacy)
        entries.values[item.path] = id_of(oid)
        entries.sizes[item.path] = holder.size
        if granular and oid.is_dir:
            found = listings.get(item.path) or _tree(loaded, item, oid)
            if found is None:
                entries.unknown.add(item.path)
            else:
                entries.put_inside(item.path, oid, *found)
    return entries


def changed_parts(
    old: Iterable[Tracked], new: Iterable[Tracked], cache: ObjectCache
) -> tuple[dict[str, Listing], dict[str, Listing]]:
    """Return the files that differ, by output, of directories that both sides have and the cache knows."""
    before, after = (
        {
            item.path: ObjectId(item.output.md5)
            for item in side
            if item.output.md5 and item.output.is_dir and not item.output.is_legacy and not item.output.files
        }
        for side in (old, new)
    )
    parts: tuple[dict[str, Listing], dict[str, Listing]] = ({}, {})
    for path in before.keys() & after.keys():
        with contextlib.suppress(MissingObject, CorruptObject, FormatError):
            raw = [cache.read(oid) for oid in (before[path], after[path])]
            parts[0][path], parts[1][path] = dirfile.differing(*raw, file=path)
    return parts


def _tree(loaded: Loaded, item: Tracked, oid: ObjectId) -> Listing | None:
    """Return a listing: from the pointer file, the cache, or what was hashed last; None when nobody knows it."""
    if files := item.output.files:
        return [str(file["relpath"]) for file in files], [str(file.get("md5") or "") for file in files]
    try:
        return loaded.repo.cache.read_tree(oid)
    except (MissingObject, CorruptObject, FormatError):
        record = loaded.stats.tree(loaded.scanner(legacy=oid.legacy).key(item.path))
    if record is None or record.value != oid.value:
        return None
    return os.fsdecode(record.names).split("\0")[:-1], oids.hex_digests(record.digests)


def in_workspace(
    outputs: Iterable[Tracked], loaded: Loaded, progress: Progress, *, granular: bool
) -> Entries:
    """Return what the workspace holds of these outputs; only what the stat cache does not know is hashed."""
    entries = Entries()
    progress.start("Comparing with the workspace")
    try:
        for item in _put_unchanged(
            entries, [item for item in outputs if item.output.cache], loaded, progress
        ):
            # As for DVC, a link to nothing is told as missing, and no error.
            scanner = loaded.scanner(legacy=item.output.is_legacy, skip_broken=True, progress=progress)
            found = scan.look(scanner, item.path)
            if found is None:
                continue
            entries.values[item.path] = id_of(found.oid)
            entries.sizes[item.path] = found.size
            if granular and found.is_dir:
                entries.put_inside(item.path, found.oid, found.paths(), found.hex_digests())
    finally:
        progress.finish()
        loaded.stats.save()
    return entries


def _put_unchanged(
    entries: Entries, outputs: Sequence[Tracked], loaded: Loaded, progress: Progress
) -> list[Tracked]:
    """Add the single files that hold what is recorded, all in one call; return the other outputs."""
    for legacy in (False, True):
        files = {
            item.path: item.output
            for item in outputs
            if item.output.is_legacy is legacy and not item.output.is_dir and item.output.size is not None
        }
        found = singles.look(loaded.scanner(legacy=legacy, progress=progress), list(files)) if files else {}
        for path, digest in found.items():
            if digest.hex() == files[RepoPath(path)].md5:
                entries.values[path] = id_of(ObjectId(digest.hex(), legacy))
                entries.sizes[path] = files[RepoPath(path)].size
    return [item for item in outputs if item.path not in entries.values]


def compare(old: Entries, new: Entries) -> Comparison:
    """Sort every path of either side into its group."""
    before, after = old.values, new.values
    unknown: set[str] = set()
    if places := tuple(f"{place}/" for place in old.unknown | new.unknown):
        unknown = {path for path in after if path.startswith(places)}
        unknown |= {f"{parent}/" for path in unknown for parent in parents(path) if parent.startswith(places)}
        before, after = (
            {path: value for path, value in side.items() if not path.startswith(places)}
            for side in (before, after)
        )
    # Loops over dictionaries: sets of their items would hold a pair for each of many files.
    return Comparison(
        added=sorted(path for path in after if path not in before),
        deleted=sorted(path for path in before if path not in after),
        modified=sorted(path for path, value in before.items() if after.get(path, value) != value),
        unchanged=sorted(path for path, value in before.items() if after.get(path) == value),
        unknown=sorted(unknown),
    )


def renames(
    old: Entries, new: Entries, deleted: Iterable[str], added: Iterable[str]
) -> list[tuple[str, str]]:
    """Pair what disappeared with what appeared under the same id, in the order of the names."""
    gone: dict[str, deque[str]] = {}
    for path in sorted(deleted, key=_by_parts):
        gone.setdefault(old.values[path], deque()).append(path)
    pairs = []
    for path in sorted(added, key=_by_parts):
        queue = gone.get(new.values[path])
        if queue:
            pairs.append((queue.popleft(), path))
    return pairs


def _by_parts(path: str) -> list[str]:
    return path.split("/")


def directories(paths: Iterable[str]) -> set[str]:
    """Return every directory that some of `paths` lie in."""
    found = {path.rpartition("/")[0] for path in paths}
    return found.union(*map(parents, found)) - {""}


def not_in_cache(entries: Entries, cache: ObjectCache) -> list[str]:
    """Return the paths whose object the cache lacks, sorted."""
    missing: list[str] = []
    for legacy in (False, True):
        paths = [path for path, value in entries.values.items() if value.endswith(_TEXT) is legacy]
        values = [value_of(entries.values[path]) for path in paths]
        missing += [paths[at] for at in cache.missing(values, legacy=legacy)]
    return sorted(missing)
