"""Head to head: dv against dvc and against the machine itself (cp, md5sum, git, python), in one run.

    python benchmarks/run.py                      RAM disk, all cases, three rounds; writes docs/benchmarks.md
    python benchmarks/run.py --place DIR --name "real disk"
    python benchmarks/run.py --cases files --rounds 5 --without-dvc

Every round runs all commands once, in turn, so that a slow minute of the machine hits all of them; reported are
medians, and ratios taken round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from measure import Sample, Series, ratio, run

PROGRAMS = Path(sys.executable).parent
RESULTS = Path(__file__).parent / "results"
TOOLS = {"dv": str(PROGRAMS / "dv"), "dvc": str(PROGRAMS / "dvc")}


@dataclass(slots=True)
class Bench:
    """One place on a disk, and every measurement by (case, step, tool)."""

    place: Path
    tools: tuple[str, ...]
    series: dict[tuple[str, str, str], Series] = field(default_factory=lambda: defaultdict(Series))

    def take(self, case: str, step: str, tool: str, command: list[str], cwd: Path) -> Sample:
        """Measure one command."""
        sample = run(command, cwd=str(cwd), env=self.environment)
        self.series[case, step, tool].samples.append(sample)
        print(
            f"  {case:<8}{step:<18}{tool:<8}{sample.seconds:8.3f} s {sample.peak / 1e6:8.1f} MB", flush=True
        )
        return sample

    @property
    def environment(self) -> dict[str, str]:
        """Settings and caches of our own, nothing of the user's."""
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        return {
            **os.environ,
            "HOME": str(home),
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
            "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
            "DVC_NO_ANALYTICS": "true",
            "GIT_AUTHOR_NAME": "b",
            "GIT_AUTHOR_EMAIL": "b@example.com",
            "GIT_COMMITTER_NAME": "b",
            "GIT_COMMITTER_EMAIL": "b@example.com",
        }

    def quiet(self, *command: str, cwd: Path) -> None:
        """Run a command without measuring it."""
        subprocess.run(command, cwd=cwd, env=self.environment, check=True, capture_output=True)

    def repository(self, name: str) -> Path:
        """Make a fresh repository with a copy cache and an empty local remote."""
        root, remote = self.place / name, self.place / f"{name}-remote"
        for old in (root, remote):
            shutil.rmtree(old, ignore_errors=True)
        root.mkdir()
        self.quiet("git", "init", "-q", "-b", "main", cwd=root)
        self.quiet(TOOLS["dv"], "init", "-q", cwd=root)
        self.quiet(TOOLS["dv"], "config", "-q", "cache.type", "copy", cwd=root)
        self.quiet(TOOLS["dv"], "remote", "add", "-q", "-d", "store", str(remote), cwd=root)
        self.quiet("git", "add", "-A", cwd=root)
        self.quiet("git", "commit", "-qm", "start", cwd=root)
        return root


def start_up(bench: Bench) -> None:
    """A small repository with nothing to do: 20 `.dvc` files, 5 stages, 1 remote."""
    root = bench.repository("small")
    for number in range(20):
        (root / f"file{number}").write_text(f"{number}\n")
    bench.quiet(TOOLS["dv"], "add", *[f"file{n}" for n in range(20)], cwd=root)
    stages = "".join(
        f"  s{n}:\n    cmd: cp file{n} out{n}\n    deps: [file{n}]\n    outs: [out{n}]\n" for n in range(5)
    )
    (root / "dvc.yaml").write_text(f"stages:\n{stages}")
    bench.quiet(TOOLS["dvc"], "repro", "-q", cwd=root)
    bench.quiet(TOOLS["dv"], "status", cwd=root)
    for _ in range(10):
        bench.take("start", "status", "python", [sys.executable, "-c", "pass"], root)
        for tool in bench.tools:
            bench.take("start", "status", tool, [TOOLS[tool], "status"], root)
        bench.take("start", "--help", "python", [sys.executable, "-c", "pass"], root)
        bench.take("start", "--help", "dv", [TOOLS["dv"], "--help"], root)


