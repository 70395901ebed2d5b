"""What is installed and what this system can do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

import data_versioning
from data_versioning import repo
from data_versioning.errors import DiskError, NotInRepository
from data_versioning.localfs import engine, links
from data_versioning.localfs.links import LinkType
from data_versioning.workspace import config_paths

_LIBRARIES = ("configobj", "pathspec", "pyyaml", "rich", "ruamel.yaml", "shtab", "tomlkit")
_MOUNTS = "/proc/self/mounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """What the place of a repository allows; `cache_types` is None while there is no cache directory."""

    root: str
    cache_dir: str
    cache_types: tuple[str, ...] | None
    cache_file_system: str
    workspace_file_system: str
    remotes: tuple[str, ...]
    scm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Versions, platform, and the repository around; `dvc` is the one that commands are handed to."""

    version: str
    python: str
    platform: str
    native: bool
    dvc: str | None
    libraries: Mapping[str, str]
    config_dirs: Mapping[str, str]
    repository: RepositoryFacts | None


def version() -> Version:
    """Collect the facts; needs no repository. Raises `ConfigError` in one whose settings are wrong."""
    return replace(installed(), repository=_repository())


def installed() -> Version:
    """Collect the facts about this machine alone."""
    levels = config_paths.level_paths(None)
    return Version(
        version=data_versioning.__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        native=engine.native() is not None,
        dvc=_dvc(),
        libraries={name: found for name in _LIBRARIES if (found := _installed(name))},
        config_dirs={level: os.path.dirname(path) for level, path in levels.items()},
        repository=None,
    )


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _dvc() -> str | None:
    """Return the version of `dvc` in this environment, else the path of another one."""
    if os.access(os.path.join(os.path.dirname(sys.executable), "dvc"), os.X_OK):
        return _installed("dvc")
    return shutil.which("dvc")


def _repository() -> RepositoryFacts | None:
    try:
        here = repo.open()
    except NotInRepository:
        return None
    cache = here.cache.base
    git = here.git
    return RepositoryFacts(
        root=here.root,
        cache_dir=cache,
        cache_types=cache_types(cache, here.root) if os.path.isdir(cache) else None,
        cache_file_system=file_system(cache),
        workspace_file_system=file_system(here.root),
        remotes=tuple(_scheme(remote.get("url", "")) for remote in here.settings.remotes().values()),
        scm="no_scm" if git is None else "git" if git.root == here.root else "git (subdir)",
    )


def cache_types(cache: str, workspace: str) -> tuple[str, ...]:
    """Return the kinds of links that work from the directory `cache` to the directory `workspace`."""
    possible = []
    for kind in (LinkType.REFLINK, LinkType.HARDLINK, LinkType.SYMLINK):
        try:
            possible.append(links.usable([kind], cache=cache, workspace=workspace).value)
        except DiskError:
            continue
    return tuple(possible)


def _scheme(url: str) -> str:
    scheme, found, _ = url.partition("://")
    return scheme if found else "local"


def file_system(path: str, mounts: str = _MOUNTS) -> str:
    """Return type and device of the file system that holds `path`; "unknown" where nothing tells."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split(" ") for line in file]
    except OSError:
        return "unknown"
    place = os.path.realpath(path)
    # The last mount on a place covers the earlier ones; mount points write a space as \040.
    by_place = {row[1].replace("\\040", " "): f"{row[2]} on {row[0]}" for row in rows}
    while place not in by_place and place != "/":
        place = os.path.dirname(place)
    return by_place.get(place, "unknown")
