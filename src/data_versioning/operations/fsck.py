"""Check every object of the cache by its content; move damaged ones aside and say how to get them back."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

from data_versioning.errors import FormatError
from data_versioning.formats import dirfile
from data_versioning.localfs import batch, disposable, regular
from data_versioning.localfs.walk import Listing
from data_versioning.objects import fsck as objects
from data_versioning.objects import gc
from data_versioning.objects.fsck import Contents, State, Verdict
from data_versioning.operations import repair
from data_versioning.operations.repair import Damage, Missing
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to check and what to do about it."""

    # "5%" or "1000" objects, chosen at random; None: all.
    sample: str | None = None
    # Forget how far an interrupted check came.
    restart: bool = False
    # Restore from files of the workspace that still have the right content.
    repair: bool = False
    # Change nothing.
    dry_run: bool = False
    jobs: int | None = None
    # Of a remote: read every object, whatever digest the store tells.
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckResult:
    """What a check found; paths of objects are relative to `base`, the cache."""

    base: str
    # Objects with the right content, and their bytes.
    sound: int
    size: int
    damaged: tuple[Damage, ...]
    # Path and reason.
    unreadable: tuple[tuple[str, str], ...]
    # Directory listings with the right hash that make no sense.
    malformed: tuple[str, ...]
    # Objects with the right content that were (with `dry_run`: are) not read-only.
    unsealed: int
    leftovers: tuple[str, ...]
    strays: tuple[str, ...]
    missing: tuple[Missing, ...]
    # When the interrupted check began that this one continued.
    resumed: float | None
    sampled: bool
    dry_run: bool
    # Why damaged objects stay where they are: the disk is only read.
    refused: str | None

    @property
    def is_clean(self) -> bool:
        """Whether nothing damaged is left; objects that were never fetched are no damage."""
        return self.damaged_left == 0

    @property
    def repaired(self) -> int:
        """Damaged objects that were restored."""
        return sum(damage.restored for damage in self.damaged)

    @property
    def damaged_left(self) -> int:
        """Objects that are still unusable."""
        return len(self.damaged) - self.repaired + len(self.unreadable) + len(self.malformed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """One root of the cache and what lies below it."""

    path: str
    contents: Contents
    legacy: bool

    def in_cache(self, name: str) -> str:
        """Return a name below this root as a path relative to the cache."""
        return name if self.legacy else f"files/md5/{name}"


def fsck(repo: Repo, options: Options, *, progress: Progress = SILENT) -> FsckResult:
    """Check the cache, then the objects that the workspace needs.

    Damaged objects are moved to `dv-quarantine` in the cache, never deleted; where that cannot be, they are told all
    the same. May be interrupted: the next
    call continues, unless a sample is checked.
    """
    base = repo.cache.base
    roots = _roots(base)
    chosen = objects.sampled([root.contents.objects for root in roots], options.sample)
    state, resumed = _state(_state_path(repo), base, options)
    _check_all(repo, roots, chosen, state, options, progress)
    treated = repair.treat(
        repo,
        state.damaged,
        _present(roots),
        dry_run=options.dry_run,
        restore=options.repair,
        progress=progress,
    )
    if not options.sample:
        with suppress(OSError):
            os.unlink(_state_path(repo))
    return FsckResult(
        base=base,
        sound=state.sound,
        size=state.size,
        damaged=treated.damaged,
        unreadable=tuple((name, os.strerror(code)) for name, code in state.unreadable),
        malformed=tuple(state.malformed),
        unsealed=state.unsealed,
        leftovers=tuple(root.in_cache(name) for root in roots for name in root.contents.leftovers),
        strays=tuple(root.in_cache(name) for root in roots for name in root.contents.strays),
        missing=treated.missing,
        resumed=resumed,
        sampled=options.sample is not None,
        dry_run=options.dry_run,
        refused=treated.refused.message if treated.refused else None,
    )


def _check_all(
    repo: Repo,
    roots: list[Root],
    chosen: list[Listing],
    state: State,
    options: Options,
    progress: Progress,
) -> None:
    """Check what `state` does not know yet, and note it there."""
    pairs = list(zip(roots, chosen, strict=True))
    left = sum(state.left(found, legacy=root.legacy) for root, found in pairs)
    progress.start("checking objects", files=left)
    for root, found in pairs:
        for prefixes, share in objects.shares(found, state.finished(legacy=root.legacy)):
            verdict = _check(repo, root, share, options, progress)
            state.malformed += _malformed(root, share, verdict)
            _note(state, root, prefixes, share, verdict)
            if not options.sample:
                with suppress(OSError):  # on a disk that is full or only read: checked all the same
                    disposable.keep(_state_path(repo), state.dump())
    progress.finish()


def _state_path(repo: Repo) -> str:
    return f"{repo.temp_dir}/fsck.state"


def _state(path: str, base: str, options: Options) -> tuple[State, float | None]:
    """Return how far an interrupted check came, and when it began."""
    now = time.time()
    fresh = State(base=base, started=now)
    if options.restart or options.sample:
        return fresh, None
    kept = disposable.load(path)  # only what we wrote here ourselves: it says what needs no check
    if not isinstance(kept, bytes):
        return fresh, None
    found = State.load(kept, base, now=now)
    return found, found.started if found.done else None


def _roots(base: str) -> list[Root]:
    return [
        Root(path=path, contents=objects.sort_out(listing), legacy=legacy)
        for path, listing, legacy in gc.roots(base)
    ]


def _check(repo: Repo, root: Root, share: Listing, options: Options, progress: Progress) -> Verdict:
    """Hash some objects, and make those of right content read-only."""
    hashed = batch.hash_files(
        root.path, share.names, threads=options.jobs, advance=progress.advance, text_mode=root.legacy
    )
    verdict = objects.judge(share, hashed)
    if verdict.unsealed and not options.dry_run:
        if repo.cache.durable:
            batch.sync(root.path)
        # A cache that belongs to somebody else may refuse; the objects are right all the same.
        batch.chmod_files(root.path, "".join(f"{name}\0" for name in verdict.unsealed).encode(), 0o444)
    return verdict


def _malformed(root: Root, share: Listing, verdict: Verdict) -> list[str]:
    """Return the directory listings whose content is right and yet no listing."""
    wrong = {*verdict.damaged, *(name for name, _ in verdict.unreadable)}
    found = []
    for name in share.paths():
        if name.endswith(".dir") and name not in wrong:
            try:
                dirfile.load(regular.read(f"{root.path}/{name}"), file=name)
            except FileNotFoundError:
                continue
            except FormatError:
                found.append(root.in_cache(name))
    return found


def _note(state: State, root: Root, prefixes: list[str], share: Listing, verdict: Verdict) -> None:
    state.finish(prefixes, legacy=root.legacy)
    state.sound += verdict.sound
    state.size += verdict.size
    state.unsealed += len(verdict.unsealed)
    state.damaged += [root.in_cache(name) for name in verdict.damaged]
    state.unreadable += [(root.in_cache(name), code) for name, code in verdict.unreadable]


def _present(roots: list[Root]) -> set[str]:
    """Return the paths of all objects, relative to the cache."""
    return {root.in_cache(name) for root in roots for name in root.contents.objects.paths()}
