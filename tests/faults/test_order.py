"""The order of system calls of `add`: content, rename, sync, mode 0444, pointer; proved with strace.

Power may fail between any two of them, and a trusted object (0444) or a pointer must never be ahead of its bytes.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.oracle import Tool

TRACED = (
    "openat,write,pwrite64,writev,copy_file_range,sendfile,ioctl,rename,renameat,renameat2,link,linkat,"
    "chmod,fchmod,fchmodat,fsync,fdatasync,syncfs,sync"
)
RENAMES = ("rename", "renameat", "renameat2", "link", "linkat")
SYNCS = ("fsync", "fdatasync", "syncfs", "sync")
CHMODS = ("chmod", "fchmod", "fchmodat")
WRITES = ("write", "pwrite64", "writev", "copy_file_range", "sendfile", "ioctl")


@dataclass(frozen=True, slots=True)
class Call:
    """One successful system call; `begin` and `end` are lines of the trace, paths are absolute."""

    name: str
    arguments: str
    begin: int
    end: int


def trace(tool: Tool, repo: Path, log: Path, *args: str) -> list[Call]:
    subprocess.run(
        ["strace", "-f", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={TRACED}", *tool.argv(*args)],
        cwd=repo, env=tool.sandbox.environment(), capture_output=True, check=True,
    )  # fmt: skip
    return list(parse(log.read_text(errors="replace")))


def parse(text: str) -> Iterator[Call]:
    started: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.splitlines()):
        pid, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            started[pid] = rest.removesuffix("<unfinished ...>"), number
            continue
        begin = number
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
            head, begin = started.pop(pid)
            rest = head + resumed[1]
        found = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", rest)
        if found and not found[3].startswith("-"):
            yield Call(found[1], found[2], begin, number)


@pytest.mark.parametrize("cache_type", ["copy", "hardlink", "symlink"])
def test_add_syncs_before_it_trusts_and_names(
    repository: Path, dv: Tool, place: Path, cache_type: str
) -> None:
    (repository / ".dvc/config").write_text(f"[cache]\n    type = {cache_type}\n")
    (repository / "data/inner").mkdir(parents=True)
    for number in range(20):
        (repository / f"data/inner/f{number}").write_bytes(b"%d" % number * (1 + 5_000 * number))
    calls = trace(dv, repository, place / "log", "add", "data")
    store = str(repository / ".dvc/cache/files/md5")
    objects = sorted(path for path in Path(store).rglob("*") if path.is_file())
    assert len(objects) == 21
    pointer = min(call.begin for call in calls if call.name in RENAMES and '/data.dvc"' in call.arguments)
    for path in objects:
        placed, sealed = named(calls, RENAMES, path), named(calls, CHMODS, path)
        assert placed, f"{path} appeared under its name by something else than a rename"
        assert sealed, f"{path} was never sealed"
        seals = [
            call
            for call in sealed
            if re.search(r"0444\b|S_IRUSR", call.arguments) or "0444" in call.arguments
        ]
        first = min(call.begin for call in seals)
        last_placed = max(call.end for call in placed)
        between = [
            call for call in calls if call.name in SYNCS and last_placed < call.begin and call.end < first
        ]
        assert between, f"{path}: nothing was synced between its rename and its mode 0444"
        assert max(call.end for call in seals) < pointer, f"{path} was sealed after the pointer named it"
    assert not writes_below(calls, store, after=pointer), "objects were written after the pointer"


def test_pointer_is_synced_before_it_is_renamed(repository: Path, dv: Tool, place: Path) -> None:
    (repository / "file").write_text("content")
    calls = trace(dv, repository, place / "log", "add", "file")
    rename = next(call for call in calls if call.name in RENAMES and '/file.dvc"' in call.arguments)
    temporary = re.findall(r'"([^"]+)"', rename.arguments)[0]
    syncs = [
        call
        for call in calls
        if call.name in ("fsync", "fdatasync") and Path(temporary).name in call.arguments
    ]
    assert syncs, "the pointer file was renamed into place without a sync of its bytes"
    assert syncs[0].end < rename.begin


def named(calls: list[Call], names: tuple[str, ...], path: Path) -> list[Call]:
    """Calls that name the object: by its full path, or by its end relative to an open directory."""
    ends = f'/{path.name}"', f'"{path.name}"', f"/{path.name}>"
    return [call for call in calls if call.name in names and any(end in call.arguments for end in ends)]


def writes_below(calls: list[Call], folder: str, *, after: int) -> list[Call]:
    return [
        call
        for call in calls
        if call.name in WRITES and call.begin > after and folder in call.arguments[:300]
    ]
