"""Make the workspace match a recorded tree.

`plan` compares and touches nothing; `apply` may be interrupted and run again. Files appear complete under their name
or not at all, and never behind a symbolic link. Content that is saved nowhere else is never overwritten unless the
caller says so, and what changes between the comparison and the deed is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from data_versioning.errors import DiskError, PathError
from data_versioning.localfs import batch, walk
from data_versioning.localfs.links import LinkType
from data_versioning.localfs.walk import Listing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.paths import parents
from data_versioning.workspace.scan import Snapshot

_IN_THE_WAY = {errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY}


class Wanted(NamedTuple):
    """What a path should hold: a directory's files with their digests, or one file under the name ""."""

    is_dir: bool
    paths: list[str]
    values: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The fewest actions for one output; the lists hold indices into `wanted` or paths inside `path`."""

    path: str
    wanted: Wanted
    create: list[int]
    replace: list[int]
    delete: list[str]
    lost: list[str]  # the digests of what `replace`, then `delete`, would overwrite, in their order
    seen: list[bytes]  # and the `walk.RECORD`s of the same files
    clear: bool = False  # `path` itself has the wrong kind and goes first
    make: bool = False  # an empty directory is wanted

    @property
    def is_empty(self) -> bool:
        """Whether the workspace matches already."""
        return not (self.create or self.replace or self.delete or self.make or self.clear)

    def needed(self) -> list[int]:
        """Return the indices of the files that have to be made."""
        return [*self.create, *self.replace]

    def overwritten(self) -> list[str]:
        """Return the paths inside `path` whose content is in `lost`, in the same order."""
        return [*(self.wanted.paths[index] for index in self.replace), *self.delete]


class Applied(NamedTuple):
    """What `apply` did: stats of created files by index into `wanted`, and what failed, by index, with errno.

    `kept` are the paths in `Plan.delete` that changed meanwhile, so that they are there still.
    """

    stats: dict[int, bytes]
    failed: dict[int, int]
    kept: list[str]

    @property
    def is_complete(self) -> bool:
        """Whether the workspace is now as planned."""
        return not (self.failed or self.kept)


NOTHING = Applied({}, {}, [])


def plan(path: str, actual: Snapshot | None, wanted: Wanted, *, inner: str | None = None) -> Plan:
    """Return the fewest actions that turn `actual` into `wanted`; with `inner`, only below that part of a directory."""
    everything = list(range(len(wanted.paths)))
    make = wanted.is_dir and not everything and inner is None
    if actual is None:
        return Plan(
            path=path, wanted=wanted, create=everything, replace=[], delete=[], lost=[], seen=[], make=make
        )
    digests = actual.hex_digests()
    if actual.is_dir != wanted.is_dir:
        return Plan(
            path=path,
            wanted=wanted,
            create=everything,
            replace=[],
            delete=actual.paths() if actual.is_dir else [""],
            lost=digests,
            seen=[actual.listing.record(at) for at in range(len(digests))],
            clear=True,
            make=make,
        )
    names = actual.paths() if actual.is_dir else [""]
    old = {name: at for at, name in enumerate(names)}
    if inner is not None:
        old = {name: old[name] for name in within(names, inner)}
    create, replace_, over = [], [], []
    for index, (name, value) in enumerate(zip(wanted.paths, wanted.values, strict=True)):
        before = old.pop(name, None)
        if before is None:
            create.append(index)
        elif digests[before] != value:
            replace_.append(index)
            over.append(before)
    over += old.values()
    return Plan(
        path=path,
        wanted=wanted,
        create=create,
        replace=replace_,
        delete=list(old),
        lost=[digests[at] for at in over],
        seen=[actual.listing.record(at) for at in over],
    )


def within(names: Sequence[str], inner: str) -> list[str]:
    """Return the names that are `inner` or lie below it."""
    below = inner + "/"
    return [name for name in names if name == inner or name.startswith(below)]


def without(plan: Plan, absent: set[int]) -> Plan:
    """Return `plan` without the files `absent`, which cannot be made: what stands in their place stays."""
    if not absent:
        return plan
    create = [index for index in plan.create if index not in absent]
    kept = [at for at, index in enumerate(plan.replace) if index not in absent]
    if plan.clear and not create:
        return replace(plan, create=[], delete=[], lost=[], seen=[], clear=False)
    count = len(plan.replace)
    return replace(
        plan,
        create=create,
        replace=[plan.replace[at] for at in kept],
        lost=[*(plan.lost[at] for at in kept), *plan.lost[count:]],
        seen=[*(plan.seen[at] for at in kept), *plan.seen[count:]],
    )


def check(plan: Plan, root: str) -> None:
    """Raise `PathError` when `plan` cannot be carried out without writing elsewhere or losing untracked files.

    A repository can bring a symbolic link along that leads our writes anywhere. A directory that must become a file
    may hold files that are ignored.
    """
    refuse_links(plan.path, root)
    if plan.clear and not plan.wanted.is_dir:
        _refuse_leftovers(plan, f"{root}/{plan.path}")


def refuse_links(path: str, root: str) -> None:
    """Raise `PathError` when an output lies behind a symbolic link, or is one to a directory."""
    for place in (*reversed(parents(path)), path):
        absolute = f"{root}/{place}"
        if os.path.islink(absolute) and (place != path or os.path.isdir(absolute)):
            raise PathError(
                f"'{path}' is not touched, because '{place}' is a symbolic link",
                hint=f"rm '{place}', then run the command again",
            )


def _refuse_leftovers(plan: Plan, absolute: str) -> None:
    known = set(plan.delete)
    for directory, directories, files in os.walk(absolute):
        inner = directory[len(absolute) + 1 :]
        links = [name for name in directories if os.path.islink(f"{directory}/{name}")]
        for name in (*files, *links):
            if (f"{inner}/{name}" if inner else name) not in known:
                raise PathError(
                    f"'{plan.path}' must become a file, but is a directory that holds files which are not tracked",
                    hint=f"move them out of '{plan.path}', then run the command again",
                )


def apply(
    plan: Plan,
    root: str,
    cache: ObjectCache,
    *,
    kind: LinkType,
    legacy: bool = False,
    advance: Callable[[int, int], None] | None = None,
) -> Applied:
    """Carry out `plan` below the workspace `root`; objects that are missing are reported, not raised.

    Raises as `check`, with nothing touched, and `DiskError` when something that must go cannot be removed.
    """
    check(plan, root)
    kept = _delete(plan, root)
    if kept and plan.clear:
        # What has the wrong kind changed, so it stays, and nothing fits beside it.
        return Applied({}, dict.fromkeys(plan.create, batch.TARGET_CHANGED), kept)
    if plan.make:
        os.makedirs(f"{root}/{plan.path}", exist_ok=True)
    done = Applied({}, {}, kept)
    put = partial(place, cache, root=root, kind=kind, legacy=legacy, advance=advance)
    _make(plan, plan.create, done, put)
    _make(plan, plan.replace, done, partial(put, seen=b"".join(plan.seen[: len(plan.replace)])))
    blocked = [index for index in plan.create if done.failed.get(index) in _IN_THE_WAY]
    if freed := [index for index in blocked if _remove_hollow(f"{root}/{_place(plan, index)}")]:
        _make(plan, freed, done, put)
    return done


def reason(code: int) -> str:
    """Return why a file could not be made or removed."""
    return "changed meanwhile, and kept" if code == batch.TARGET_CHANGED else os.strerror(code)


def _make(plan: Plan, indices: list[int], done: Applied, put: Callable[..., batch.Batch]) -> None:
    if not indices:
        return
    found = put(
        values=[plan.wanted.values[index] for index in indices],
        names=inside(plan.path, [plan.wanted.paths[index] for index in indices]),
    )
    size = walk.RECORD.size
    for at, index in enumerate(indices):
        if at in found.errors:
            done.failed[index] = found.errors[at]
        else:
            done.failed.pop(index, None)
            done.stats[index] = found.stats[at * size : (at + 1) * size]


def place(
    cache: ObjectCache,
    values: Sequence[str],
    root: str,
    names: bytes,
    *,
    kind: LinkType,
    seen: bytes = b"",
    legacy: bool = False,
    advance: Callable[[int, int], None] | None = None,
) -> batch.Batch:
    """Make files below `root` from cache objects, as links of the given kind or as copies; never through a link.

    They take the place of files with the stats `seen` (a `walk.RECORD` each), or of none.
    """
    source = cache.root(legacy=legacy)
    sources = oids.names(list(values))
    if kind is LinkType.COPY:
        return batch.copy_files(source, sources, root, names, replace=bool(seen), seen=seen, advance=advance)
    return batch.link_files(
        source, sources, root, names, kind=kind, replace=bool(seen), seen=seen, advance=advance
    )


def set_mode(absolute: str, *, is_executable: bool) -> bool:
    """Give a single file the mode that DVC gives it: 0666 minus the umask; False when it has that already."""
    mode = 0o666 & ~batch.umask() | (stat.S_IXUSR if is_executable else 0)
    if stat.S_IMODE(os.stat(absolute).st_mode) == mode:
        return False
    os.chmod(absolute, mode)
    return True


def prune(root: str, path: str, names: Sequence[str]) -> None:
    """Remove the empty directories inside the tracked directory `path`, which holds the files `names`, as DVC does."""
    top = f"{root}/{path}"
    known = {name.rpartition("/")[0] for name in names}
    known.update([parent for place in known for parent in parents(place)], [""])
    below = Counter(place.rpartition("/")[0] for place in known if place)
    for place in known:
        absolute = f"{top}/{place}" if place else top
        links = os.stat(absolute).st_nlink
        # Two links and one for each directory inside: no need to look. Some file systems do not count.
        if links < 2 or links - 2 != below[place]:
            _prune_one(
                absolute, {name.rpartition("/")[2] for name in known if name.rpartition("/")[0] == place}
            )


def _prune_one(absolute: str, kept: set[str]) -> None:
    with os.scandir(absolute) as entries:
        strange = [
            entry.path
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and entry.name not in kept | {".git", ".hg", ".dvc"}
        ]
    for directory in strange:
        _remove_hollow(directory)


def inside(path: str, names: Sequence[str]) -> bytes:
    """Return the names of files inside `path` ("" for `path` itself), each ended by NUL, as seen from the root.

    >>> inside("data", ["a", "b/c"]), inside("data", [""]), inside("", ["a"])
    (b'data/a\\x00data/b/c\\x00', b'data\\x00', b'a\\x00')
    """
    if not names:
        return b""
    if names[0] == "":
        return os.fsencode(path) + b"\0"
    # One text for all of them: encoding name by name takes longer than copying small files.
    prefix = f"{path}/" if path else ""
    return os.fsencode(prefix + f"\0{prefix}".join(names) + "\0")


def _place(plan: Plan, index: int) -> str:
    name = plan.wanted.paths[index]
    return f"{plan.path}/{name}" if name else plan.path


def _delete(plan: Plan, root: str) -> list[str]:
    """Remove what is not wanted; return the paths inside `plan.path` that changed meanwhile, and stay."""
    seen = b"".join(plan.seen[len(plan.replace) :])
    kept = []
    for index, code in batch.remove_files(root, inside(plan.path, plan.delete), seen=seen).items():
        if code != batch.TARGET_CHANGED:
            raise DiskError(f"cannot remove '{plan.path}/{plan.delete[index]}': {os.strerror(code)}")
        kept.append(plan.delete[index])
    _remove_empty(f"{root}/{plan.path}", plan.delete)
    if plan.clear and not plan.wanted.is_dir:
        _remove_hollow(f"{root}/{plan.path}")
    return kept


def _remove_empty(top: str, deleted: list[str]) -> None:
    for parent in sorted({parent for name in deleted for parent in parents(name)}, reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(f"{top}/{parent}")


def _remove_hollow(absolute: str) -> bool:
    """Remove a directory that holds nothing but directories, where a file is wanted; False when it holds more."""
    for directory, _, files in os.walk(absolute, topdown=False):
        if files:
            return False
        try:
            os.rmdir(directory)
        except OSError as error:
            if error.errno in _IN_THE_WAY:
                return False
            raise DiskError(
                f"cannot remove '{directory}': {error.strerror}", hint=f"ls -ld {directory}"
            ) from error
    return not os.path.lexists(absolute)


def remembered(plan: Plan, actual: Snapshot | None, applied: Applied) -> tuple[Listing, bytes]:
    """Return listing and digests of the directory after `apply`, without walking it again."""
    size = walk.RECORD.size
    made = [plan.wanted.paths[index] for index in applied.stats]
    gone = {*plan.delete, *made}
    rows: list[tuple[bytes, bytes, bytes]] = []
    if actual is not None and actual.is_dir and not plan.clear:
        listing = actual.listing
        rows = [
            (raw, listing.stats[at * size : (at + 1) * size], actual.digests[at * 16 : (at + 1) * 16])
            for at, (raw, name) in enumerate(zip(listing.raw_paths(), listing.paths(), strict=True))
            if name not in gone
        ]
    rows += zip(
        os.fsencode("\0".join(made)).split(b"\0") if made else [],
        applied.stats.values(),
        [bytes.fromhex(plan.wanted.values[index]) for index in applied.stats],
        strict=True,
    )
    rows.sort()
    listing = Listing.of(b"".join([row[0] + b"\0" for row in rows]), b"".join([row[1] for row in rows]))
    return listing, b"".join([row[2] for row in rows])
