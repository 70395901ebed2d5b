"""What was measured, one file for each shape and place; and what is left of a run that was interrupted."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import Sample

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(slots=True)
class Series:
    """All runs of one step with one tool, in the order of the rounds."""

    seconds: list[float] = field(default_factory=list)
    peak: int = 0  # bytes; highest of all runs

    def add(self, sample: Sample) -> None:
        """Add a run."""
        self.seconds.append(round(sample.seconds, 4))
        self.peak = max(self.peak, sample.peak)

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)


@dataclass(slots=True, kw_only=True)
class Result:
    """One shape at one place."""

    shape: str
    title: str
    place: str
    measured: str  # date
    machine: Mapping[str, object]
    data: Mapping[str, int]  # files, bytes
    steps: dict[str, dict[str, Series]] = field(default_factory=dict)  # step -> tool -> runs

    def add(self, step: str, tool: str, sample: Sample) -> None:
        """Add a run."""
        self.steps.setdefault(step, {}).setdefault(tool, Series()).add(sample)

    def seconds(self, step: str, tool: str) -> float | None:
        """Return a median, if there is one."""
        series = self.steps.get(step, {}).get(tool)
        return series.median if series else None

    def faster(self, step: str, than: str) -> float | None:
        """Return the median of the ratios theirs / ours, round by round: how many times faster `dv` is."""
        tools = self.steps[step]
        if "dv" not in tools or than not in tools:
            return None
        return ratio(tools["dv"].seconds, tools[than].seconds)

    def save(self, directory: Path) -> None:
        """Write the result where `load` finds it."""
        path = directory / slug(self.place) / f"{self.shape}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(path: Path) -> Result:
    """Read one result."""
    values = json.loads(path.read_text())
    steps = {
        step: {tool: Series(**series) for tool, series in tools.items()}
        for step, tools in values.pop("steps").items()
    }
    return Result(**values, steps=steps)


def places(directory: Path, order: Sequence[str]) -> list[list[Result]]:
    """Return the results of each place, shapes in the given order."""
    found = []
    for place in sorted(path for path in directory.glob("*") if path.is_dir()):
        results = {result.shape: result for result in map(load, place.glob("*.json"))}
        found.append([results[shape] for shape in order if shape in results])
    return [results for results in found if results]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of theirs / ours, pair by pair; what has no partner is left out.

    >>> ratio([1.0, 2.0, 1.0], [3.0, 8.0])
    3.5
    """
    return statistics.median(other / mine for mine, other in zip(ours, theirs, strict=False))


def slug(name: str) -> str:
    """Return a name as a part of a path."""
    return name.replace(" ", "-").lower()


def unfinished(place: str) -> list[str]:
    """Return the shapes that an interrupted run of this place did not come to."""
    marker = _marker(place)
    return marker.read_text().split() if marker.exists() else []


def mark_unfinished(place: str, shapes: Iterable[str]) -> None:
    """Remember which shapes are left; none: the run is complete."""
    marker, left = _marker(place), "\n".join(shapes)
    marker.parent.mkdir(parents=True, exist_ok=True)
    if left:
        marker.write_text(left)
    else:
        marker.unlink(missing_ok=True)


def _marker(place: str) -> Path:
    return RESULTS / f".unfinished-{slug(place)}"
