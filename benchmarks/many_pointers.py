"""A repository of many `.dvc` files, one small file each: written directly, as if long ago and added by DVC.

python benchmarks/many_pointers.py DIRECTORY COUNT
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from hashlib import md5
from pathlib import Path

PER_DIRECTORY = 1000
_HOUR = 3600


def make(root: Path, count: int) -> list[str]:
    """Fill the new directory `root`, a Git and DVC repository; return the tracked paths."""
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").touch()
    (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    objects = root / ".dvc/cache/files/md5"
    for prefix in range(256):
        (objects / f"{prefix:02x}").mkdir(parents=True)
    paths = [f"data/{at // PER_DIRECTORY:03}/{at:06}.txt" for at in range(count)]
    for start in range(0, count, PER_DIRECTORY):
        _fill(root, objects, paths[start : start + PER_DIRECTORY])
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
    return paths


def _fill(root: Path, objects: Path, paths: list[str]) -> None:
    """Write the files of one directory, with their objects, pointers and ignore entries."""
    directory = (root / paths[0]).parent
    directory.mkdir(parents=True)
    long_ago = time.time() - _HOUR
    names = [os.path.basename(path) for path in paths]
    for path, name in zip(paths, names, strict=True):
        content = path.encode()
        digest = md5(content).hexdigest()
        pointer = f"outs:\n- md5: {digest}\n  size: {len(content)}\n  hash: md5\n  path: {name}\n"
        for place, text, mode in (
            (directory / name, content, 0o644),
            (directory / f"{name}.dvc", pointer.encode(), 0o644),
            (objects / digest[:2] / digest[2:], content, 0o444),
        ):
            place.write_bytes(text)
            os.chmod(place, mode)
            os.utime(place, (long_ago, long_ago))
    (directory / ".gitignore").write_text("".join(f"/{name}\n" for name in names))


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
