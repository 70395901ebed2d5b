"""Plots of several revisions: what their definitions and files say, put together as DVC does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from data_versioning.errors import DataVersioningError
from data_versioning.metrics.datapoints import Point, Series, series
from data_versioning.metrics.vega import Chart

Properties: TypeAlias = Mapping[str, Any]
"""template, x, y, x_label, y_label, title, header of a plot, as far as they are given."""
Contents: TypeAlias = dict[str, Any]
"""By file: its values, the bytes of an image, or the `DataVersioningError` that reading it met."""

PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg"})
"""Suffixes of files that are shown as they are."""


class Declared(NamedTuple):
    """The plots of one revision by configuration file ("" where there is none) and name, and the files they need."""

    definitions: Mapping[str, Mapping[str, Properties]]
    contents: Contents


class Failure(NamedTuple):
    """Why something of a plot is not shown: the error in its `file`, if it is one file's, of a revision."""

    revision: str
    file: str | None
    error: DataVersioningError


class Picture(NamedTuple):
    """An image file of one revision."""

    revision: str
    file: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """One image file, as all revisions have it."""

    name: str
    pictures: Sequence[Picture]
    failures: Sequence[Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlot:
    """Points of all revisions; None for the chart when there are no points. `template`: its name or path, if given."""

    name: str
    template: str | None
    chart: Chart | None
    failures: Sequence[Failure]


Plot: TypeAlias = DataPlot | Pictures


def is_picture(file: str) -> bool:
    """Whether a file is shown as it is.

    >>> is_picture("a/b.png"), is_picture("png"), is_picture("loss.csv")
    (True, False, False)
    """
    return os.path.splitext(file)[1] in PICTURES


def sources(name: str, properties: Properties) -> list[str]:
    """Return the files that a plot needs."""
    x, y = properties.get("x"), properties.get("y")
    files = [*y] if isinstance(y, dict) else [name]
    return list(dict.fromkeys([*files, *([*x][:1] if isinstance(x, dict) else [])]))


def collect(found: Mapping[str, Declared]) -> list[Plot]:
    """Return all plots of revisions, by name; where these differ about a property, the first one decides."""
    groups: dict[str, list[_Version]] = {}
    for revision, declared in found.items():
        for version in _named(revision, declared):
            groups.setdefault(version.name, []).append(version)
    return [
        _pictures(group) if is_picture(group[0].own_name) else _data_plot(name, group)
        for name, group in groups.items()
    ]


class _Version(NamedTuple):
    """A plot as one revision has it; `name` begins with its configuration file where several files have the name."""

    name: str
    own_name: str
    revision: str
    properties: Properties
    contents: Contents

    def failures(self) -> list[Failure]:
        return [
            Failure(self.revision, file, error)
            for file in sources(self.own_name, self.properties)
            if isinstance(error := self.contents.get(file), DataVersioningError)
        ]

    def readable(self) -> Contents:
        """What its files hold, without those that hold nothing."""
        known = {file: self.contents.get(file) for file in sources(self.own_name, self.properties)}
        return {
            file: value
            for file, value in known.items()
            if value and not isinstance(value, DataVersioningError)
        }


def _named(revision: str, declared: Declared) -> Iterator[_Version]:
    by_name: dict[str, dict[str, Properties]] = {}
    for file, definitions in declared.definitions.items():
        for name, properties in definitions.items():
            by_name.setdefault(name, {})[file] = properties
    for name, files in by_name.items():
        for file, properties in files.items():
            full = f"{file}::{name}" if file and len(files) > 1 else name
            yield _Version(full, name, revision, properties, declared.contents)


def _pictures(group: Sequence[_Version]) -> Pictures:
    return Pictures(
        name=group[0].own_name,
        pictures=[
            Picture(one.revision, file, content)
            for one in group
            for file, content in one.readable().items()
            if isinstance(content, bytes)
        ],
        failures=[failure for one in group for failure in one.failures()],
    )


@dataclass(slots=True)
class _Drawn:
    """What the revisions of a plot have given so far; axes and labels are those of the first one with points."""

    first: Series | None = None
    points: list[Point] = field(default_factory=list)
    revisions: list[str] = field(default_factory=list)

    def add(self, revision: str, found: Series) -> None:
        if found.points:
            self.first = self.first or found
            self.points += found.points
            self.revisions.append(revision)


def _data_plot(name: str, group: Sequence[_Version]) -> DataPlot:
    properties: dict[str, Any] = {}
    for one in reversed(group):
        properties |= one.properties
    failures = [failure for one in group for failure in one.failures()]
    drawn = _Drawn()
    for one in group:
        try:
            found = series(one.own_name, properties, one.readable(), revision=one.revision)
        except DataVersioningError as error:
            failures.append(Failure(one.revision, None, error))
        else:
            drawn.add(one.revision, found)
    return DataPlot(
        name=name,
        template=str(properties["template"]) if "template" in properties else None,
        chart=_chart(str(properties.get("title", name)), drawn),
        failures=failures,
    )


def _chart(title: str, drawn: _Drawn) -> Chart | None:
    if drawn.first is None:
        return None
    return Chart(
        title=title,
        x=drawn.first.x,
        y=drawn.first.y,
        x_label=drawn.first.x_label,
        y_label=drawn.first.y_label,
        points=drawn.points,
        revisions=drawn.revisions,
        fields=drawn.first.fields,
    )
