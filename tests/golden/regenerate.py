"""Make the golden files with the installed DVC: `python tests/golden/regenerate.py`.

They go into `dvc-VERSION/` beside this file: pointer, pipeline, lock and configuration files, and
`.dir` objects.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import dvc

HERE = Path(__file__).parent
NAMES = [
    "plain.csv",
    "two words.csv",
    "#hash.csv",
    "- dash.csv",
    "a: colon.csv",
    "quote'.csv",
    'double".csv',
    "back\\slash.csv",
    "файл.csv",
    "😀.csv",
    "new\nline.csv",
    "tab\t.csv",
    "1e3.csv",
    "!bang.csv",
    "[list].csv",
    "{map}.csv",
    "&anchor.csv",
    "*star.csv",
    "%percent.csv",
    "@at.csv",
    "`tick.csv",
    "trailing space ",
    "true",
    "null",
    "12",
    "a" * 100 + ".csv",
    "long name with many words " * 5 + ".csv",
    "<<",
    "=",
    "2001-01-01",
    "e\u0301.csv",
    "\u00e9.csv",
    "nbsp\u00a0.csv",
]


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="golden-"))
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(work / "site"),
        "HOME": str(work / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def run(*command: str, cwd: Path) -> None:
        subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.DEVNULL)

    for name in ("home", "repo", "other", "storage"):
        (work / name).mkdir()
    _other_repository(work / "other", run)
    _repository(work / "repo", run)
    target = HERE / f"dvc-{dvc.__version__}"
    shutil.rmtree(target, ignore_errors=True)
    _collect(work / "repo", target, str(work))
    shutil.rmtree(work)


def _other_repository(repo: Path, run) -> None:
    run("git", "init", "-q", cwd=repo)
    run("dvc", "init", "-q", cwd=repo)
    (repo / "shared.csv").write_text("shared\n")
    run("dvc", "add", "-q", "shared.csv", cwd=repo)
    run("git", "add", ".", cwd=repo)
    identity = ("-c", "user.name=golden", "-c", "user.email=golden@example.org")
    dates = ("env", "GIT_AUTHOR_DATE=2001-01-01T00:00Z", "GIT_COMMITTER_DATE=2001-01-01T00:00Z")
    run(*dates, "git", *identity, "commit", "-q", "-m", "shared", cwd=repo)


def _repository(repo: Path, run) -> None:
    run("git", "init", "-q", cwd=repo)
    run("dvc", "init", "-q", cwd=repo)
    for name in NAMES:
        (repo / name).write_text(f"content of {name!r}\n")
    run("dvc", "add", "-q", *(f"./{name}" for name in NAMES), cwd=repo)
    _directories(repo, run)
    _edited(repo, run)
    run("dvc", "import-url", "-q", "plain.csv", "copied.csv", cwd=repo)
    run("dvc", "import", "-q", "../other", "shared.csv", "-o", "imported.csv", cwd=repo)
    _pipeline(repo, run)
    run("dvc", "remote", "add", "-q", "-d", "Storage", "../storage", cwd=repo)
    run("dvc", "remote", "add", "-q", "cloud", "s3://bucket/prefix", cwd=repo)
    run("dvc", "remote", "modify", "-q", "cloud", "endpointurl", "http://localhost:9000/?a=b,c#d", cwd=repo)
    run("dvc", "remote", "modify", "-q", "--local", "cloud", "secret_access_key", "a b'c#d", cwd=repo)
    run("dvc", "config", "-q", "cache.type", "reflink,hardlink,copy", cwd=repo)
    run("dvc", "config", "-q", "core.autostage", "true", cwd=repo)
    run("dvc", "config", "-q", "--local", "cache.dir", "../cache", cwd=repo)


ANNOTATED = """\
# written by hand
desc: 'A tool: it works'   # quoted
outs:
    # above
    - path: "tool.sh"  # beside
      type: script
      labels: [b, a]
      desc: >
        folded
        text
      meta: {lr: 1e-3, big: 1_000, day: 2001-01-01}
      md5: d41d8cd98f00b204e9800998ecf8427e
      hash: md5
# below
meta:
  owner: ada  # end
"""


def _edited(repo: Path, run) -> None:
    """A pointer file written by hand, and what DVC makes of it when the data changes."""
    (repo / "tool.sh").write_text("#!/bin/sh\n")
    (repo / "tool.sh").chmod(0o755)
    (repo / "tool.sh.dvc").write_text(ANNOTATED)
    run("dvc", "commit", "-q", "-f", "tool.sh.dvc", cwd=repo)


def _directories(repo: Path, run) -> None:
    for name in ("a-b", "a/b", "data", "e\u0301", "😀", "two words/#x", 'q"uote\\', "new\nline"):
        file = repo / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (repo / "empty").mkdir()
    run("dvc", "add", "-q", "tree", "empty", cwd=repo)


PIPELINE = """\
stages:
  prepare:
    cmd:
    - mkdir -p out
    - cp plain.csv 'out/two words.csv'
    deps:
    - plain.csv
    - tree
    outs:
    - out/two words.csv
  train:
    cmd: echo '{"accuracy":0.5}' > metrics.json && mkdir -p model && cp 'out/two words.csv' model/weights
    deps:
    - out/two words.csv
    params:
    - lr
    - train
    - other.json:
    outs:
    - model
    metrics:
    - metrics.json:
        cache: false
  each:
    foreach: [a, b]
    do:
      cmd: echo ${item} > ${item}.txt
      outs:
      - ${item}.txt
"""
PARAMS = "lr: 1e-3\ntrain: {epochs: 10, momentum: .5, layers: [64, 32], name: 'on', big: 1_000, none: null}\n"


def _pipeline(repo: Path, run) -> None:
    (repo / "dvc.yaml").write_text(PIPELINE)
    (repo / "params.yaml").write_text(PARAMS)
    (repo / "other.json").write_text('{"z": [1, {"a": true}], "a": 1e-07, "s": "2.0"}')
    run("dvc", "repro", "-q", cwd=repo)


def _collect(repo: Path, target: Path, secret: str) -> None:
    """Copy what the tests compare; non-portable names become numbers."""
    pointers = sorted(repo.glob("*.dvc"))
    (target / "dir").mkdir(parents=True)
    (repo / "tool.sh.dvc").rename(target / "edited-after.dvc")
    (target / "edited-before.dvc").write_text(ANNOTATED)
    pointers.remove(repo / "tool.sh.dvc")
    for number, pointer in enumerate(path for path in pointers if path.is_file()):
        assert secret not in pointer.read_text()
        shutil.copyfile(pointer, target / f"{number:02}.dvc")
    for name in ("dvc.yaml", "dvc.lock", ".dvc/config", ".dvc/config.local"):
        shutil.copyfile(repo / name, target / Path(name).name)
    for found in repo.glob(".dvc/cache/files/md5/*/*.dir"):
        shutil.copyfile(found, target / "dir" / f"{found.parent.name}{found.name}")
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


if __name__ == "__main__":
    main()
