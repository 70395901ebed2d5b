"""Repositories that share data through a local remote."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.oracle import Sandbox, Tool

FILES = {"data/a": "alpha", "data/sub/b": "beta", "data/sub/c": "gamma", "data/empty": "", "lone": "lone"}


def write(repository: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(content)


def tracked(repository: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """Track FILES with the real DVC, commit, and set up the remote beside the repository."""
    write(repository, FILES)
    remote = repository.parent / "remote"
    dvc(repository, "remote", "add", "-q", "-d", "up", str(remote)).ok()
    dvc(repository, "add", "-q", "data", "lone").ok()
    commit(repository, sandbox)
    return remote


def commit(repository: Path, sandbox: Sandbox, message: str = "data") -> None:
    sandbox.git(repository, "add", "-A")
    sandbox.git(repository, "commit", "-qm", message)


def clone(repository: Path, sandbox: Sandbox, name: str = "clone") -> Path:
    target = repository.parent / name
    sandbox.git(repository.parent, "clone", "-q", str(repository), str(target))
    return target


def objects(base: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file below a cache or a remote, but not what is only DVC's own."""
    return {
        str(path.relative_to(base)): (path.stat().st_mode & 0o7777, path.read_bytes())
        for path in sorted(base.rglob("*"))
        if path.is_file()
    }


def object_of(base: Path, content: str) -> Path:
    """Where the object with this content lies."""
    (found,) = [path for path in base.rglob("*") if path.is_file() and path.read_text() == content]
    return found


def damage(path: Path) -> None:
    """Other content of the same size, still read-only."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(bytes(byte ^ 1 for byte in content))
    os.chmod(path, 0o444)


def forget(repository: Path) -> None:
    """Lose the cache and the workspace's data."""
    shutil.rmtree(repository / ".dvc/cache")
    shutil.rmtree(repository / "data")
    (repository / "lone").unlink()
