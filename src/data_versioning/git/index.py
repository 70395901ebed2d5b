"""What Git tracks, ignores and is about to commit. Paths are relative to the top of the work tree `root`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from data_versioning.errors import GitError
from data_versioning.git import process
from data_versioning.localfs import locks
from data_versioning.paths import parents

_FEW = 100  # more paths than this: list the whole index once
_OURS = 300.0  # seconds to wait for another `dv`, whose commit may run hooks
_OTHERS = 5.0  # seconds to wait for another Git command
_UNFINISHED = {"MERGE_HEAD": "merge", "CHERRY_PICK_HEAD": "cherry-pick", "REVERT_HEAD": "revert"}


def is_ignored(root: str, paths: Mapping[str, str]) -> set[str]:
    """Return the keys whose path some ignore rule hides."""
    if not paths:
        return set()
    given = process.lines(["./" + path for path in paths.values()])  # "./": a name may begin with ":"
    code, out, err = process.attempt(
        root, "check-ignore", "--no-index", "-z", "--stdin", given=given, env={"LC_ALL": "C"}
    )
    if code in (0, 1):
        hidden = set(process.fields(out))
        return {key for key, path in paths.items() if "./" + path in hidden}
    if b"beyond a symbolic link" not in err and b"in submodule" not in err:
        raise process.failure(root, ["check-ignore"], code, err)
    if len(paths) == 1:
        return set()  # belongs to whatever the link or the submodule leads to
    return {key for key, path in paths.items() if is_ignored(root, {key: path})}


def ignored_directories(directory: str) -> list[bytes]:
    """Return the untracked directories below `directory` that ignore rules hide, relative to it."""
    options = ("--others", "--ignored", "--exclude-standard", "--directory")
    found = process.run(directory, "ls-files", "-z", *options).split(b"\0")
    return [path[:-1] for path in found if path.endswith(b"/")]


def untracked(directory: str) -> list[str]:
    """Return the files below `directory` that are neither tracked nor ignored, relative to it."""
    return sorted(process.fields(process.run(directory, "ls-files", "--others", "--exclude-standard", "-z")))


def matching(directory: str, pattern: str) -> list[str]:
    """Return the files below `directory` in the index that match a pattern of Git, relative to it."""
    return sorted(process.fields(process.run(directory, "ls-files", "-z", "--", pattern)))


def tracked(root: str, paths: Mapping[str, str]) -> set[str]:
    """Return the keys whose path is in the index, or has something below it there."""
    if not paths:
        return set()
    arguments = [f":(literal){path.rstrip('/')}" for path in paths.values()] if len(paths) <= _FEW else []
    entries = set(process.fields(process.run(root, "ls-files", "-z", "--", *arguments)))
    entries.update([parent for entry in entries for parent in parents(entry)] + ["."] * bool(entries))
    return {key for key, path in paths.items() if path.rstrip("/") in entries}


def changed(root: str, paths: Sequence[str]) -> dict[str, str]:
    """Return those files that differ from HEAD with Git's two letters ("??": new, "!!": new and ignored)."""
    found: dict[str, str] = {}
    wanted = set(paths)
    for group in process.chunks(paths):
        out = process.run(
            root,
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignored=matching",
            "--",
            *(f":(literal){path}" for path in group),
        )
        # An ignored neighbour of a new directory is listed, too.
        found |= {
            entry[3:]: entry[:2] for entry in process.fields(out) if entry[:2] != "!!" or entry[3:] in wanted
        }
    return found


@contextmanager
def changing(git_dir: str) -> Iterator[None]:
    """Change the index alone: Git waits neither for another `dv` nor for a Git command, it fails.

    Inside a hook the index is that of the Git command around us, which waits for us: we do not wait for it.
    """
    if "GIT_INDEX_FILE" in os.environ:
        yield
        return
    with locks.exclusive(f"{git_dir}/dv/index.lock", timeout=_OURS):
        patience = locks.Patience(_OTHERS, None)
        while os.path.lexists(f"{git_dir}/index.lock") and patience.pause(str):
            pass
        yield


def stage(root: str, paths: Sequence[str]) -> None:
    """Make the index entries of these files what is on disk."""
    if paths:
        process.run(
            root, "update-index", "-z", "--add", "--remove", "--stdin", given=process.lines(paths), env={}
        )


def commit(root: str, git_dir: str, paths: Sequence[str], message: str) -> bool:
    """Commit these files and nothing else; False when none of them differs from HEAD.

    New ones are first announced to Git (`--intent-to-add`), and this is taken back when the commit fails.
    """
    refuse_unfinished(git_dir)
    found = changed(root, paths)
    refuse_ignored([path for path, state in found.items() if state == "!!"])
    if not found:
        return False
    new = [path for path, state in found.items() if state == "??"]
    try:
        if new:
            process.run(root, "add", "--intent-to-add", *_FROM_INPUT, given=_literal(new), env={})
        arguments = ("commit", "--quiet", f"--message={message}", "--only", *_FROM_INPUT)
        process.run(root, *arguments, given=_literal(list(found)), env={})
    except BaseException:
        if new:
            process.attempt(
                root, "update-index", "-z", "--force-remove", "--stdin", given=process.lines(new), env={}
            )
        raise
    return True


def refuse_ignored(paths: Sequence[str]) -> None:
    """Raise `GitError` when there are any such paths."""
    if paths:
        raise GitError(
            f"Git ignores {paths[0]}, so it cannot be committed",
            hint=f"git check-ignore -v '{paths[0]}' names the rule; change it, then run this again",
        )


_FROM_INPUT = ("--pathspec-from-file=-", "--pathspec-file-nul")


def _literal(paths: Sequence[str]) -> bytes:
    return process.lines([f":(literal){path}" for path in paths])


def refuse_unfinished(git_dir: str) -> None:
    """Raise `GitError` during a merge or the like."""
    for name, what in _UNFINISHED.items():
        if os.path.lexists(os.path.join(git_dir, name)):
            raise GitError(
                f"a {what} is going on; a commit of only some files would end it halfway",
                hint=f"finish it with `git commit` (or `git {what} --abort`), then run this again",
            )
