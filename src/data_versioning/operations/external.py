"""Another repository, opened to be read: its files, its pointers, and where the data they name is kept.

A directory of this machine is read where it is, as it is now or at a commit; everything else through a private copy
(`git.clone`). Whatever comes from there is hostile: it decides what is read, never what is run or where is written.
"""

from __future__ import annotations

import importlib
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from data_versioning import repo as repos
from data_versioning.errors import ConfigError, GitError, NotInRepository, PathError
from data_versioning.formats.config import Settings
from data_versioning.operations import loaded as loading
from data_versioning.operations import origin as origins
from data_versioning.operations.origin import Origin
from data_versioning.operations.sharing import ServedByDvc
from data_versioning.paths import RepoPath, parents
from data_versioning.pipeline.project import Project
from data_versioning.remotes import remote as remotes
from data_versioning.source import Tree
from data_versioning.storage.base import ReadableStore
from data_versioning.storage.local import LocalStore
from data_versioning.workspace.tree import DiskTree

if TYPE_CHECKING:
    from data_versioning.workspace.ignore import IgnoreRules

_OWN = frozenset({".dvc", ".git", ".hg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How long to wait for another process that asks the same repository, and who is told."""

    timeout: float = repos.DEFAULT_LOCK_TIMEOUT
    waiting: Callable[[str], None] | None = None


ASKING = Asking()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One DVC project of the repository, at `prefix` ("" is the top), with the settings that count for it."""

    prefix: str
    project: Project
    settings: Settings
    ignore: IgnoreRules | None = None
    cache: str | None = None  # the directory of its objects, if it is on this machine
    programs: Callable[[], Iterable[tuple[str, str]]] = tuple
    """Remotes and options with which its configuration would start a program."""

    def below(self, path: str) -> RepoPath:
        """Return a path of the repository as this project calls it."""
        return RepoPath(path[len(self.prefix) + 1 :] if self.prefix else path)


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """An opened repository. `root` is where it is on this machine, `commit` what is read; one of both at least."""

    origin: Origin
    tree: Tree
    root: str | None
    commit: str | None
    _parts: dict[str, Part] = field(default_factory=dict)

    def part(self, path: str) -> Part:
        """Return the innermost project around `path`."""
        prefix = next((place for place in (path, *parents(path)) if place and self.is_project(place)), "")
        if prefix not in self._parts:
            self._parts[prefix] = (
                _on_disk(self, prefix) if self.commit is None else _committed().part(self, prefix)
            )
        return self._parts[prefix]

    def is_project(self, path: str) -> bool:
        """Whether the directory `path` is a DVC project of its own."""
        found = self.tree.item(f"{path}/.dvc" if path else ".dvc")
        return found is not None and found.is_dir

    def is_hidden(self, part: Part, path: str, *, is_dir: bool) -> bool:
        """Whether a file or directory of the tree is none of the project's: ignored, or another project."""
        if path.rpartition("/")[2] in _OWN or (is_dir and path != part.prefix and self.is_project(path)):
            return True
        return part.ignore is not None and part.ignore.matches(part.below(path), is_dir)


def open(origin: Origin, *, asking: Asking = ASKING, near: tuple[str, ...] = ()) -> External:
    """Open a repository as it is now, or at a revision if `origin` names one.

    A relative path counts from the current directory, else from one of the directories `near`. Raises `GitError`,
    `ConfigError` or `UsageError`.
    """
    directory = _directory(origin.url, near)
    if directory is None and ":" not in origin.url.partition("/")[0]:
        raise GitError(f"there is no repository at '{origin.url}'", hint=f"ls -d '{origin.url}'")
    if directory is None or _is_bare(directory):
        copied: External = _committed().copied(origin, directory or origin.url, asking)
        return copied
    root = _root(directory)
    if origin.rev is None:
        return External(origin=origin, tree=DiskTree(root), root=root, commit=None)
    return _at_commit(origin, root, origin.rev)


def open_commit(origin: Origin, *, asking: Asking = ASKING, near: tuple[str, ...] = ()) -> External:
    """Open a repository at a commit: of `origin.rev`, else the newest one; raises as `open`."""
    found = open(origin, asking=asking, near=near)
    return found if found.commit is not None else _at_commit(origin, found.root or "", "HEAD")


def clean(path: str) -> str:
    """Return a path inside another repository in its plain form, "" for the top; `PathError` outside of it."""
    plain = posixpath.normpath(path) if path else ""
    if plain == ".." or plain.startswith(("../", "/")) or "\0" in plain:
        raise PathError(
            f"{path!r} is not a path inside the other repository",
            hint="give it relative to the top: dv list URL",
        )
    return "" if plain == "." else plain


def missing(external: External, path: str) -> PathError:
    """Return the error for a path that the repository does not have."""
    where = f" at {external.origin.rev}" if external.origin.rev else ""
    error = PathError(
        f"'{path}' is neither a file nor data of '{external.origin.url}'{where}",
        hint=f"dv list -R {external.origin.url}   shows what is there",
    )
    error.exit_code = PathError.exit_code  # as DVC: not the code of its other failures
    return error


def stores(external: External, part: Part, remote: str | None) -> Iterator[ReadableStore]:
    """Yield the places where data of a project may be: its cache if it is on this machine, then its remote.

    Raises `ServedByDvc` instead of a remote that only `dvc` serves, `ConfigError` when there is nowhere to look.
    """
    if part.cache is not None:
        yield LocalStore(root=part.cache)
    if part.cache is not None and not (remote or part.settings.get("core", "remote")):
        return
    try:
        found = remotes.locate(part.settings, remote)
    except ConfigError as error:
        error.hint = "--remote NAME, or --remote-config url=URL, tells where its data is"
        raise
    if not found.is_ours:
        scheme = found.url.partition("://")[0]
        raise handed_over(part, f"{scheme}:// remotes ({found.name!r} is one) are served by the program dvc")
    yield remotes.open(part.settings, remote).store


def handed_over(part: Part, reason: str) -> ServedByDvc:
    """Return what leaves the command to `dvc`; raises `ConfigError` when the repository would start a program so."""
    for name, option in part.programs():
        raise ConfigError(
            f"remote {name!r} of the other repository sets {option!r}, which starts a program; it may not do that",
            hint=f"if you trust it, set it for yourself: dv remote modify --global {name} {option} VALUE",
        )
    return ServedByDvc(reason, hint="the same command with dvc")


def _directory(url: str, near: tuple[str, ...]) -> str | None:
    """Return the directory of this machine that `url` means."""
    if "://" in url:
        return None
    places = [url, *(os.path.join(directory, url) for directory in near)]
    return next((os.path.abspath(place) for place in places if os.path.isdir(place)), None)


def _is_bare(directory: str) -> bool:
    return os.path.isfile(f"{directory}/HEAD") and os.path.isdir(f"{directory}/objects")


def _root(directory: str) -> str:
    """Return the top of the DVC project, else of the Git repository, that holds a directory; else itself."""
    try:
        return repos.find_root(directory)
    except NotInRepository:
        top: str = _committed().top(directory)
        return top


def _on_disk(external: External, prefix: str) -> Part:
    if not external.is_project(prefix):
        return Part(prefix=prefix, project=Project(()), settings=origins.settings(external.origin))
    root = os.path.normpath(f"{external.root}/{prefix}")
    if not origins.is_ours(root):
        found: Part = _committed().unowned(external, prefix, root)
        return found
    loaded = loading.load(repos.open(root))
    return on_disk(external, prefix, root, loaded.project, loaded.ignore)


def on_disk(external: External, prefix: str, root: str, project: Project, ignore: IgnoreRules | None) -> Part:
    """Return a project whose configuration and cache are at `root` on this machine."""
    settings = origins.settings(external.origin, root=root)
    return Part(
        prefix=prefix,
        project=project,
        settings=settings,
        ignore=ignore,
        cache=settings.get("cache", "dir") or f"{root}/.dvc/cache",
        programs=partial(origins.programs, external.origin, root=root),
    )


def _at_commit(origin: Origin, root: str, rev: str) -> External:
    opened: External = _committed().at_commit(origin, root, rev)
    return opened


def _committed() -> Any:
    """Load what reads commits: listing a directory of this machine needs neither Git nor YAML."""
    return importlib.import_module("data_versioning.operations.committed")
