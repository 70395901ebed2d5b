"""A repository to work in by calling the operations, every call as a new process would."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data_versioning import repo as repos
from data_versioning.objects.cache import ObjectCache
from data_versioning.operations import add, checkout, commit, data_status, status
from data_versioning.operations.add import AddOptions, AddResult
from data_versioning.operations.checkout import CheckoutOptions, CheckoutResult
from data_versioning.operations.commit import CommitOptions, CommitResult
from data_versioning.operations.data_status import DataStatus
from data_versioning.repo import Repo
from tests.oracle import Entry, Sandbox, snapshot

# The operation log, and what only saves time.
ASIDE = (".git/dv", ".dvc/tmp")


def digest(content: bytes | str) -> str:
    return hashlib.md5(content.encode() if isinstance(content, str) else content).hexdigest()


@dataclass(frozen=True, slots=True)
class Work:
    root: Path
    sandbox: Sandbox

    def repo(self) -> Repo:
        return repos.open(str(self.root), argv=("test",))

    @property
    def cache(self) -> ObjectCache:
        return self.repo().cache

    def write(self, name: str, content: str | bytes = b"", *, mode: int = 0o644) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or (path.exists() and not path.stat().st_mode & 0o200):
            path.unlink()  # as editors do: a link into the cache is not to be written through
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def delete(self, name: str) -> None:
        path = self.root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def files(self, name: str) -> dict[str, bytes]:
        """The content of all files below a directory; links to directories are not entered."""
        top = self.root / name
        return {
            os.path.relpath(os.path.join(directory, file), top): Path(directory, file).read_bytes()
            for directory, _, files in os.walk(top)
            for file in files
            if os.path.isfile(os.path.join(directory, file))
        }

    def configure(self, **options: str) -> None:
        """Set options of `cache`."""
        lines = "".join(f"    {key} = {value}\n" for key, value in options.items())
        (self.root / ".dvc/config").write_text(f"[cache]\n{lines}")

    def add(self, *names: str, **options: Any) -> AddResult:
        return add.add(self.repo(), [f"{self.root}/{name}" for name in names], options=AddOptions(**options))

    def checkout(self, *names: str, **options: Any) -> CheckoutResult:
        return checkout.checkout(self.repo(), self.targets(names), options=CheckoutOptions(**options))

    def commit(self, *names: str, force: bool = True, **options: Any) -> CommitResult:
        return commit.commit(self.repo(), self.targets(names), options=CommitOptions(force=force, **options))

    def status(self, *names: str, **options: Any) -> dict[str, Any]:
        return status.status(self.repo(), self.targets(names), **options).changes

    def data_status(self, *names: str, **options: Any) -> DataStatus:
        return data_status.data_status(self.repo(), self.targets(names), **options)

    def targets(self, names: Sequence[str]) -> list[str]:
        """Targets count from the current directory; addresses of stages and pointer files do, too."""
        return list(names)

    def pointer(self, name: str) -> dict[str, Any]:
        """The first output of a pointer file."""
        found = yaml.safe_load((self.root / name).read_text())["outs"][0]
        assert isinstance(found, dict)
        return found

    def git(self, *args: str) -> str:
        return self.sandbox.git(self.root, *args)

    def save(self, message: str = "step") -> None:
        """Commit everything to Git."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def object(self, content: bytes | str, *, legacy: bool = False) -> Path:
        """Where the object with this content lies."""
        return self.named(digest(content), legacy=legacy)

    def named(self, value: str, *, legacy: bool = False) -> Path:
        return Path(self.cache.root(legacy=legacy)) / value[:2] / value[2:]

    def objects(self) -> dict[str, bytes]:
        """The content of every object by id; all of them are sealed."""
        found = {}
        for path in Path(self.cache.root()).rglob("*"):
            if path.is_file():
                assert stat.S_IMODE(path.stat().st_mode) == 0o444, path
                found[path.parent.name + path.name] = path.read_bytes()
        return found

    def everything(self) -> dict[str, Entry]:
        """All files, Git's included."""
        return snapshot(self.root, private=ASIDE)

    def put_legacy(self, content: bytes, value: str = "") -> str:
        """An object as DVC 2.x left it, named after its text hash; its id."""
        value = value or digest(content.replace(b"\r\n", b"\n"))
        path = self.named(value, legacy=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o444)
        return value

    def settle(self) -> None:
        """Wait until time stamps are old enough to tell changes apart."""
        time.sleep(0.03)
