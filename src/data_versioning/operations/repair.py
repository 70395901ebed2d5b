"""Move damaged objects out of the cache, tell who needs them, and restore them from the workspace."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from data_versioning.errors import DataVersioningError, DiskError
from data_versioning.formats import dirfile
from data_versioning.localfs import batch, walk
from data_versioning.objects import oid as oids
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import loaded as loading
from data_versioning.operations.loaded import Loaded
from data_versioning.progress import Progress
from data_versioning.repo import Repo
from data_versioning.workspace import scan

QUARANTINE = "dv-quarantine"
_MODERN = "files/md5/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """An object whose content is wrong; `path` is where it was, relative to the cache."""

    path: str
    # Files of the workspace with this content, and the outputs they belong to.
    used_by: tuple[str, ...]
    targets: tuple[str, ...]
    # Where it lies now, relative to the cache; None where it stays.
    quarantine: str | None
    # The file of the workspace that has the right content.
    intact: str | None
    restored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An output of the workspace with objects that are not in the cache."""

    target: str
    objects: int
    # How many of its objects were restored from the workspace.
    restored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """What the outputs of the workspace need, as parallel lists."""

    # Where the object lies, relative to the cache.
    keys: list[str] = field(default_factory=list)
    # The file or directory of the workspace with that content, and the output it belongs to.
    paths: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def absent(self, present: Collection[str]) -> list[int]:
        """Return the indices of the uses whose object is not in `present`."""
        return [index for index, key in enumerate(self.keys) if key not in present]


class Treated(NamedTuple):
    """Damage and what is missing; `refused`: why nothing, or not all, could be done about it."""

    damaged: tuple[Damage, ...]
    missing: tuple[Missing, ...]
    refused: DiskError | None


def treat(
    repo: Repo,
    suspects: Sequence[str],
    present: set[str],
    *,
    dry_run: bool,
    restore: bool,
    progress: Progress,
) -> Treated:
    """Move the objects in `suspects` aside if they still are damaged, and restore what the workspace has.

    On a disk that is only read, all stays as it is. `present` are all objects that were seen in the cache; all names
    are relative to the cache.
    """
    moved: dict[str, str] = {}
    refused: DiskError | None = None
    if suspects and not dry_run:
        try:
            with repo.transaction("fsck", lock="exclusive"):
                _quarantine(repo.cache.base, suspects, moved)
            suspects = list(moved)
        except DiskError as error:
            refused = error
    present = present.difference(suspects)
    loaded = loading.load(repo)
    progress.start("comparing with the workspace")
    fixed: dict[str, str] = {}
    if restore and not dry_run and not refused:
        with repo.transaction("fsck"):
            fixed = _restore_listings(loaded, present)
            uses = uses_of(loaded)
            intact = _intact(repo.root, uses, present | fixed.keys())
            fixed |= _restore_files(repo, intact)
    else:
        uses = uses_of(loaded)
        intact = _intact(repo.root, uses, present)
    progress.finish()
    absent = uses.absent(present)
    needed = {uses.keys[index] for index in absent}
    earlier = {key: place for key, place in _quarantined(repo.cache.base).items() if key in needed}
    places = {**earlier, **dict.fromkeys(suspects, None), **moved}
    return Treated(_damage(places, uses, intact, fixed), _missing(uses, absent, places, fixed), refused)


def _is_legacy(key: str) -> bool:
    return not key.startswith(_MODERN)


def _digest(key: str) -> str:
    return key.removeprefix(_MODERN).replace("/", "")[:32]


def _blob(names: Sequence[str]) -> bytes:
    return os.fsencode("".join([name + "\0" for name in names]))


def _quarantine(base: str, suspects: Sequence[str], moved: dict[str, str]) -> None:
    """Hash the suspects again, now that nobody writes, and move those that are wrong; note in `moved` where to."""
    day = time.strftime("%Y-%m-%d")
    for legacy in (False, True):
        keys = [key for key in suspects if _is_legacy(key) == legacy]
        hashed = batch.hash_files(base, _blob(keys), text_mode=legacy)
        for index, (key, digest) in enumerate(zip(keys, oids.hex_digests(hashed.digests), strict=True)):
            if index not in hashed.errors and digest != _digest(key):
                moved[key] = _move(base, key, f"{QUARANTINE}/{day}/{key}")


def _move(base: str, key: str, wanted: str) -> str:
    place, number = wanted, 1
    while os.path.lexists(f"{base}/{place}"):
        number += 1
        place = f"{wanted}.{number}"
    try:
        os.makedirs(os.path.dirname(f"{base}/{place}"), exist_ok=True)
        os.rename(f"{base}/{key}", f"{base}/{place}")
    except OSError as error:
        raise DiskError(
            f"cannot move the damaged object {base}/{key} to {place}: {error.strerror}",
            hint="make the cache writable, then run `dv fsck` again",
        ) from error
    return place


