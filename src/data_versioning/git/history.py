"""Commits, and files at commits: few processes however many commits there are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from data_versioning.errors import GitError, UsageError
from data_versioning.git import process

_FILE_MODES = (b"100644", b"100755", b"100664")
_POINTERS = ("*.dvc", ":(glob)**/dvc.lock", ":(glob)**/dvc.yaml")
_POINTER_ENDS = (".dvc", "/dvc.lock", "/dvc.yaml")


class Blob(NamedTuple):
    """One content that a path had at some revision."""

    path: str
    sha: str


def is_pointer(path: str) -> bool:
    """Whether `*.dvc`, `dvc.lock` or `dvc.yaml`.

    >>> is_pointer("a/data.dvc"), is_pointer("dvc.lock"), is_pointer("my-dvc.yaml")
    (True, True, False)
    """
    return f"/{path}".endswith(_POINTER_ENDS)


def plain(revision: str) -> str:
    """Return `revision` unless it would be read as an option."""
    if revision.startswith("-") or not revision:
        raise UsageError(f"{revision!r} is not a Git revision", hint="git log --oneline")
    return revision


def resolve(root: str, revision: str) -> str | None:
    """Return the commit a revision names.

    As for DVC, also a branch that exactly one Git remote has, and the name of an experiment.
    """
    out = process.run(
        root, "rev-parse", "--verify", "--quiet", f"{plain(revision)}^{{commit}}", accepted=(0, 1, 128)
    )
    if out.count(b"\n") == 1:  # a range such as A..B is two
        return out.decode().strip()
    branches = references(root, "refs/remotes/").items()
    shas = {sha for name, sha in branches if name.partition("/")[2] == revision}
    if not shas:
        # refs/exps/ab/cdef…/NAME: two parts are the commit that the experiment began from.
        experiments = references(root, "refs/exps/").items()
        shas = {sha for name, sha in experiments if name.split("/")[2:] == [revision]}
    return shas.pop() if len(shas) == 1 else None


def require(root: str, revision: str) -> str:
    """Return the commit a revision names, or raise `GitError`."""
    if sha := resolve(root, revision):
        return sha
    hint = "git log --oneline --all; git tag"
    if ".." in revision:
        hint = "give the two revisions of a range as two arguments"
    elif process.run(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        hint = "git fetch --unshallow   (this clone holds only the newest commits)"
    raise GitError(f"unknown Git revision {revision!r}", hint=hint)


def references(root: str, prefix: str) -> dict[str, str]:
    """Return the commit behind each reference below `prefix`, by the rest of its name."""
    form = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)"
    found = {}
    for line in process.run(root, "for-each-ref", f"--format={form}", prefix).splitlines():
        name, kind, sha, behind, behind_sha = line.split(b"\0")
        commit = sha if kind == b"commit" else behind_sha if behind == b"commit" else b""
        if commit:
            found[os.fsdecode(name).removeprefix(prefix)] = commit.decode()
    return found


class AnnotatedTag(NamedTuple):
    """A tag that is an object of its own: the commit it names, and when it was made (seconds since 1970)."""

    name: str
    commit: str
    time: int


def annotated_tags(root: str) -> list[AnnotatedTag]:
    """Return the annotated tags of commits."""
    form = "%(objecttype)%00%(*objecttype)%00%(*objectname)%00%(taggerdate:unix)%00%(refname:strip=2)"
    lines = process.run(root, "for-each-ref", f"--format={form}", "refs/tags/").splitlines()
    rows = [line.split(b"\0") for line in lines]
    return [
        AnnotatedTag(os.fsdecode(name), sha.decode(), int(time or 0))
        for kind, behind, sha, time, name in rows
        if (kind, behind) == (b"tag", b"commit")
    ]


def line(root: str, starts: Sequence[str], count: int) -> list[str]:
    """Return the first `count` commits of the first-parent line below each start (negative: all)."""
    if count in (0, 1):
        return list(starts[: len(starts) * count])
    limit = () if count < 0 else (f"--max-count={count}",)
    found = []
    for start in starts:
        found += process.run(root, "rev-list", "--first-parent", *limit, start).decode().split()
    return found


def times(root: str, shas: Sequence[str]) -> dict[str, int]:
    """Return when each commit was made, in seconds since 1970."""
    if not shas:
        return {}
    given = "".join(f"{sha}\n" for sha in shas).encode()
    out = process.run(root, "rev-list", "--timestamp", "--no-walk", "--stdin", given=given)
    return {sha: int(made) for made, sha in (row.split() for row in out.decode().splitlines())}


def everything(root: str) -> list[tuple[str, int]]:
    """Return each commit that HEAD, a branch, a remote branch or a tag leads to, with its time."""
    head = ("HEAD",) if resolve(root, "HEAD") else ()
    out = process.run(root, "rev-list", "--timestamp", *head, "--branches", "--remotes", "--tags")
    return [(sha, int(made)) for made, sha in (row.split() for row in out.decode().splitlines())]


def midnight(date: str) -> float:
    """Return the local start of a day as seconds since 1970."""
    try:
        return time.mktime(time.strptime(date, "%Y-%m-%d"))
    except ValueError as error:
        raise UsageError(f"{date!r} is not a date", hint="write it as YYYY-MM-DD") from error


def read_many(root: str, objects: Sequence[str]) -> list[bytes | None]:
    """Return the content of each object in one process, None for what is missing or no blob."""
    if not objects:
        return []
    end, option = (b"\0", ("-z",)) if any("\n" in name for name in objects) else (b"\n", ())
    given = b"".join(os.fsencode(name) + end for name in objects)
    out = process.run(root, "cat-file", "--batch=%(objecttype) %(objectsize)", *option, given=given)
    return list(_contents(out, objects))


def files(root: str, revision: str, suffixes: tuple[str, ...]) -> dict[str, str]:
    """Return path -> blob of the regular files of a revision, symlinks and submodules left out."""
    return _listed(process.run(root, "ls-tree", "-r", "-z", "--full-tree", require(root, revision)), suffixes)


def _listed(out: bytes, suffixes: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for entry in out.split(b"\0")[:-1]:
        facts, _, path = entry.partition(b"\t")
        try:
            mode, _, sha = facts.split(b" ")
        except ValueError:
            raise _garbled("ls-tree") from None
        if mode in _FILE_MODES and (name := os.fsdecode(path)).endswith(suffixes):
            found[name] = sha.decode("ascii", "replace")
    return found


def pointer_blobs(root: str, revisions: Sequence[str]) -> list[Blob]:
    """Return every distinct content that `*.dvc`, `dvc.lock` and `dvc.yaml` have in these commits.

    The first commit is listed whole, each further one compared with its neighbour, so unchanged directories
    are not opened again.
    """
    if not revisions:
        return []
    found = {
        Blob(path, sha): None for path, sha in files(root, revisions[0], ("",)).items() if is_pointer(path)
    }
    pairs = zip(revisions[1:], revisions, strict=False)
    given = "".join(f"{new} {old}\n" for new, old in pairs).encode()
    options = ("-r", "-z", "--no-renames", "--no-commit-id", "--diff-filter=AMT")
    out = process.run(root, "diff-tree", "--stdin", *options, "--", *_POINTERS, given=given) if given else b""
    found |= dict.fromkeys(_changes(out))
    return list(found)


def _changes(out: bytes) -> Iterator[Blob]:
    parts = iter(out.split(b"\0"))
    for facts in parts:
        if facts.startswith(b":"):
            try:
                _, mode, _, sha, _ = facts.split(b" ")
                path = next(parts)
            except (ValueError, StopIteration):
                raise _garbled("diff-tree") from None
            if mode in _FILE_MODES:
                yield Blob(os.fsdecode(path), sha.decode("ascii", "replace"))


def _contents(out: bytes, objects: Iterable[str]) -> Iterator[bytes | None]:
    position = 0
    for name in objects:
        absent = os.fsencode(name) + b" missing\n"
        if out.startswith(absent, position):
            position += len(absent)
            yield None
            continue
        end = out.find(b"\n", position)
        kind, _, size = out[position:end].partition(b" ")
        after = end + 1 + int(size) if end >= 0 and size.isdigit() else len(out)
        if out[after : after + 1] != b"\n":
            raise _garbled("cat-file")
        position = after + 1
        yield out[end + 1 : after] if kind == b"blob" else None


def _garbled(command: str) -> GitError:
    return GitError(f"git {command}: its output cannot be understood", hint="git fsck")
