"""Another repository, to read from: files in Git and data, at two tags, with a local remote."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.operations.work import digest
from tests.oracle import Sandbox, Tool

OLD_TEXT = b"one\r\ntwo\r\n"
OLD_VALUE = digest("one\ntwo\n")  # as DVC 2.x named it


@dataclass(frozen=True, slots=True)
class Registry:
    root: Path
    store: Path
    sandbox: Sandbox
    dvc: Tool

    @property
    def url(self) -> str:
        return f"file://{self.root}"

    def git(self, *args: str) -> str:
        return self.sandbox.git(self.root, *args)

    def write(self, name: str, content: str | bytes, *, mode: int = 0o644) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def commit(self, message: str = "step") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def track(self, *names: str) -> None:
        self.dvc(self.root, "add", "-q", *names).ok()

    def push(self) -> None:
        self.dvc(self.root, "push", "-q").ok()

    def object(self, content: bytes | str) -> Path:
        """Where the remote keeps this content."""
        value = digest(content)
        return self.store / "files/md5" / value[:2] / value[2:]

    def forget(self) -> None:
        """Only the remote has the data."""
        shutil.rmtree(self.root / ".dvc/cache")

    def copy(self, place: Path) -> Registry:
        """One that a test may change, with a remote of its own."""
        new = Registry(place / "registry", place / "store", self.sandbox, self.dvc)
        shutil.copytree(self.root, new.root, symlinks=True)
        shutil.copytree(self.store, new.store)
        config = new.root / ".dvc/config"
        config.write_text(config.read_text().replace(str(self.store), str(new.store)))
        new.commit("moved")
        return new


def make(place: Path, template: Path, sandbox: Sandbox, dvc: Tool) -> Registry:
    found = Registry(place / "registry", place / "store", sandbox, dvc)
    shutil.copytree(template, found.root)
    dvc(found.root, "remote", "add", "-q", "-d", "store", str(found.store)).ok()
    found.write("code/run.sh", "echo\n", mode=0o755)
    found.write("code/deep/er", "deep\n")
    (found.root / "code/link").symlink_to("run.sh")
    found.write("notes.txt", "notes\n")
    found.write(".dvcignore", "hidden\n")
    found.write("hidden", "x")
    found.write("data/a", "a")
    found.write("data/sub/b", "b", mode=0o755)
    found.write("model.bin", "m")
    found.track("data", "model.bin")
    nested = found.root / "nested"
    nested.mkdir()
    dvc(nested, "init", "-q", "--subdir").ok()
    found.write("nested/inner", "inner")
    found.write("nested/keep", "keep")
    dvc(nested, "add", "-q", "inner").ok()
    legacy = found.store / OLD_VALUE[:2] / OLD_VALUE[2:]
    legacy.parent.mkdir(parents=True)
    legacy.write_bytes(OLD_TEXT)
    found.write("old.dvc", f"outs:\n- md5: {OLD_VALUE}\n  size: 10\n  path: old\n")
    found.commit("one")
    found.git("tag", "v1")
    found.push()
    found.write("data/a", "a, changed")
    found.write("data/new", "new")
    found.write("model.bin", "m2")
    found.write("notes.txt", "notes, changed\n")
    found.track("data", "model.bin")
    found.commit("two")
    found.push()
    return found
