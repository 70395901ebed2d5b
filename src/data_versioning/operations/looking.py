"""What places hold now, each looked at once: what comparing stages with the workspace asks for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from data_versioning import paths
from data_versioning.errors import CorruptObject, FormatError, MissingObject
from data_versioning.objects.oid import ObjectId
from data_versioning.operations.loaded import Loaded
from data_versioning.pipeline.project import StageSelection
from data_versioning.pipeline.stage import Dependency, Output
from data_versioning.progress import Progress
from data_versioning.workspace import scan, singles
from data_versioning.workspace.scan import Snapshot

# Loaded by name: only projects with dependencies elsewhere need the remotes.
_URL_ORIGIN = "data_versioning.operations.url_origin"


def url_origin() -> Any:
    """Return the module that looks at places outside of the workspace."""
    return importlib.import_module(_URL_ORIGIN)


class Look:
    """Answers what `staleness` asks; `forget` what may have changed."""

    __slots__ = ("files", "known", "loaded", "objects", "progress")

    def __init__(self, *, loaded: Loaded, progress: Progress) -> None:
        self.loaded = loaded
        self.progress = progress
        self.known: dict[tuple[str, bool], str | None] = {}
        # What was asked for many files at once, by algorithm: their digests, and whether objects are there.
        self.files: dict[bool, dict[str, bytes]] = {False: {}, True: {}}
        self.objects: dict[bool, dict[str, bool]] = {False: {}, True: {}}

    def at_files(self, chosen: Sequence[StageSelection]) -> None:
        """Look at all outputs that are single files, and at their objects, in one go."""
        for legacy in (False, True):
            found = [
                (path, output.md5)
                for stage, _ in chosen
                for output in stage.outs
                if output.md5 and output.is_legacy is legacy and not output.is_dir
                if (path := stage.located(output.path))
            ]
            if found:
                scanner = self.loaded.scanner(legacy=legacy, progress=self.progress)
                self.files[legacy] = singles.look(scanner, [path for path, _ in found])
                values = [value for _, value in found]
                missing = self.loaded.repo.cache.missing(values, legacy=legacy)
                self.objects[legacy] = dict.fromkeys(values, True)
                self.objects[legacy].update(dict.fromkeys([values[at] for at in missing], False))

    def forget(self, places: Iterable[str]) -> None:
        """Look again at these places, and at all above and below them, when asked."""
        for place in places:
            for file in [file for file in self.files[False] if _meet(file, place)]:
                del self.files[False][file]
            for key in [key for key in self.known if _meet(key[0], place)]:
                del self.known[key]

    def forget_objects(self) -> None:
        """Look again at the cache, which got new objects."""
        for known in self.objects.values():
            known.clear()

    def current_hash(self, place: str, entry: Output | Dependency) -> str | None:
        """Return what a place hashes to now; None when nothing is there."""
        legacy = entry.md5 is not None and entry.hash is None
        if (digest := self.files[legacy].get(place)) is not None:
            return digest.hex()
        if (place, legacy) not in self.known:
            snapshot = self.snapshot(place, legacy=legacy)
            self.known[place, legacy] = snapshot.oid.value if snapshot else None
        return self.known[place, legacy]

    def snapshot(self, place: str, *, legacy: bool = False) -> Snapshot | None:
        """Return what a place, in the workspace or elsewhere on this machine, holds now."""
        repo = self.loaded.repo
        if place.startswith(("/", "../")) or "://" in place:
            origin = url_origin()
            found: Snapshot | None = origin.look(
                self.loaded, origin.place(repo.settings, place, repo.root), self.progress
            )
            return found
        return scan.look(self.loaded.scanner(legacy=legacy, progress=self.progress), place)

    def is_cached(self, path: str, output: Output) -> bool:
        """Whether all objects of an output are there; remembered while the cache does not change."""
        oid = ObjectId(output.md5 or "", output.is_legacy)
        if (is_there := self.objects[oid.legacy].get(oid.value)) is not None:
            return is_there
        cache = self.loaded.repo.cache
        if not oid.is_dir:
            return cache.has(oid)
        signature = cache.signature()
        key = self.loaded.scanner(legacy=oid.legacy).key(path)
        record = self.loaded.stats.tree(key)
        fits = record is not None and record.value == oid.value and not oid.legacy
        if record is not None and fits and record.present == signature != b"":
            return True
        try:
            _, values = cache.read_tree(oid)
        except (MissingObject, CorruptObject, FormatError):
            return False
        complete = not cache.missing(values, legacy=oid.legacy)
        if record is not None and fits and complete and signature:
            self.loaded.stats.remember_tree(key, record._replace(present=signature))
        return complete


def _meet(one: str, other: str) -> bool:
    return paths.is_inside(one, other) or paths.is_inside(other, one)
