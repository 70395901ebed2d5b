"""What tests of running pipelines need: stages, their processes, and what must hold of their records."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import yaml


def pipeline(repo: Path, **stages: dict[str, Any]) -> None:
    (repo / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))


def locked(repo: Path) -> dict[str, Any]:
    path = repo / "dvc.lock"
    return yaml.safe_load(path.read_text())["stages"] if path.exists() else {}


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 60
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} goes on"
        time.sleep(0.02)


def members(session: int) -> list[int]:
    """The processes of a session: a run, and all that it started."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            fields = Path(f"/proc/{int(name)}/stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(name))
    return found


def kill_all(session: int) -> None:
    while left := members(session):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def assert_as_recorded(repo: Path) -> None:
    """Whatever the lock file says of an output is what the output holds, and what the cache has."""
    for name, stage in locked(repo).items():
        for out in stage["outs"]:
            path, value = repo / out["path"], out["md5"]
            assert digest(path) == value, f"{name}: {path} is not what is recorded"
            assert (repo / ".dvc/cache/files/md5" / value[:2] / value[2:]).exists()


def digest(path: Path) -> str:
    if path.is_dir():
        files = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
        listing = [{"md5": digest(path / file), "relpath": file} for file in files]
        return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"
    return hashlib.md5(path.read_bytes()).hexdigest()