def many_files(bench: Bench, rounds: int, count: int = 100_000) -> None:
    """100,000 files of 1 KiB: the whole life of a data set."""
    source = bench.place / "many"
    if not source.exists():
        for number in range(count):
            directory = source / f"d{number // 1000:03d}"
            if number % 1000 == 0:
                directory.mkdir(parents=True)
            (directory / f"{number:06d}").write_bytes(os.urandom(1024))
    tracked = bench.place / "git-status"
    shutil.rmtree(tracked, ignore_errors=True)
    tracked.mkdir()
    bench.quiet("cp", "-r", str(source), "data", cwd=tracked)
    bench.quiet("git", "init", "-q", cwd=tracked)
    bench.quiet("git", "add", "-A", cwd=tracked)
    bench.quiet("git", "commit", "-qm", "x", cwd=tracked)
    bench.quiet("git", "status", cwd=tracked)
    for _ in range(rounds):
        shutil.rmtree(bench.place / "copy", ignore_errors=True)
        bench.take("files", "copy", "cp -r", ["cp", "-r", str(source), "copy"], bench.place)
        hashing = "find copy -type f -print0 | xargs -0 md5sum"
        bench.take("files", "hash", "md5sum", ["sh", "-c", hashing], bench.place)
        bench.take("files", "status", "git", ["git", "status"], tracked)
        for tool in bench.tools:
            _life(bench, tool, source)


def _life(bench: Bench, tool: str, source: Path) -> None:
    program = TOOLS[tool]
    root = bench.repository(f"life-{tool}")
    shutil.copytree(source, root / "data")

    def step(name: str, *arguments: str, cwd: Path = root) -> None:
        bench.take("files", name, tool, [program, *arguments], cwd)

    step("add", "add", "data")
    step("add again", "add", "data")
    step("status", "status")
    (root / "data" / "d000" / "000000").write_bytes(os.urandom(1024))
    step("add one change", "add", "data")
    bench.quiet("git", "add", "-A", cwd=root)
    bench.quiet("git", "commit", "-qm", "data", cwd=root)
    step("push", "push")
    step("push again", "push")
    shutil.rmtree(root / "data")
    step("checkout", "checkout")
    step("checkout again", "checkout")
    clone = bench.place / f"clone-{tool}"
    shutil.rmtree(clone, ignore_errors=True)
    bench.quiet("git", "clone", "-q", str(root), str(clone), cwd=bench.place)
    step("pull", "pull", cwd=clone)
    step("gc", "gc", "-w", "-f")
    shutil.rmtree(clone)


def one_file(bench: Bench, rounds: int, size: int = 3 * 1024**3) -> None:
    """One file of 3 GiB: bytes are read once, hashing and writing overlap."""
    source = bench.place / "big"
    if not source.exists():
        block = os.urandom(1 << 20)
        with source.open("wb") as file:
            for number in range(size >> 20):
                file.write(number.to_bytes(8, "big") + block[8:])
    for _ in range(rounds):
        (bench.place / "big-copy").unlink(missing_ok=True)
        bench.take("3 GiB", "copy", "cp", ["cp", str(source), "big-copy"], bench.place)
        bench.take("3 GiB", "hash", "md5sum", ["md5sum", str(source)], bench.place)
        (bench.place / "big-copy").unlink()
        for tool in bench.tools:
            root = bench.repository(f"big-{tool}")
            os.link(source, root / "big")
            bench.take("3 GiB", "add", tool, [TOOLS[tool], "add", "big"], root)
            shutil.rmtree(root)


CASES = {"start": lambda bench, _: start_up(bench), "files": many_files, "big": one_file}


def report(bench: Bench, name: str) -> dict[str, object]:
    """Return medians, peaks and ratios as plain values."""
    rows = [
        {
            "case": case,
            "step": step,
            "tool": tool,
            "seconds": round(series.seconds, 4),
            "peak_mb": round(series.peak / 1e6, 1),
            "runs": len(series.samples),
            "faster_than_dvc": round(ratio(series, bench.series[case, step, "dvc"]), 2)
            if tool == "dv" and (case, step, "dvc") in bench.series
            else None,
        }
        for (case, step, tool), series in bench.series.items()
    ]
    return {"name": name, "machine": machine(bench.place), "rows": rows}


def machine(place: Path) -> dict[str, object]:
    """Describe where the figures come from."""
    processor = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(place)], capture_output=True, text=True, check=True)
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "file_system": kind.stdout.strip(),
    }


def main() -> None:
    """Parse the arguments, run the cases, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--place", default="/dev/shm", help="directory on the disk to measure")
    parser.add_argument("--name", default="RAM disk")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-dvc", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.place, prefix="dv-bench-") as directory:
        bench = Bench(place=Path(directory), tools=("dv",) if args.without_dvc else ("dv", "dvc"))
        for case in args.cases:
            CASES[case](bench, args.rounds)
        result = report(bench, args.name)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{args.name.replace(' ', '-').lower()}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    subprocess.run([sys.executable, str(Path(__file__).parent / "table.py")], check=True)
    print(f"written: {path} and docs/benchmarks.md")


if __name__ == "__main__":
    main()
