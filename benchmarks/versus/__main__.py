"""Head to head: dv against dvc, git, Git LFS and the machine itself (cp, md5sum), in one run.

    python benchmarks/versus                           RAM disk and real disk, all shapes; writes docs/benchmarks.md
    python benchmarks/versus --place DIR --name "real disk"
    python benchmarks/versus --shape 70k --rounds 5    one shape anew
    python benchmarks/versus --quick --shape start     small and once, to try it out; writes nothing

In every round all programs take turns, step by step, so that a slow minute of the machine hits all of them;
another one begins in each round. The result of a shape is written when it is complete: a run that was interrupted
goes on where it stopped.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import document
import place as places
import results
from place import Place
from results import RESULTS, Result
from rounds import run, turns
from shapes import SHAPES, Shape

PLACES = {"RAM disk": "/dev/shm", "real disk": "/var/tmp"}
_QUICK = 0.002


def measure(name: str, shape: Shape, place: Place, result: Result, rounds: int, scale: float) -> None:
    """Run all rounds of one shape."""
    source = place.path / "source"
    shape.make(source, scale)
    paths = [path for path in (source, *source.rglob("*")) if path.is_file()]
    result.data = {"files": len(paths), "bytes": sum(path.stat().st_size for path in paths)}
    for number in range(rounds):
        for group in shape.groups(place, source, number):
            print(f"{name}, round {number + 1} of {rounds}: {', '.join(group)}", flush=True)
            run(turns(group, number), place, result)
            place.clear(keep=source)


def measure_shape(name: str, where: str, directory: str, rounds: int | None, scale: float) -> Result:
    """Measure one shape in a directory of its own, which is deleted."""
    shape = SHAPES[name]
    with tempfile.TemporaryDirectory(dir=directory, prefix="dv-bench-") as own:
        place = Place(Path(own))
        result = Result(
            shape=name,
            title=shape.title,
            place=where,
            measured=datetime.date.today().isoformat(),
            machine=places.machine(place.path),
            data={},
        )
        measure(name, shape, place, result, rounds or shape.rounds, scale)
    return result


def quick(names: Sequence[str], where: str, directory: str) -> None:
    """Measure small data once and print the tables."""
    for name in names:
        result = measure_shape(name, where, directory, 1, _QUICK)
        print("\n".join(document.table(result)), flush=True)


def full(names: Sequence[str], where: str, directory: str, rounds: int | None) -> None:
    """Measure and write results as they come, then the document."""
    left = list(names)
    while left:
        results.mark_unfinished(where, left)
        measure_shape(left.pop(0), where, directory, rounds, 1).save(RESULTS)
        document.write()
    results.mark_unfinished(where, left)


def chosen_places(args: argparse.Namespace) -> dict[str, str]:
    """Return the places to measure by name: after an interruption, those that are not complete."""
    if args.place:
        return {args.name: args.place}
    found = {name: place for name, place in PLACES.items() if Path(place).is_dir()}
    interrupted = {name: place for name, place in found.items() if results.unfinished(name)}
    # The place that was under way, and those that were to come after it.
    first = next(iter(interrupted), None)
    return dict(itertools.dropwhile(lambda item: first not in (None, item[0]), found.items()))


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/versus", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--place", help="a directory on the disk to measure (instead of RAM disk and real disk)"
    )
    parser.add_argument("--name", default="real disk", help="what to call the place")
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES), default=[])
    parser.add_argument("--rounds", type=int, help="rounds of every shape")
    parser.add_argument("--quick", action="store_true", help="small data, one round, nothing is written")
    args = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("memory is read from /proc: Linux only")
    places.compile_package()
    for where, directory in chosen_places(args).items():
        if args.quick:
            quick(args.shape or list(SHAPES), where, directory)
        elif args.shape:
            for name in args.shape:
                measure_shape(name, where, directory, args.rounds, 1).save(RESULTS)
            document.write()
        else:
            full(results.unfinished(where) or list(SHAPES), where, directory, args.rounds)


if __name__ == "__main__":
    main()
