"""Which stages of a plan have to run, and why; imports little, because most of the time none has to."""

from __future__ import annotations

from collections.abc import Iterator

from data_versioning.operations import targets
from data_versioning.operations.loaded import Loaded
from data_versioning.operations.looking import Look
from data_versioning.pipeline import compiled, staleness
from data_versioning.pipeline.graph import Plan
from data_versioning.pipeline.project import StageSelection
from data_versioning.pipeline.stage import Stage, relative
from data_versioning.progress import Progress


class Verdict:
    """Judges the stages of `plan`, by place; those in `forced` run in any case."""

    def __init__(self, loaded: Loaded, plan: Plan, *, allow_missing: bool, progress: Progress) -> None:
        self.loaded = loaded
        self.plan = {stage.place: stage for stage in plan.stages}
        self.active = plan.active
        self.whole = plan.whole
        self.forced: set[str] = set()
        self.look = Look(loaded=loaded, progress=progress)
        self._allow_missing = allow_missing
        self._base = targets.base(loaded.repo)
        self._params = compiled.Params(loaded.repo.root, loaded.repo.temp_dir)
        self.look.at_files([StageSelection(stage) for stage in plan.stages])

    def shown(self, stage: Stage) -> str:
        """Return what the command line calls a stage here."""
        return stage.address_from(self._base)

    def save(self) -> None:
        """Keep what was looked at for the next command."""
        self.loaded.stats.save()
        self._params.save()

    def why(self, stage: Stage, *, allow_missing: bool = False) -> tuple[str, ...]:
        """Return why a stage has to run; nothing when it is as recorded.

        `allow_missing`: data that is only not here is no reason, as for all stages if so constructed.
        """
        if stage.place in self.forced:
            return ("forced",)
        found = staleness.status(
            [StageSelection(stage)],
            current_hash=self.look.current_hash,
            is_cached=self.look.is_cached,
            read_params=self._params.read,
            base=self._base,
            root=self.loaded.repo.root,
        )
        entries = found.get(stage.address_from(self._base), [])
        if stage.frozen:  # it does not always run, whatever `status` says
            entries = [entry for entry in entries if entry != "always changed"]
        if allow_missing or self._allow_missing:
            entries = [left for entry in entries if (left := self._without_missing(stage, entry))]
        if entries and stage.cmd and stage.lock is None:
            return ("it never ran",)
        return tuple(reason for entry in entries for reason in reasons(entry))

    def _without_missing(self, stage: Stage, entry: staleness.Entry) -> staleness.Entry | None:
        """Leave out what is only not here: a dependency counts when the stage that makes it made something else."""
        if isinstance(entry, str):
            return entry
        makers = [self.active.stages[need] for need in self.active.needs[stage.place]]
        made = {_place(maker, out.path, self._base): out.digest for maker in makers for out in maker.outs}
        wanted = {_place(stage, dep.path, self._base): dep.digest for dep in stage.deps}
        left = {}
        for kind, changes in entry.items():
            kept = {
                path: change
                for path, change in changes.items()
                if change not in ("deleted", "not in cache")
                or (kind == "changed deps" and path in made and made[path] != wanted.get(path))
            }
            if kept:
                left[kind] = kept
        return left or None


def reasons(entry: staleness.Entry) -> Iterator[str]:
    """Say what `dvc status` tells of a stage as reasons to run it.

    >>> list(reasons({"changed deps": {"data": "modified", "params.yaml": {"lr": "new"}}}))
    ['data modified', 'lr of params.yaml new']
    """
    if isinstance(entry, str):
        yield {"always changed": "it always runs", "changed command": "its command changed"}.get(entry, entry)
        return
    for kind, changes in entry.items():
        prefix = "output " if kind == "changed outs" else ""
        for path, change in changes.items():
            if isinstance(change, str):
                yield f"{prefix}{path} {change}"
            else:
                yield from (f"{key} of {path} {what}" for key, what in change.items())


def _place(stage: Stage, path: str, base: str) -> str:
    """Return a path written in a stage as it is shown in the directory `base`."""
    return relative(staleness.place_of(stage, path), base)
