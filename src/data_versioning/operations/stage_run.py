"""One stage of a pipeline: from the decision to run it to the record of what it made.

Around the command lie two short steps under the repository's shared lock: before, its inputs are hashed and its old
outputs moved aside; after, the inputs are compared and the outputs stored. While the command runs only the paths it
declares are reserved (`.dvc/tmp/rwlock`), so that other commands, `dvc` too, can work in the repository, and the
stage itself may call them.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from data_versioning.errors import FormatError, PathError
from data_versioning.formats import dvcfile, lockfile, yamltext
from data_versioning.formats.lockfile import LockedStage
from data_versioning.localfs import locks, rwlock
from data_versioning.localfs.links import LinkType
from data_versioning.operations import pointers, recording, stage_outputs
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.stage_outputs import Bench
from data_versioning.paths import RepoPath
from data_versioning.pipeline import run_cache
from data_versioning.pipeline.session import Finished
from data_versioning.pipeline.stage import OutputKind, Stage
from data_versioning.pipeline.staleness import place_of
from data_versioning.progress import SILENT
from data_versioning.workspace import checkout, unprotect
from data_versioning.workspace.scan import Snapshot


@dataclass(slots=True)
class StageRun:
    """A stage that is about to run, runs, or is restored; `close` gives its paths free."""

    bench: Bench
    stage: Stage
    reasons: tuple[str, ...]
    inputs: LockedStage | None = None  # what the command is given, and the paths of what it makes
    started: float = field(default_factory=time.monotonic)
    claim: rwlock.Claim | None = None

    def reserve(self) -> bool:
        """Keep others away from what the stage reads and writes; False while another command is in the way.

        Raises `LockTimeout` when that takes too long.
        """
        repo = self.bench.loaded.repo
        if self.claim is None:
            self.claim = rwlock.Claim(
                f"{repo.dvc_dir}/tmp",
                command=f"dv repro {self.stage.address}",
                read=[_absolute(repo.root, place_of(self.stage, dep.path)) for dep in self.stage.deps],
                write=[f"{repo.root}/{path}" for path in self.places()],
                timeout=repo.lock_timeout,
                waiting=repo.notify,
            )
        return self.claim.attempt()

    def close(self) -> None:
        """Give the paths free."""
        if self.claim is not None:
            self.claim.release()

    def places(self) -> list[RepoPath]:
        """Return where the outputs are."""
        return [path for path, _ in self.stage.placed_outs()]

    def prepare(self) -> None:
        """Hash what goes in.

        Raises `PathError` for a dependency, params file or parameter that is not there, and for an output behind a
        symbolic link: it could not be stored.
        """
        bench, stage = self.bench, self.stage
        root = bench.loaded.repo.root
        for path in self.places():
            if not os.path.islink(f"{root}/{path}"):  # one that is a link itself is moved aside
                checkout.refuse_links(path, root)
        deps = {}
        for dep in stage.deps:
            place = place_of(stage, dep.path)
            found = bench.look.snapshot(place) or stage_outputs.pulled(bench, place)
            if found is None:
                raise PathError(
                    f"the dependency '{place}' does not exist",
                    hint=f"dv pull {stage.address}, or dv checkout",
                )
            deps[dep.path] = found
        self.inputs = LockedStage(
            cmd=stage.cmd or "",
            deps=tuple(pointers.dependency(path, snapshot) for path, snapshot in deps.items()),
            params=recording.params(bench.loaded, stage),
            outs=tuple(dvcfile.Output(path=out.path) for out in stage.outs),
        )

    def restore(self) -> LockedStage | None:
        """Bring the outputs that the same command made of the same inputs before; None when there are none."""
        assert self.inputs is not None
        known = stage_outputs.known(self.bench, self.stage, self.inputs)
        if known is None or not all(out.path in known for out in self.stage.outs):
            return None
        return self._recorded() if stage_outputs.bring(self.bench, self.stage, known) else None

    def pull(self) -> bool:
        """Bring the outputs that dvc.lock names, whatever the dependencies are; False when they are nowhere."""
        cached = {out.path: out for out in self.stage.outs if out.cache}
        return all(out.md5 for out in cached.values()) and stage_outputs.bring(self.bench, self.stage, cached)

    def clear(self) -> None:
        """Move old outputs out of the way; those that persist stay, as files of their own."""
        bench, stage = self.bench, self.stage
        gone = []
        for path, out in stage.placed_outs():
            if out.persist:
                unprotect.unprotect(bench.loaded.repo.root, path)
            else:
                gone.append(f"{bench.loaded.repo.root}/{path}")
        bench.session.move_aside(stage.place, gone)
        bench.look.forget(self.places())

    def changed_inputs(self) -> list[str]:
        """Return the places of dependencies and params files that are not what they were when the command began."""
        assert self.inputs is not None
        changed = []
        for dep in self.inputs.deps:
            place = place_of(self.stage, dep.path)
            self.bench.look.forget([place])
            now = self.bench.look.snapshot(place)
            if now is None or now.oid.value != dep.md5:
                changed.append(place)
        return changed + self._changed_params()

    def _changed_params(self) -> list[str]:
        assert self.inputs is not None
        before = self.inputs.params
        try:
            now = recording.params(self.bench.loaded, self.stage)
        except (PathError, FormatError):
            now = {}
        # As text: a value that is not a number is not even equal to itself.
        return [place_of(self.stage, file) for file in before if repr(now.get(file)) != repr(before[file])]

    def collect(self) -> LockedStage:
        """Store what the command made; return what is to be recorded.

        Raises `PathError` for an output that it did not make.
        """
        bench, stage = self.bench, self.stage
        bench.look.forget(self.places())
        done = self._recorded()
        entry = yamltext.write(lockfile.entry(done))
        bench.session.finished(stage.place, Finished(recording.lock_file(stage), stage.name, entry))
        bench.session.discard(stage.place)
        return done

    def undo(self) -> str | None:
        """Bring the old outputs back, after a command that failed; return where what it made is, if anything."""
        kept = self.bench.session.put_back(self.stage.place)
        self.bench.look.forget(self.places())
        return kept

    def discard(self) -> None:
        """Leave what the command made where it is, without a record."""
        self.bench.session.discard(self.stage.place)
        self.bench.look.forget(self.places())

    def _recorded(self) -> LockedStage:
        """Return the entry of dvc.lock; what went into the cache is findable by its inputs from now on.

        Raises `PathError` for an output that is not there.
        """
        bench, stage = self.bench, self.stage
        assert self.inputs is not None
        is_kept = bench.store and run_cache.is_suitable(stage) and not _has_uncached_data(stage)
        outs = {
            out.path: self._output(path, store=bench.store and (out.cache or is_kept), relink=out.cache)
            for path, out in stage.placed_outs()
        }
        done = replace(self.inputs, outs=recording.locked_outputs(outs))
        if is_kept:
            run_cache.save(bench.loaded.repo.cache, done)
        return done

    def _output(self, path: RepoPath, *, store: bool, relink: bool) -> Snapshot:
        """Return what an output holds, from now on in the cache, too; what Git keeps is copied there."""
        loaded = self.bench.loaded
        if not store or not os.path.lexists(f"{loaded.repo.root}/{path}"):
            return recording.output(loaded, path, SILENT)
        kind = self.bench.kind if relink else LinkType.COPY
        return recording.store_output(loaded, path, kind, SILENT, relink=relink)


def cached_places(stage: Stage) -> list[RepoPath]:
    """Return where the outputs are that are kept in the cache, not in Git."""
    return [path for path, out in stage.placed_outs() if out.cache]


@contextlib.contextmanager
def shared(loaded: Loaded) -> Iterator[None]:
    """Hold the repository's lock together with others that create objects."""
    repo = loaded.repo
    with locks.shared(f"{repo.dvc_dir}/tmp/lock", timeout=repo.lock_timeout, waiting=repo.notify):
        yield


def _has_uncached_data(stage: Stage) -> bool:
    """Whether something that is neither metric nor plot is kept by nobody: such a run could not be restored."""
    return any(not out.cache and out.kind is OutputKind.OUT for out in stage.outs)


def _absolute(root: str, place: str) -> str:
    return place if place.startswith("/") or "://" in place else os.path.normpath(f"{root}/{place}")
