"""The programs that Git calls: hooks, and drivers that merge files. Writes Git's own directory and settings."""

from __future__ import annotations

import os

from data_versioning.errors import Conflict, DiskError
from data_versioning.git import process
from data_versioning.git.repository import Git
from data_versioning.localfs import atomic, batch, regular


def directory(git: Git) -> str:
    """Return where Git looks for hooks: `core.hooksPath`, else the directory that all work trees share.

    Raises `Conflict` when other repositories look there, too.
    """
    said = os.fsdecode(process.run(git.root, "rev-parse", "--git-path", "hooks")).rstrip("\n")
    found = os.path.realpath(os.path.join(git.root, said))
    own = (git.root, git.common_dir)
    if not any(found == top or found.startswith(f"{top}/") for top in map(os.path.realpath, own)):
        raise Conflict(
            f"Git takes the hooks of several repositories from '{found}' (core.hooksPath)",
            hint=f"git config core.hooksPath {git.common_dir}/hooks   gives this one its own",
        )
    return found


def read(directory: str, name: str) -> str | None:
    """Return the text of a hook; None when there is none."""
    try:
        return regular.read(os.path.join(directory, name)).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(f"cannot read the hook '{directory}/{name}': {error.strerror}") from error


def write(directory: str, name: str, text: str) -> None:
    """Make a hook that Git can start."""
    path = os.path.join(directory, name)
    try:
        os.makedirs(directory, exist_ok=True)
        atomic.write(path, text.encode("utf-8", "surrogateescape"))
        os.chmod(path, 0o777 & ~batch.umask())
    except OSError as error:
        raise DiskError(
            f"cannot write the hook '{path}': {error.strerror}", hint=f"ls -ld {directory}"
        ) from error


def set_merge_driver(git: Git, name: str, *, title: str, command: str) -> None:
    """Tell Git how to merge files whose attribute `merge` is `name`."""
    process.run(git.root, "config", f"merge.{name}.name", title)
    process.run(git.root, "config", f"merge.{name}.driver", command)


def add_attributes(git: Git, lines: list[str]) -> None:
    """Add the lines that are missing to the attributes of this copy, which nobody else gets."""
    path = f"{git.common_dir}/info/attributes"
    try:
        before = read(os.path.dirname(path), os.path.basename(path)) or ""
        new = [line for line in lines if line not in before.splitlines()]
        if new:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            separator = "\n" if before and not before.endswith("\n") else ""
            text = f"{before}{separator}" + "".join(f"{line}\n" for line in new)
            atomic.write(path, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise DiskError(f"cannot write '{path}': {error.strerror}", hint=f"ls -l {path}") from error


def merge_lines(ours: str, base: str, theirs: str) -> bool:
    """Merge three files line by line into the first, with conflict markers where needed; whether it needed none."""
    labels = [word for label in ("ours", "base", "theirs") for word in ("-L", label)]
    paths = [os.path.abspath(path) for path in (ours, base, theirs)]
    code, out, err = process.attempt(os.path.dirname(paths[0]), "merge-file", *labels, *paths)
    if code >= 128:
        raise process.failure(os.path.dirname(paths[0]), ["merge-file"], code, err + out)
    return code == 0
