"""DVC's own benchmark suite with `dv` in the place of `dvc`, against `dvc`.

    python benchmarks/versus/dvc_suite.py                      tiny and small data; writes docs/benchmarks.md
    python benchmarks/versus/dvc_suite.py --data large --rounds 1
    python benchmarks/versus/dvc_suite.py --check              with dv only, tiny data: does it run? writes nothing

The two programs take turns, one file of tests after the other. What the suite downloads from GitHub is replaced by a
small local project.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import document
import dvc.testing.benchmarks.cli as suite
from place import DV, DVC, Place, compile_package, machine
from results import RESULTS, ratio
from shapes import files
from suite_table import summary

from data_versioning.cli.main import HANDED_OVER, commands

_DATA = {"tiny": files(100, 1024), "small": files(2_000, 10_240), "large": files(70_000, 271)}
_SUITE = Path(next(iter(suite.__path__)))
_PROGRAMS = {"dv": DV, "dvc": DVC}
# Tests are called after the command they measure, with this exception.
_COMMANDS = {"ls": "list"}
# These repeat their commands up to a hundred times, and need no data.
_WITHOUT_DATA = {"test_exp_show.py", "test_help.py", "test_init.py", "test_plots.py"}
_GITHUB = "https://github.com/iterative/example-get-started"
_PLOTS = "plots:\n- losses.csv:\n    x: step\n    y: loss\nstages:\n  none:\n    cmd: 'true'\n"


@dataclass(frozen=True, slots=True)
class Ground:
    """What the suite works on: repositories with data, and a project with plots and experiments."""

    place: Place
    data: Path
    project: Path

    def run(self, program: str, tests: Path, data: str) -> dict[str, float]:
        """Run one file of tests and return name -> median seconds; raises when a test fails."""
        report, base = self.place.fresh("report.json"), self.place.fresh("tests")
        settings = self.place.path / "pytest.ini"
        settings.write_text("[pytest]\naddopts = -q -p dvc.testing.plugin -p no:cacheprovider\n")
        options = {
            "-c": settings,
            "--dataset": data,
            "--dvc-bin": program,
            "--dvc-bench-repo": self.data,
            "--project-repo": self.project,
            "--basetemp": base,
            "--benchmark-json": report,
        }
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                str(tests),
                *(str(word) for item in options.items() for word in item),
            ],
            cwd=self.place.path,
            env=self.place.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{tests.name} with {program}:\n{done.stdout[-8000:]}{done.stderr[-2000:]}")
        return {
            found["name"].removesuffix("[None]"): found["stats"]["median"]
            for found in json.loads(report.read_text())["benchmarks"]
        }


def build(place: Place, names: Sequence[str]) -> Ground:
    """Make the repositories."""
    data = place.data_repository("data", link="copy")
    for name in names:
        top = data / "data" / name / "dataset"
        top.parent.mkdir(parents=True)
        _DATA[name](top, 1)
        place.quiet(DV, "add", str(top), cwd=data)
    place.commit(data)
    project = place.data_repository("project", link="copy")
    (project / "dvc.yaml").write_text(_PLOTS)
    for rows in (50, 100):
        (project / "losses.csv").write_text(
            "step,loss\n" + "".join(f"{n},{1 / (n + 1)}\n" for n in range(rows))
        )
        place.commit(project)
    # The address is written into one of the tests.
    (Path(place.environment["HOME"]) / ".gitconfig").write_text(
        f'[url "{project}"]\n\tinsteadOf = {_GITHUB}\n[user]\n\tname = b\n\temail = b@example.com\n'
    )
    return Ground(place, data, project)


def tests() -> list[Path]:
    """Return the files of the suite."""
    return sorted(_SUITE.rglob("test_*.py"))


def command_of(timing: str) -> str:
    """Return the command that a timing is about.

    >>> command_of("test_update-import-url"), command_of("test_partial_add-gc-cloud-noop")
    ('import-url', 'gc')
    """
    words = timing.partition("-")[2]
    known = [name for name in (*commands(), *HANDED_OVER) if f"{words}-".startswith(f"{name}-")]
    return max(known, key=len, default=words)


def is_ours(path: Path) -> bool:
    """Whether a file of tests is about commands that `dv` has itself."""
    name = path.stem.removeprefix("test_").replace("_", "-")
    return _COMMANDS.get(name, name) not in (*HANDED_OVER, "exp-show")


def check(ground: Ground, chosen: Sequence[Path]) -> None:
    """Run tests with `dv` alone."""
    for path in chosen:
        timings = ground.run(DV, path, "tiny")
        print(f"{path.name}: {len(timings)} timings", flush=True)


def compare(
    ground: Ground, names: Sequence[str], rounds: int, chosen: Sequence[Path]
) -> list[dict[str, Any]]:
    """Run tests with both programs in turns and return one row for each timing."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: {"dv": [], "dvc": []})
    for number, data, path in itertools.product(range(rounds), names, chosen):
        if path.name in _WITHOUT_DATA and (number, data) != (0, names[0]):
            continue
        for tool, program in list(_PROGRAMS.items())[:: -1 if number % 2 else 1]:
            for name, seconds in ground.run(program, path, data).items():
                found[data, name][tool].append(seconds)
        print(f"round {number + 1} of {rounds}, {data}: {path.name}", flush=True)
    return [_row(data, name, series) for (data, name), series in found.items()]


def _row(data: str, name: str, series: Mapping[str, list[float]]) -> dict[str, Any]:
    return {
        "data": data,
        "name": name,
        "command": command_of(name),
        **{tool: round(sorted(seconds)[len(seconds) // 2], 4) for tool, seconds in series.items()},
        "faster": round(ratio(series["dv"], series["dvc"]), 2),
    }


def _size(top: Path) -> dict[str, int]:
    paths = [path for path in top.rglob("*") if path.is_file()]
    return {"files": len(paths), "bytes": sum(path.stat().st_size for path in paths)}


def main() -> None:
    """Parse the arguments, run the suite, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--place", default="/dev/shm", help="directory to work in")
    parser.add_argument("--data", nargs="+", choices=list(_DATA), default=["tiny", "small"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tests", nargs="+", help="only these files, for example test_add.py")
    parser.add_argument("--check", action="store_true", help="run with dv only, once, on tiny data")
    parser.add_argument("--ours", action="store_true", help="only commands that dv has itself")
    args = parser.parse_args()
    chosen = [
        path
        for path in tests()
        if (not args.tests or path.name in args.tests) and (not args.ours or is_ours(path))
    ]
    compile_package()
    with tempfile.TemporaryDirectory(dir=args.place, prefix="dv-suite-") as directory:
        place = Place(Path(directory))
        ground = build(place, ["tiny"] if args.check else args.data)
        if args.check:
            check(ground, chosen)
            return
        timings = compare(ground, args.data, args.rounds, chosen)
        result = {
            "measured": datetime.date.today().isoformat(),
            "machine": machine(place.path),
            "handed_over": HANDED_OVER,
            "data": {name: _size(ground.data / "data" / name / "dataset") for name in args.data},
            "timings": timings,
        }
    print(summary(timings, HANDED_OVER))
    if not args.tests and not args.ours:
        (RESULTS / "dvc-suite.json").write_text(json.dumps(result, indent=1) + "\n")
        document.write()


if __name__ == "__main__":
    main()
