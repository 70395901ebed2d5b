"""What changed since data was recorded and stages ran, in the shape of `dvc status`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from data_versioning.errors import CorruptObject, FormatError, MissingObject
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.operations.loaded import Loaded
from data_versioning.pipeline import compiled, staleness
from data_versioning.pipeline.project import StageSelection
from data_versioning.pipeline.stage import Dependency, Output
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.workspace import scan, singles
from data_versioning.workspace.scan import Snapshot

# Loaded by name: only projects with dependencies elsewhere need the remotes.
_URL_ORIGIN = "data_versioning.operations.url_origin"


class StatusResult(NamedTuple):
    """`changes`: by stage address, as `dvc status --json`; `needs_dvc`: stages whose origin only `dvc` can ask;
    `frozen`: those whose dependencies were not looked at.
    """

    changes: dict[str, list[staleness.Entry]]
    stages: int
    needs_dvc: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()


def status(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    recursive: bool = False,
    with_deps: bool = False,
    ask_origins: bool = True,
    progress: Progress = SILENT,
) -> StatusResult:
    """Compare the stages and outputs that `names` mean (all without names) with the workspace and the cache.

    `ask_origins`: also look whether the repositories that data was imported from have newer commits.
    """
    loaded = loading.load(repo)
    base = targets.base(repo)
    named = targets.named(repo, names)
    chosen = loaded.project.select_stages(named, base=base, recursive=recursive, with_deps=with_deps)
    foreign = tuple(item.stage.address for item in chosen if _is_foreign(repo, item))
    if foreign:
        return StatusResult(changes={}, stages=len(loaded.project.stages), needs_dvc=foreign)
    look = _Look(loaded=loaded, progress=progress)
    params = compiled.Params(repo.root, repo.temp_dir)
    progress.start("Comparing")
    try:
        look.at_files(chosen)
        changes = staleness.status(
            chosen,
            current_hash=look.current_hash,
            is_cached=look.is_cached,
            read_params=params.read,
            base=base,
            root=repo.root,
        )
        if ask_origins:
            changes = _with_news(repo, chosen, changes, base)
    finally:
        progress.finish()
        loaded.stats.save()
        params.save()
    frozen = {
        stage.address_from(base): None
        for stage, _ in chosen
        if stage.frozen and stage.deps and not stage.is_repo_import
    }
    return StatusResult(changes=changes, stages=len(loaded.project.stages), frozen=tuple(frozen))


def _with_news(
    repo: Repo,
    chosen: Sequence[StageSelection],
    changes: dict[str, list[staleness.Entry]],
    base: str,
) -> dict[str, list[staleness.Entry]]:
    """Return `changes` with what the origins of imports say, each first in its stage's list."""
    imports = [item.stage for item in chosen if item.stage.is_repo_import]
    if not imports:
        return changes
    # Loaded by name: only projects with imports need Git and other repositories.
    imported = importlib.import_module("data_versioning.operations.imported")
    origins = imported.Origins(repo=repo)
    news: dict[str, list[staleness.Entry]] = {}
    for stage in {stage.file: stage for stage in imports}.values():
        if name := imported.outdated(origins, stage):
            news[stage.address_from(base)] = [{"changed deps": {name: "update available"}}]
    return {address: [*news.get(address, ()), *changes.get(address, ())] for address in {**changes, **news}}


def _is_foreign(repo: Repo, item: StageSelection) -> bool:
    """Whether asking for changes means asking a cloud."""
    return any(
        "://" in dep.path
        and not dep.path.startswith("ds://")
        and not _url_origin().is_here(repo.settings, dep.path)
        for dep in item.stage.deps
        if not item.stage.frozen and not dep.repo
    )


def _url_origin() -> Any:
    return importlib.import_module(_URL_ORIGIN)


class _Look:
    """Answers what a comparison asks, each place once."""

    __slots__ = ("absent", "files", "known", "loaded", "progress")

    def __init__(self, *, loaded: Loaded, progress: Progress) -> None:
        self.loaded = loaded
        self.progress = progress
        self.known: dict[tuple[str, bool], str | None] = {}
        # What was asked for many files at once, by algorithm: their digests, and objects that are not there.
        self.files: dict[bool, dict[str, bytes]] = {False: {}, True: {}}
        self.absent: dict[bool, frozenset[str]] = {}

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
                self.absent[legacy] = frozenset([values[at] for at in missing])

    def current_hash(self, place: str, entry: Output | Dependency) -> str | None:
        legacy = entry.md5 is not None and entry.hash is None
        if (digest := self.files[legacy].get(place)) is not None:
            return digest.hex()
        if (place, legacy) not in self.known:
            snapshot = self._look(place, legacy=legacy)
            self.known[place, legacy] = snapshot.oid.value if snapshot else None
        return self.known[place, legacy]

    def _look(self, place: str, *, legacy: bool) -> Snapshot | None:
        repo = self.loaded.repo
        if place.startswith(("/", "../")) or "://" in place:
            url_origin = _url_origin()
            found: Snapshot | None = url_origin.look(
                self.loaded, url_origin.place(repo.settings, place, repo.root), self.progress
            )
            return found
        return scan.look(self.loaded.scanner(legacy=legacy, progress=self.progress), place)

    def is_cached(self, path: str, output: Output) -> bool:
        """Whether all objects of an output are there; remembered while the cache does not change."""
        oid = ObjectId(output.md5 or "", output.is_legacy)
        if oid.value and not oid.is_dir and oid.legacy in self.absent:
            return oid.value not in self.absent[oid.legacy]
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
