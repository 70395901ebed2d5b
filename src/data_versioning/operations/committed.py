"""Other repositories at a commit: read from a private copy, or where they are on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

from data_versioning.errors import GitError
from data_versioning.formats import config
from data_versioning.git import clone
from data_versioning.git.history import resolve
from data_versioning.git.repository import Git, relative
from data_versioning.git.source import Revision
from data_versioning.git.tree import CommitTree
from data_versioning.operations import external as externals
from data_versioning.operations import history
from data_versioning.operations import origin as origins
from data_versioning.operations.external import Asking, External, Part
from data_versioning.operations.origin import Origin
from data_versioning.paths import RepoPath
from data_versioning.pipeline import discover
from data_versioning.pipeline.project import Options, Project
from data_versioning.workspace.ignore import IgnoreRules


def copied(origin: Origin, url: str, asking: Asking) -> External:
    """Open the private copy of the Git repository at `url`, brought up to date."""
    git, sha = clone.refresh(url, origin.rev, timeout=asking.timeout, waiting=asking.waiting)
    return External(origin=origin, tree=CommitTree(git, sha), root=None, commit=sha)


def at_commit(origin: Origin, root: str, rev: str) -> External:
    """Open the repository at `root` on this machine at a revision; raises `GitError` when it has none of that name."""
    git = Git.find(root)
    if git is None:
        raise GitError(
            f"'{origin.url}' is not in Git, so nothing there has a revision",
            hint=f"git -C '{root}' init, and commit; without a revision dv get works",
        )
    sha = resolve(git.root, rev)
    if sha is None:
        raise GitError(f"'{origin.url}' has no Git revision {rev!r}", hint=f"git -C '{root}' log --oneline")
    return External(origin=origin, tree=CommitTree(git, sha, relative(git, root)), root=root, commit=sha)


def unowned(external: External, prefix: str, root: str) -> Part:
    """Return a project as it is on this machine, leaving nothing of ours in what belongs to another user."""
    found = discover.discover(root, Options())
    ignore = IgnoreRules.load(root, found.ignore_files)
    return externals.on_disk(external, prefix, root, found.project, ignore)


def top(directory: str) -> str:
    """Return the top of the Git repository that holds a directory; without one, the directory."""
    git = Git.find(directory)
    return git.root if git else os.path.realpath(directory)


def part(external: External, prefix: str) -> Part:
    """Return the project at `prefix` as it was at the commit; its configuration is that of today where it is known."""
    tree = external.tree
    assert isinstance(tree, CommitTree)
    revision = Revision(tree.git, tree.sha, "/".join(filter(None, (tree.prefix, prefix))))
    project = history.project_at(revision) if external.is_project(prefix) else Project(())
    ignore = IgnoreRules.read(
        revision, [path for path in revision.walk() if path.rpartition("/")[2] == ".dvcignore"]
    )
    if external.root is not None and os.path.isdir(f"{external.root}/{prefix}/.dvc"):
        return externals.on_disk(
            external, prefix, os.path.normpath(f"{external.root}/{prefix}"), project, ignore
        )
    committed = _committed(revision, external.origin.url)
    return Part(
        prefix=prefix,
        project=project,
        settings=origins.settings(external.origin, committed=committed),
        ignore=ignore,
        programs=partial(origins.programs, external.origin, committed=committed),
    )


def _committed(revision: Revision, url: str) -> Mapping[str, Mapping[str, str]]:
    """Return the sections of `.dvc/config` at the commit; paths count from where the repository is."""
    try:
        text = revision.read(RepoPath(".dvc/config")).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    top = url.removeprefix("file://") if url.startswith("file://") else revision.git.root
    base = os.path.join(top, revision.prefix, ".dvc")
    sections = config.resolve_paths(config.read(text, file=f"{url}: .dvc/config"), base)
    # The cache of somebody else's machine is none of ours.
    return {name: options for name, options in sections.items() if name != "cache"}
