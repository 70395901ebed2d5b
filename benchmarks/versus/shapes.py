"""The kinds of data that are measured, and which lives take turns on them.

A scale below 1 makes all of them smaller: for trying things out.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lives
from lives import Life
from place import DV, DVC, Place
from rounds import Group

_PROGRAMS = {"dv": DV, "dvc": DVC}
_PER_DIRECTORY = 1000
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Data, and the groups of one round; Git LFS is slow and only in the first round."""

    title: str
    rounds: int
    make: Callable[[Path, float], None]
    groups: Callable[[Place, Path, int], list[Group]]


def files(count: int, size: int) -> Callable[[Path, float], None]:
    """Random files of one size, 1,000 in a directory."""

    def make(top: Path, scale: float) -> None:
        for number in range(max(round(count * scale), 1)):
            directory = top / f"d{number // _PER_DIRECTORY:03d}"
            if number % _PER_DIRECTORY == 0:
                directory.mkdir(parents=True)
            (directory / f"{number:06d}").write_bytes(os.urandom(size))

    return make


def large_files(count: int, size: int) -> Callable[[Path, float], None]:
    """Files whose size is scaled instead of their number."""

    def make(top: Path, scale: float) -> None:
        top.mkdir()
        for number in range(count):
            one_file(size)(top / f"{number:06d}", scale)

    return make


def one_file(size: int) -> Callable[[Path, float], None]:
    """One file, every MiB of it different."""

    def make(path: Path, scale: float) -> None:
        block = os.urandom(_MIB)
        with path.open("wb") as file:
            for number in range(max(round(size * scale / _MIB), 1)):
                file.write(number.to_bytes(8, "big") + block[8:])

    return make


def numbered(top: Path, _: float) -> None:
    """Twenty files of one line."""
    top.mkdir()
    for number in range(20):
        (top / str(number)).write_text(f"{number}\n")


def site_packages(top: Path, scale: float) -> None:
    """The packages installed for this Python: sources, compiled code, libraries, data."""
    packages = Path(sysconfig.get_path("purelib"))
    if scale >= 1:
        shutil.copytree(packages, top)
    else:
        shutil.copytree(packages / "pip", top)


def first_file(source: Path) -> str:
    """Return the first file that is not empty, relative to `source`."""
    found = next(path for path in sorted(source.rglob("*")) if path.is_file() and path.stat().st_size)
    return str(found.relative_to(source))


def small_files(place: Place, source: Path, number: int) -> list[Group]:
    """Everything: Git itself, and hard links."""
    group = _data_set(place, source, number)
    group["git"] = lives.git(place, source, first_file(source))
    return [group, _hard_linked(place, source)]


def medium_files(place: Place, source: Path, number: int) -> list[Group]:
    """Without Git itself, which compresses."""
    return [_data_set(place, source, number), _hard_linked(place, source)]


def huge_file(place: Place, source: Path, number: int) -> list[Group]:
    """One life at a time: together they would not fit into memory."""
    changed = ""
    groups: list[Group] = [
        {tool: lives.data_set(place, tool, program, source, changed)} for tool, program in _PROGRAMS.items()
    ]
    if number == 0:
        groups.append({"git-lfs": lives.git_lfs(place, source, changed)})
    linked = [{tool: life} for tool, life in _hard_linked(place, source).items()]
    return [*groups, *linked, {"machine": lives.machine(place, source)}]


def one_change(place: Place, source: Path, _: int) -> list[Group]:
    """One file changes."""
    changed = first_file(source)
    return [
        {tool: lives.one_change(place, tool, program, source, changed) for tool, program in _PROGRAMS.items()}
    ]


def pointers(place: Place, source: Path, _: int) -> list[Group]:
    """A `.dvc` file for each file."""
    changed = first_file(source)
    return [
        {tool: lives.pointers(place, tool, program, source, changed) for tool, program in _PROGRAMS.items()}
    ]


def start(place: Place, source: Path, _: int) -> list[Group]:
    """A small repository."""
    ours = {tool: lives.start(place, tool, program, source) for tool, program in _PROGRAMS.items()}
    return [{**ours, "machine": lives.python(place)}]


def pipelines(place: Place, _source: Path, _: int) -> list[Group]:
    """Stages instead of data; DVC runs them one by one, `dv` up to eight at once where that is possible."""
    return [{tool: lives.pipelines(place, tool, program) for tool, program in _PROGRAMS.items()}]


def _data_set(place: Place, source: Path, number: int) -> dict[str, Life]:
    changed = first_file(source)
    group = {
        tool: lives.data_set(place, tool, program, source, changed) for tool, program in _PROGRAMS.items()
    }
    if number == 0:
        group["git-lfs"] = lives.git_lfs(place, source, changed)
    group["machine"] = lives.machine(place, source)
    return group


def _hard_linked(place: Place, source: Path) -> dict[str, Life]:
    return {tool: lives.hard_linked(place, tool, program, source) for tool, program in _PROGRAMS.items()}


SHAPES = {
    "start": Shape(title="Nothing to do: 20 files, 5 stages", rounds=7, make=numbered, groups=start),
    "70k": Shape(title="70,000 files, 19 MB", rounds=2, make=files(70_000, 271), groups=small_files),
    "25k": Shape(title="25,000 files, 866 MB", rounds=2, make=files(25_000, 34_640), groups=medium_files),
    "100k": Shape(title="100,000 files of 1 KiB", rounds=2, make=files(100_000, 1024), groups=small_files),
    "3gb": Shape(title="1 file of 3 GB", rounds=2, make=one_file(3_000_000_000), groups=huge_file),
    "22": Shape(title="22 files, 1 GB", rounds=3, make=large_files(22, 45_454_545), groups=medium_files),
    "one-change": Shape(
        title="1 changed file among 100,000", rounds=2, make=files(100_000, 1024), groups=one_change
    ),
    "pointers": Shape(title="10,000 `.dvc` files", rounds=2, make=files(10_000, 64), groups=pointers),
    "pipelines": Shape(title="Pipelines", rounds=3, make=numbered, groups=pipelines),
    "site-packages": Shape(
        title="The packages of a Python installation", rounds=2, make=site_packages, groups=medium_files
    ),
}
