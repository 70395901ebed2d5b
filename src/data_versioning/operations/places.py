"""Where new tracked data may lie in the workspace."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from data_versioning.errors import Conflict, Overlap, PathError
from data_versioning.operations import targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE, Stage
from data_versioning.repo import Repo


def free(loaded: Loaded, name: str, *, force: bool) -> RepoPath:
    """Return the path of the user's `name` as a place for data from elsewhere.

    Raises `Conflict` when something is there already, unless `force`; `PathError` or `Overlap` when nothing may be
    tracked there.
    """
    repo = loaded.repo
    path = targets.inside(repo, name)
    parent = os.path.dirname(f"{repo.root}/{path}")
    if not os.path.isdir(parent):
        raise PathError(f"there is no directory '{os.path.dirname(name)}'", hint=f"mkdir -p '{parent}'")
    is_directory = os.path.isdir(f"{repo.root}/{path}")
    refuse_untrackable(loaded, path, name, is_directory=is_directory)
    refuse_overlap(loaded, path, name)
    refuse_tracked_by_git(repo, [path])
    if os.path.lexists(f"{repo.root}/{path}") and not force:
        kind = "directory" if is_directory else "file"
        raise Conflict(
            f"the {kind} '{name}' exists already", hint="name another place, or overwrite it with --force"
        )
    return path


def refuse_untrackable(loaded: Loaded, path: RepoPath, name: str, *, is_directory: bool) -> None:
    """Raise `PathError` for what the ignore rules hide, pointer files, and links to directories."""
    refuse_hidden(loaded, path, name, is_directory=is_directory)
    if path.endswith(".dvc") or os.path.basename(path) in {"dvc.yaml", "dvc.lock"}:
        raise PathError(f"'{name}' is a pointer file; it belongs into Git", hint=f"git add {name}")
    if is_directory and os.path.islink(f"{loaded.repo.root}/{path}"):
        raise PathError(f"'{name}' is a symbolic link to a directory", hint="track the directory itself")


def refuse_hidden(loaded: Loaded, path: RepoPath, name: str, *, is_directory: bool) -> None:
    """Raise `PathError` for what the ignore rules hide."""
    if loaded.ignore and loaded.ignore.matches(path, is_directory):
        raise PathError(
            f"'{name}' is ignored by .dvcignore", hint=f"dv check-ignore -d {name}   tells which rule"
        )


def refuse_overlap(loaded: Loaded, path: RepoPath, name: str) -> None:
    """Raise `Overlap` when a pointer file of its own for `path` would share data with another one."""
    found = loaded.project.conflict(path, file=f"{path}.dvc")
    if found is None:
        return
    if found.path.startswith(f"{path}/"):
        raise Overlap(
            f"cannot add '{name}': it holds '{found.path}', which is tracked by {found.stage.place}",
            hint=f"dv remove {found.stage.address}, then dv add {name}",
        )
    raise Overlap(
        f"cannot add '{name}': '{found.path}' is tracked by {found.stage.place}",
        hint=f"choose a place outside of it, or first: dv remove {found.stage.address}",
    )


def refuse_new_stages(loaded: Loaded, stages: Collection[Stage]) -> None:
    """Raise `PathError` for stages that DVC could not work with: nobody would find out before they ran.

    Their outputs are hidden by ignore rules or tracked by Git, or Git ignores the files that record them.
    """
    repo = loaded.repo
    outs = [placed for stage in stages for placed in stage.placed_outs()]
    refuse_tracked_by_git(repo, [path for path, out in outs if out.cache])
    for path, _ in outs:
        refuse_hidden(loaded, path, repo.shown(path), is_directory=os.path.isdir(f"{repo.root}/{path}"))
    files = {stage.file for stage in stages}
    files |= {RepoPath(file.removesuffix(PIPELINE_FILE) + LOCK_FILE) for file in files}
    hidden = repo.git.is_ignored([f"{repo.root}/{file}" for file in sorted(files)]) if repo.git else ()
    for file in sorted(files):
        if f"{repo.root}/{file}" in hidden:
            shown = repo.shown(file)
            raise PathError(
                f"Git ignores '{shown}', so nobody else would get it",
                hint=f"git check-ignore -v --no-index {shown}   names the rule",
            )


def refuse_tracked_by_git(repo: Repo, paths: Sequence[RepoPath]) -> None:
    """Raise `PathError` when Git tracks one of `paths`."""
    git = repo.git
    tracked = git.tracked([f"{repo.root}/{path}" for path in paths]) if git else set()
    for path in paths:
        if f"{repo.root}/{path}" in tracked:
            shown = repo.shown(path)
            raise PathError(
                f"'{shown}' is already tracked by Git",
                hint=f"git rm -r --cached '{shown}', then run this again",
            )
