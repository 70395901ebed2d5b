"""A workspace and a cache without a repository around them."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from data_versioning.localfs.links import LinkType
from data_versioning.objects.cache import ObjectCache
from data_versioning.workspace import scan, store
from data_versioning.workspace.ignore import IgnoreRules
from data_versioning.workspace.scan import Scanner, Snapshot
from data_versioning.workspace.stat_cache import StatCache


def digest(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """`root` is the workspace, `cache` lies beside it; every call begins as a new process would."""

    root: Path
    cache: ObjectCache

    @classmethod
    def make(cls, base: Path) -> Place:
        (base / "work").mkdir()
        return cls(base / "work", ObjectCache(base=str(base / "cache"), durable=False))

    def write(self, **files: bytes) -> None:
        """Write files; "__" in a name stands for "/"."""
        for name, content in files.items():
            self.put(name.replace("__", "/"), content)

    def put(self, name: str, content: bytes = b"", mode: int = 0o644) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def scanner(self, *, legacy: bool = False, ignore: IgnoreRules | None = None) -> Scanner:
        stats = StatCache(str(self.root.parent / "stat"))
        return Scanner(root=str(self.root), stats=stats, legacy=legacy, ignore=ignore)

    def look(self, path: str, *, legacy: bool = False, ignore: IgnoreRules | None = None) -> Snapshot | None:
        scanner = self.scanner(legacy=legacy, ignore=ignore)
        found = scan.look(scanner, path)
        scanner.stats.save()
        return found

    def store(self, path: str, kind: LinkType = LinkType.COPY) -> Snapshot:
        scanner = self.scanner()
        found = store.put(scanner, path, self.cache, kind=kind)
        scanner.stats.save()
        return found

    def files(self, path: str = "") -> dict[str, bytes]:
        """The content of all files below a path."""
        top = self.root / path
        return {
            str(file.relative_to(top)): file.read_bytes() for file in sorted(top.rglob("*")) if file.is_file()
        }

    def objects(self) -> dict[str, tuple[int, bytes]]:
        """Mode and content of every object, by id."""
        root = Path(self.cache.root())
        return {
            path.parent.name + path.name: (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
            for path in root.rglob("*")
            if path.is_file()
        }


def overwrite(path: Path, content: bytes) -> None:
    """Change the content in place, leaving size (if equal), inode and name alone."""
    with path.open("r+b") as file:
        file.write(content)


def back_date(path: Path, seconds: float = 3600.0) -> None:
    """Make a file look old, as data usually is."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
