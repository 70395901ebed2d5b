"""What each program does with the same data, step by step.

A life is a generator: what it does between two steps is preparation and is not measured. Lives of one group
take turns step by step; the same job has the same name in all of them. None lets a turn pass.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from place import DV, Place, discard


@dataclass(frozen=True, slots=True)
class Step:
    """One command to measure."""

    name: str
    command: Sequence[str]
    cwd: Path


Life: TypeAlias = Iterator[Step | None]


def data_set(place: Place, tool: str, program: str, source: Path, changed: str) -> Life:
    """`dv` or `dvc` with a copy cache: track, change, share, clean, and get it all back in a clone."""
    root = place.data_repository(tool, link="copy")
    data = fill(root, source)
    yield Step("add", [program, "add", "data"], root)
    place.commit(root)
    yield Step("add again", [program, "add", "data"], root)
    yield Step("status", [program, "status"], root)
    if changed:
        change(data / changed)
        yield Step("status, 1 changed", [program, "status"], root)
        yield Step("add, 1 changed", [program, "add", "data"], root)
        yield Step("diff", [program, "diff"], root)
        place.commit(root)
    yield Step("push", [program, "push"], root)
    yield Step("push again", [program, "push"], root)
    discard(data)
    yield Step("checkout", [program, "checkout"], root)
    yield Step("checkout again", [program, "checkout"], root)
    yield Step("gc", [program, "gc", "-w", "-f"], root)
    discard(data)
    discard(root / ".dvc/cache")
    clone = place.clone(root)
    yield Step("fetch", [program, "fetch"], clone)
    discard(clone / ".dvc/cache")
    yield Step("pull", [program, "pull"], clone)


def hard_linked(place: Place, tool: str, program: str, source: Path) -> Life:
    """`dv` or `dvc` with a cache whose objects are hard links of the files in the workspace."""
    root = place.data_repository(f"{tool}-linked", link="hardlink")
    data = fill(root, source)
    yield Step("add, hard links", [program, "add", "data"], root)
    yield Step("add again, hard links", [program, "add", "data"], root)
    discard(data)
    yield Step("checkout, hard links", [program, "checkout"], root)
    yield Step("checkout again, hard links", [program, "checkout"], root)


def one_change(place: Place, tool: str, program: str, source: Path, changed: str) -> Life:
    """One file of a data set changes; a clone that has the first version gets the second."""
    root = place.data_repository(tool, link="copy")
    data = fill(root, source)
    for arguments in (["add", "-q", "data"], ["push", "-q"]):
        place.quiet(DV, *arguments, cwd=root)
    place.commit(root)
    clone = place.clone(root)
    place.quiet(DV, "pull", "-q", cwd=clone)
    for directory in (root, clone):
        place.quiet(program, "status", cwd=directory)  # what it remembers of the files
    change(data / changed)
    yield Step("status", [program, "status"], root)
    yield Step("data status", [program, "data", "status"], root)
    yield Step("diff", [program, "diff"], root)
    yield Step("add", [program, "add", "data"], root)
    yield Step("push", [program, "push"], root)
    place.commit(root)
    place.quiet("git", "pull", "-q", cwd=clone)
    yield Step("pull", [program, "pull"], clone)
    place.quiet("git", "checkout", "-q", "HEAD~1", cwd=clone)
    yield Step("checkout of the old version", [program, "checkout"], clone)


def pointers(place: Place, tool: str, program: str, source: Path, changed: str) -> Life:
    """As many `.dvc` files as there is data: every command reads all of them."""
    root = place.data_repository(tool, link="copy")
    data = fill(root, source)
    for arguments in (["add", "-q", "-R", "data"], ["push", "-q"]):
        place.quiet(DV, *arguments, cwd=root)
    place.commit(root)
    place.quiet(program, "status", cwd=root)
    yield Step("status", [program, "status"], root)
    yield Step("checkout again", [program, "checkout"], root)
    yield Step("push again", [program, "push"], root)
    change(data / changed)
    yield Step("add, 1 changed", [program, "add", f"data/{changed}"], root)
    yield Step("diff", [program, "diff"], root)


def start(place: Place, tool: str, program: str, source: Path) -> Life:
    """A small repository with nothing to do: 20 files, 5 stages, 1 remote."""
    root = place.data_repository(tool, link="copy")
    names = [path.name for path in sorted(source.iterdir())]
    for name in names:
        shutil.copy(source / name, root)
    place.quiet(DV, "add", *names, cwd=root)
    stages = (f"  s{n}: {{cmd: cp {n} out{n}, deps: ['{n}'], outs: [out{n}]}}\n" for n in range(5))
    (root / "dvc.yaml").write_text(f"stages:\n{''.join(stages)}")
    place.quiet(DV, "repro", "-q", cwd=root)
    place.commit(root)
    for verb in ("status", "push"):
        place.quiet(program, verb, cwd=root)
    yield Step("--help", [program, "--help"], root)
    for verb in ("status", "diff", "push", "checkout"):
        yield Step(verb, [program, verb], root)


def pipelines(place: Place, tool: str, program: str) -> Life:
    """Many stages that do next to nothing, and few that take a second each."""
    root = place.data_repository(tool, link="copy")
    hundred = (f"  s{n}: {{cmd: 'echo {n} > o{n}', outs: [o{n}]}}\n" for n in range(100))
    (root / "dvc.yaml").write_text(f"stages:\n{''.join(hundred)}")
    yield Step("repro, 100 stages", [program, "repro"], root)
    yield Step("repro again, 100 stages", [program, "repro"], root)
    place.commit(root)
    (root / "in").write_text("1\n")
    thousand = "{foreach: [%s], do: {cmd: 'echo ${item} > p${item}', deps: ['in'], outs: ['p${item}']}}"
    (root / "dvc.yaml").write_text(f"stages:\n  s: {thousand % ', '.join(map(str, range(1000)))}\n")
    # The first time takes DVC many minutes: it writes the whole lock file after each stage.
    if tool == "dv":
        yield Step("repro, 1,000 stages", [program, "repro"], root)
    else:
        place.quiet(DV, "repro", "-q", cwd=root)
        yield None
    yield Step("repro again, 1,000 stages", [program, "repro"], root)
    (root / "dvc.lock").unlink()
    slow = (f"  t{n}: {{cmd: 'sleep 1; echo {n} > q{n}', outs: [q{n}]}}\n" for n in range(8))
    (root / "dvc.yaml").write_text(f"stages:\n{''.join(slow)}")
    at_once = ["-j", "8"] if tool == "dv" else []
    yield Step("repro, 8 stages of 1 s", [program, "repro", *at_once], root)


def git(place: Place, source: Path, changed: str) -> Life:
    """Git alone, which keeps the data in its own history."""
    root = place.git_repository("git")
    data = fill(root, source)
    yield Step("add", ["git", "add", "-A"], root)
    place.quiet("git", "commit", "-qm", "data", cwd=root)
    yield Step("add again", ["git", "add", "-A"], root)
    yield Step("status", ["git", "status"], root)
    change(data / changed)
    yield Step("status, 1 changed", ["git", "status"], root)
    yield Step("add, 1 changed", ["git", "add", "-A"], root)
    yield Step("diff", ["git", "diff", "--cached", "--stat"], root)
    yield from (None, None)  # while the others push
    discard(data)
    yield Step("checkout", ["git", "checkout", "-q", "--", "data"], root)
    yield Step("checkout again", ["git", "checkout", "-q", "--", "data"], root)


def git_lfs(place: Place, source: Path, changed: str) -> Life:
    """Git LFS with a remote in a local directory."""
    root, remote = place.git_repository("lfs"), place.fresh("lfs-remote")
    place.quiet("git", "init", "-q", "--bare", "-b", "main", str(remote), cwd=place.path)
    place.quiet("git", "lfs", "install", "--local", cwd=root)
    place.quiet("git", "lfs", "track", "data", "data/**", cwd=root)
    place.quiet("git", "remote", "add", "origin", f"file://{remote}", cwd=root)
    data = fill(root, source)
    yield Step("add", ["git", "add", "-A"], root)
    place.quiet("git", "commit", "-qm", "data", cwd=root)
    yield Step("add again", ["git", "add", "-A"], root)
    yield Step("status", ["git", "status"], root)
    if changed:
        change(data / changed)
        yield Step("status, 1 changed", ["git", "status"], root)
        yield Step("add, 1 changed", ["git", "add", "-A"], root)
        yield Step("diff", ["git", "diff", "--cached", "--stat"], root)
        place.quiet("git", "commit", "-qm", "change", cwd=root)
    yield Step("push", ["git", "push", "-q", "origin", "main"], root)
    yield Step("push again", ["git", "lfs", "push", "origin", "main"], root)
    discard(data)
    yield Step("checkout", ["git", "checkout", "-q", "--", "data"], root)
    yield Step("checkout again", ["git", "checkout", "-q", "--", "data"], root)
    yield Step("gc", ["git", "lfs", "prune"], root)
    discard(root)
    clone = place.clone(remote, GIT_LFS_SKIP_SMUDGE="1")
    place.quiet("git", "lfs", "install", "--local", cwd=clone)
    yield Step("fetch", ["git", "lfs", "fetch"], clone)
    discard(clone / ".git/lfs")
    yield Step("pull", ["git", "lfs", "pull"], clone)


def machine(place: Place, source: Path) -> Life:
    """What any program must at least do: copy, read and hash, link."""
    copy, linked = place.fresh("copy"), place.fresh("linked")
    yield Step("cp", ["cp", "-r", str(source), str(copy)], place.path)
    yield Step("md5sum", ["sh", "-c", "find copy -type f -print0 | xargs -0 md5sum"], place.path)
    yield Step("cp -l", ["cp", "-rl", str(copy), str(linked)], place.path)
    discard(copy)
    discard(linked)


def python(place: Place) -> Life:
    """An interpreter that does nothing."""
    yield Step("python", [str(Path(DV).parent / "python"), "-c", "pass"], place.path)


def fill(root: Path, source: Path) -> Path:
    """Copy the data, a directory or a file, into a repository."""
    data = root / "data"
    if source.is_dir():
        shutil.copytree(source, data)
    else:
        shutil.copyfile(source, data)
    return data


def change(path: Path) -> None:
    """Replace the content of a file that is not empty, keeping its size."""
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.unlink()
    path.write_bytes(content)
