"""The main job on real data: digits versioned, shared, switched and put through a pipeline, checked by the real DVC.

Run it with `make demo`. Everything happens below ./demo, which is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from export import export

from data_versioning import DVCTracker, PipelineManager

HERE = Path(__file__).resolve().parents[2] / "demo"
REPOSITORY, REMOTE, CLONE = HERE / "digits", HERE / "remote", HERE / "clone"
DATA = Path("data/digits")
VERSIONS = (
    ("v1.0", "Digits: the first 1,200 samples", 1200, False),
    ("v2.0", "Digits: all 1,797 samples", 1797, False),
    ("v3.0", "Digits: labels corrected", 1797, True),
)
PROGRAMS = Path(sys.executable).parent
PIPELINE = Path(__file__).with_name("pipeline")


def main() -> int:
    """Run the demo; returns 0 when every check held."""
    os.environ.update({"DVC_NO_ANALYTICS": "true", "PATH": f"{PROGRAMS}:{os.environ['PATH']}"})
    say(f"A fresh repository in {REPOSITORY}, a remote in {REMOTE}")
    shutil.rmtree(HERE, ignore_errors=True)
    REPOSITORY.mkdir(parents=True)
    run("git", "init", "--quiet", "--initial-branch=main")
    run("git", "config", "user.name", "Demo")
    run("git", "config", "user.email", "demo@example.com")
    run("dv", "init", "--quiet")
    run("dv", "remote", "add", "--default", "storage", str(REMOTE))
    run("git", "add", ".dvc/config")
    run("git", "commit", "--quiet", "--message", "Start the project")

    tracker = DVCTracker(project_dir=REPOSITORY)
    digests, table = {}, []
    for tag, message, count, fixed in VERSIONS:
        say(f"Version {tag}: {message}")
        export(REPOSITORY / DATA, count=count, labels_fixed=fixed)
        started = time.perf_counter()
        result = tracker.track_data(DATA, message=message)
        seconds = time.perf_counter() - started
        run("git", "tag", "--annotate", tag, "--message", message)
        digests[tag] = digest(REPOSITORY)
        pushed = result.pushed.copied if result.pushed else 0
        print(f"    tracked, committed as {result.commit[:10]}, {pushed:,} objects pushed in {seconds:.2f} s")
        table.append((tag, count + 1, result.size, pushed, seconds))

    say("Somebody else clones the repository and pulls the data")
    run("git", "clone", "--quiet", str(REPOSITORY), str(CLONE), at=HERE)
    run("dv", "pull", at=CLONE)
    check("the clone holds version v3.0", digest(CLONE) == digests["v3.0"])

    say("Back and forth between versions, every file compared by its hash")
    clone = DVCTracker(project_dir=CLONE)
    for tag in ("v1.0", "v3.0", "v2.0", "main"):
        clone.checkout_version(tag)
        check(f"checkout_version({tag!r})", digest(CLONE) == digests["v3.0" if tag == "main" else tag])

    pipeline()

    say("The real DVC looks at the same repository")
    for place in (REPOSITORY, CLONE):
        answer = run("dvc", "status", at=place)
        check(f"dvc status in {place.name} finds nothing changed", "up to date" in answer)

    say("Summary")
    print(f"    {'version':<10}{'files':>8}{'bytes':>12}{'new objects':>14}{'seconds':>10}")
    for tag, files, size, pushed, seconds in table:
        print(f"    {tag:<10}{files:>8,}{size:>12,}{pushed:>14,}{seconds:>10.2f}")
    print(f"\nLook around: cd {REPOSITORY.relative_to(Path.cwd())} && dv data status")
    return 0


def pipeline() -> None:
    """Train and evaluate; again with other params, with the old ones, and as it was at a tag."""
    say("A pipeline: prepare, train, evaluate")
    shutil.copytree(PIPELINE, REPOSITORY, dirs_exist_ok=True)
    run("dv", "repro", "--jobs", "2")
    first = evaluated()
    commit("Train on version 3.0 of the data", tag="model-v1")
    check("the same again: nothing runs", "Running" not in run("dv", "repro"))
    check("nothing runs with the real DVC either", "Running" not in run("dvc", "repro"))

    say("Longer training: what is up to date stays")
    said = run("dv", "repro", "--explain", "-P", "train.epochs=40", "-P", "train.learning_rate=0.01")
    check("prepare did not run", "Stage 'prepare' didn't change" in said)
    check(f"better on data not seen: {first:.1%} -> {evaluated():.1%}", evaluated() > first)
    commit("Train longer", tag="model-v2")
    run("dv", "plots", "diff", "model-v1", "model-v2", "--out", str(HERE / "plots"))
    check("the confusion matrices of both models are on one page", (HERE / "plots/index.html").is_file())

    say("Back to the first params: everything comes from the cache")
    said = run("dv", "repro", "-P", "train.epochs=2", "-P", "train.learning_rate=0.001")
    check("nothing ran", "Running" not in said and evaluated() == first)
    run("git", "checkout", "--quiet", ".")
    run("dv", "checkout")

    say("model-v1 is made again, apart from the workspace")
    again = PipelineManager(REPOSITORY / "dvc.yaml").reproduce(rev="model-v1")
    for output in again.outputs:
        check(f"{output.path} came out the same", output.is_same)


def evaluated() -> float:
    """Return the accuracy on data that the model has not seen."""
    return float(json.loads((REPOSITORY / "metrics/eval.json").read_text())["accuracy"])


def commit(message: str, *, tag: str) -> None:
    """Commit everything, and push the data."""
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", message)
    run("git", "tag", "--annotate", tag, "--message", message)
    run("dv", "push")


def say(title: str) -> None:
    """Announce a step."""
    print(f"\n== {title}", flush=True)


def check(what: str, holds: bool) -> None:
    """Print the outcome of one check; end the demo when it does not hold."""
    print(f"    {'ok' if holds else 'FAILED'}: {what}", flush=True)
    if not holds:
        sys.exit(1)


def run(program: str, *arguments: str, at: Path = REPOSITORY) -> str:
    """Run a command in `at`, showing it and what it prints; return what it printed."""
    print(f"    $ {program} {' '.join(arguments)}", flush=True)
    place = PROGRAMS / program
    command = [str(place) if place.exists() else program, *arguments]
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)
    for line in (done.stdout + done.stderr).splitlines():
        print(f"      {line}", flush=True)
    if done.returncode:
        sys.exit(f"{program} ended with {done.returncode}")
    return done.stdout


def digest(root: Path) -> str:
    """Return one hash over the names and contents of all files of the data set."""
    found = hashlib.sha256()
    for path in sorted((root / DATA).rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(root)}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
