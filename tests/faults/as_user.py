"""Run a tool as an ordinary user: root ignores the modes of files, so permissions cannot be tested as root.

The interpreter may lie below a directory that others cannot enter (`/root`). Then the command gets its own mount
namespace in which a world-readable directory with just the needed parts covers that one.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.oracle import TIMEOUT, Result, Tool

NOBODY = 65534


def run(
    tool: Tool,
    cwd: Path,
    *args: str,
    uid: int = NOBODY,
    gid: int = NOBODY,
    env: Mapping[str, str] | None = None,
) -> Result:
    """One command of the tool as `uid`:`gid`; `tool.sandbox` must belong to that user."""
    drop = [
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ]
    command = shlex.join([*drop, *tool.argv(*args)])
    script = "\n".join(
        ["set -e", *_cover(tool.sandbox.base), f"cd {shlex.quote(str(cwd))}", f"exec {command}"]
    )
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        env=tool.sandbox.environment() | dict(env or {}),
        capture_output=True, text=True, errors="replace", check=False, timeout=TIMEOUT,
    )  # fmt: skip
    return Result(tool.name, args, done.returncode, done.stdout, done.stderr)


def _cover(scratch: Path) -> list[str]:
    """Shell lines that make the interpreter, its packages and this project reachable for everybody."""
    lines = []
    needed = {
        Path(sys.base_prefix).resolve(),
        Path(sys.prefix).resolve(),
        Path(__file__).resolve().parents[2],
    }
    hidden = {closed for path in needed if (closed := _closed_parent(path))}
    for closed in sorted(hidden):
        moves = []
        for number, path in enumerate(sorted(path for path in needed if path.is_relative_to(closed))):
            place, target = shlex.quote(f"{scratch}/bind{number}"), shlex.quote(str(path))
            lines.append(f"mkdir -p {place} && mount --bind {target} {place}")
            moves.append(f"mkdir -p {target} && mount --bind {place} {target}")
        lines += [f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(closed))}", *moves]
    return lines


def _closed_parent(path: Path) -> Path | None:
    """The topmost parent of `path` that other users cannot enter."""
    closed = (parent for parent in reversed(path.parents) if not parent.stat().st_mode & stat.S_IXOTH)
    return next(closed, None)


def give(path: Path, uid: int = NOBODY, gid: int = NOBODY) -> Path:
    """Change the owner of a whole tree."""
    os.chown(path, uid, gid)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.lchown(os.path.join(folder, name), uid, gid)
    return path