def _quarantined(base: str) -> dict[str, str]:
    """Return the objects that were moved aside, now or earlier, by where they had been."""
    with suppress(FileNotFoundError):
        names = walk.walk(f"{base}/{QUARANTINE}", prune_nested=False).paths()
        places = {name.partition("/")[2]: f"{QUARANTINE}/{name}" for name in names}
        return {_without_number(key): place for key, place in places.items()}
    return {}


def _without_number(key: str) -> str:
    stem, _, number = key.rpartition(".")
    return stem if number.isdigit() else key


def uses_of(loaded: Loaded) -> Uses:
    """Return what the outputs of the workspace need."""
    uses = Uses()
    cache = loaded.repo.cache
    for item in loaded.project.outputs():
        output = item.output
        if not output.cache or not output.md5:
            continue
        prefix = "" if output.is_legacy else _MODERN
        uses.keys.append(prefix + oids.name(output.md5))
        uses.paths.append(item.path)
        uses.targets.append(item.path)
        if output.is_dir:
            with suppress(DataVersioningError):
                paths, values = cache.read_tree(ObjectId(output.md5, output.is_legacy))
                uses.keys.extend([prefix + oids.name(value) for value in values])
                uses.paths.extend([f"{item.path}/{path}" for path in paths])
                uses.targets.extend([item.path] * len(paths))
    return uses


def _intact(root: str, uses: Uses, present: Collection[str]) -> dict[str, str]:
    """Return the absent objects whose content a file of the workspace still has, read now, with that file."""
    found = {}
    for legacy in (False, True):
        wanted = [
            index
            for index in uses.absent(present)
            if _is_legacy(uses.keys[index]) == legacy and not uses.keys[index].endswith(oids.DIRECTORY_SUFFIX)
        ]
        names = _blob([uses.paths[index] for index in wanted])
        hashed = batch.hash_files(root, names, text_mode=legacy)
        for index, digest in zip(wanted, oids.hex_digests(hashed.digests), strict=True):
            if digest == _digest(uses.keys[index]):
                found[uses.keys[index]] = uses.paths[index]
    return found


def _restore_listings(loaded: Loaded, present: Collection[str]) -> dict[str, str]:
    """Write directory listings again where the directory in the workspace still is what was recorded."""
    fixed: dict[str, str] = {}
    cache = loaded.repo.cache
    for item in loaded.project.outputs():
        output = item.output
        if not (output.cache and output.md5 and output.is_dir) or output.is_legacy:
            continue
        key = _MODERN + oids.name(output.md5)
        if key in present:
            continue
        with suppress(DataVersioningError):
            found = scan.look(loaded.scanner(), item.path)
            if found is not None and found.oid.value == output.md5:
                cache.write_tree(dirfile.dump(found.paths(), found.hex_digests()))
                cache.seal([output.md5])
                fixed[key] = item.path
    return fixed


def _restore_files(repo: Repo, intact: dict[str, str]) -> dict[str, str]:
    """Copy files of the workspace back into the cache; legacy objects are left to `dv fetch`."""
    keys = [key for key in intact if not _is_legacy(key)]
    paths = [intact[key] for key in keys]
    digests = bytes.fromhex("".join(map(_digest, keys)))
    mode = 0o664 if repo.cache.shared else None
    done = batch.copy_files(
        repo.root, _blob(paths), repo.cache.base, _blob(keys), digests=digests, mode=mode, replace=True
    )
    arrived = [key for index, key in enumerate(keys) if index not in done.errors]
    repo.cache.seal([_digest(key) for key in arrived])
    return {key: intact[key] for key in arrived}


def _damage(
    places: dict[str, str | None], uses: Uses, intact: dict[str, str], fixed: dict[str, str]
) -> tuple[Damage, ...]:
    users: dict[str, list[int]] = {key: [] for key in places}
    for index, key in enumerate(uses.keys):
        if key in users:
            users[key].append(index)
    return tuple(
        Damage(
            path=key,
            used_by=tuple(uses.paths[index] for index in users[key]),
            targets=tuple(dict.fromkeys(uses.targets[index] for index in users[key])),
            quarantine=place,
            intact=fixed.get(key) or intact.get(key),
            restored=key in fixed,
        )
        for key, place in sorted(places.items())
    )


def _missing(
    uses: Uses, absent: Sequence[int], damaged: Collection[str], fixed: Collection[str]
) -> tuple[Missing, ...]:
    counts: dict[str, list[int]] = {}
    for index in absent:
        if uses.keys[index] not in damaged:
            count = counts.setdefault(uses.targets[index], [0, 0])
            count[0] += 1
            count[1] += uses.keys[index] in fixed
    return tuple(
        Missing(target=target, objects=total, restored=restored)
        for target, (total, restored) in counts.items()
        if total
    )
