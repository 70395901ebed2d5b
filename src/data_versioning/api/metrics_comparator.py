"""`MetricsComparator`: metrics of revisions, compared from Python."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeAlias

from data_versioning import repo as repos
from data_versioning.errors import (
    AmbiguousMetric,
    DataVersioningError,
    MetricNotFound,
    NoDifference,
    PathError,
)
from data_versioning.metrics.compare import Change
from data_versioning.operations import metrics, sides
from data_versioning.operations.metrics import Point
from data_versioning.repo import Repo

__all__ = ["MetricChange", "MetricsComparator", "MetricsDiff", "Point", "ValueChange"]


class MetricChange(float):
    """By how much a number grew, with `old`, `new`, the `file` it stands in, and its dotted name `metric`."""

    old: float
    new: float
    file: str
    metric: str

    @classmethod
    def of(cls, name: _Name, change: Change) -> Self:
        """Return the change of two numbers."""
        made = cls(change.difference)
        made.old, made.new, (made.file, made.metric) = change.old, change.new, name
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """A metric without a difference: text, or NaN, on one side at least. Use as a number raises `NoDifference`."""

    old: Any
    new: Any
    file: str
    metric: str

    def __float__(self) -> float:
        raise self._refusal()

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._refusal()
        return str(self)

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}"

    def _refusal(self) -> NoDifference:
        return NoDifference(
            f"{self.file}:{self.metric} has no difference: {self.old!r} became {self.new!r}",
            hint="use its .old and .new",
        )


AnyChange: TypeAlias = MetricChange | ValueChange


class MetricsDiff(Mapping[str, AnyChange]):
    """The metrics that both revisions have, by name; a number's entry is its growth, a `float`.

    A name is a metric's own ("accuracy"), dotted ("test.accuracy"), or with the file in front, which is never
    ambiguous ("metrics/eval.json:accuracy"). A name of several metrics raises `AmbiguousMetric`, one that a
    side lacks `MetricNotFound`, a `KeyError`. `added` and `removed` are the full names of what one side has.
    """

    def __init__(self, found: metrics.Diff, old: str, new: str) -> None:
        self._changes = {
            _Name(path, key): change
            for path, inside in found.changes.items()
            for key, change in inside.items()
        }
        self._sides = found.sides
        self._old, self._new = old, new
        self._by_word: dict[str, list[_Name]] = {}
        for name in self._changes:
            for word in name.words():
                self._by_word.setdefault(word, []).append(name)

    @property
    def added(self) -> tuple[str, ...]:
        """Full names of metrics that only the newer side has."""
        return tuple(name.full for name, change in self._changes.items() if change.old is None)

    @property
    def removed(self) -> tuple[str, ...]:
        """Full names of metrics that only the older side has."""
        return tuple(name.full for name, change in self._changes.items() if change.new is None)

    def __getitem__(self, key: str) -> AnyChange:
        named = self._by_word.get(key, [])
        if len(named) > 1:
            raise AmbiguousMetric(
                f"{key!r} is the name of several metrics: {', '.join(name.full for name in named)}",
                hint=f"use one of these names: diff[{named[0].full!r}]",
            )
        if not named:
            raise self._unknown(key)
        change = self._changes[named[0]]
        for value, side in ((change.old, self._old), (change.new, self._new)):
            if value is None:
                raise self._lacking(named[0], side)
        if change.difference is None or math.isnan(change.difference):
            return ValueChange(old=change.old, new=change.new, file=named[0].file, metric=named[0].metric)
        return MetricChange.of(named[0], change)

    def __iter__(self) -> Iterator[str]:
        for name, change in self._changes.items():
            if change.old is not None and change.new is not None:
                yield name.metric if len(self._by_word.get(name.metric, ())) == 1 else name.full

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"MetricsDiff({dict(self)!r})"

    def _lacking(self, name: _Name, side: str) -> MetricNotFound:
        found = sides.values_of(self._sides, side).get(name.file)
        why = f" ({found.message})" if isinstance(found, DataVersioningError) else ""
        hint = found.hint if isinstance(found, DataVersioningError) else f"dv metrics show {name.file}"
        return MetricNotFound(
            f"{side} has no metric {name.full}{why}: there is nothing to compare", hint=hint
        )

    def _unknown(self, key: str) -> MetricNotFound:
        unread = [f"{side}: {error.message}" for side, error in sides.errors(self._sides)]
        known = ", ".join(name.full for name in self._changes) or "none"
        more = f"; not all could be read: {'; '.join(unread)}" if unread else ""
        return MetricNotFound(
            f"neither {self._old} nor {self._new} has a metric {key!r}; there are: {known}{more}",
            hint=f"dv metrics diff --all {self._old} {self._new}",
        )


class MetricsComparator:
    """The metrics of one repository, DVC's or Git's alone; `project_dir` lies in it. All errors have a `hint`."""

    def __init__(self, project_dir: str | os.PathLike[str] = ".") -> None:
        self._directory = os.path.abspath(os.fspath(project_dir))
        self._open("init")

    def diff(self, baseline: str = "HEAD~1", comparison: str | None = "HEAD") -> MetricsDiff:
        """Compare two revisions; None and "workspace" mean the workspace.

        Raises `GitError` for an unknown revision, and what is wrong with a revision's pipelines.
        """
        new = comparison or sides.WORKSPACE
        found = metrics.diff(self._open("diff", baseline, new), baseline, new)
        for side in found.sides.values():
            if isinstance(side, DataVersioningError):
                raise side
        return MetricsDiff(found, baseline, new)

    def show(self, rev: str | None = None) -> dict[str, dict[str, Any]]:
        """Return metrics by file and dotted name: of the workspace, or of `rev`.

        Files that do not exist are left out; one that cannot be read raises its error.
        """
        wanted = rev or sides.WORKSPACE
        found = metrics.at(self._open("show", wanted), wanted)
        for error in found.values():
            if isinstance(error, DataVersioningError) and not isinstance(error, PathError):
                raise error
        return {
            path: dict(metrics.flat(value))
            for path, value in found.items()
            if not isinstance(value, DataVersioningError)
        }

    def history(self, rev: str = "HEAD", num: int = -1) -> Sequence[Point]:
        """Return the metrics of `num` commits (negative: all, and all tags) before `rev`, the newest first."""
        return metrics.history(self._open("history", rev), rev=rev, count=num)

    def _open(self, method: str, *arguments: str) -> Repo:
        found = repos.open_anywhere(self._directory, argv=(f"MetricsComparator.{method}", *arguments))
        if found.git is None:
            repos.find_root(self._directory)  # raises, unless DVC is used without Git
        return found


class _Name(NamedTuple):
    """Where a metric stands."""

    file: str
    metric: str

    @property
    def full(self) -> str:
        return f"{self.file}:{self.metric}" if self.metric else self.file

    def words(self) -> set[str]:
        """All names that may mean it: the full one, and its dotted name without some of its beginning."""
        parts = self.metric.split(".")
        return {self.full, *(".".join(parts[at:]) for at in range(len(parts)))} - {""}
