"""The project of the workspace with everything that looking at its data needs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from data_versioning.localfs import atomic, links
from data_versioning.localfs.links import LinkType
from data_versioning.paths import RepoPath
from data_versioning.pipeline import compiled
from data_versioning.pipeline.project import Discovered, Options, Project
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.workspace.scan import Scanner
from data_versioning.workspace.stat_cache import StatCache

if TYPE_CHECKING:
    from data_versioning.workspace.ignore import IgnoreRules

DEFAULT_LINKS = "reflink,copy"
# Loaded by name: most of the time the compiled project is good.
_DISCOVER = "data_versioning.pipeline.discover"


class Loaded(NamedTuple):
    """A repository, its project, and one stat cache that the command saves at its end."""

    repo: Repo
    project: Project
    ignore: IgnoreRules | None
    stats: StatCache
    hasty: bool = False  # as in `Scanner`; not where files are replaced by links

    def scanner(
        self,
        *,
        legacy: bool = False,
        sweep: bool = False,
        skip_broken: bool = False,
        progress: Progress = SILENT,
    ) -> Scanner:
        """Return what `scan` and `store` need; `legacy` hashes text as DVC 2.x did."""
        return Scanner(
            root=self.repo.root,
            stats=self.stats,
            ignore=self.ignore,
            legacy=legacy,
            hasty=self.hasty,
            sweep=sweep,
            skip_broken=skip_broken,
            progress=progress,
        )


def load(repo: Repo) -> Loaded:
    """Read the project of the workspace, from its compiled form when nothing changed."""
    project, ignore_files = compiled.load(repo.root, repo.temp_dir, _options(repo))
    rules: IgnoreRules | None = None
    if ignore_files:
        # Loaded by name: most repositories have no rules, and then the matcher is not needed.
        module = importlib.import_module("data_versioning.workspace.ignore")
        rules = module.IgnoreRules.load(repo.root, ignore_files)
    return Loaded(repo=repo, project=project, ignore=rules, stats=repo.stats)


def planned(repo: Repo, contents: Mapping[RepoPath, bytes]) -> Project:
    """Return the project as it will be when params files hold `contents`.

    Raises `FormatError`, `Overlap` or `PathError` for one that would be wrong.
    """
    found: Discovered = importlib.import_module(_DISCOVER).discover(
        repo.root, _options(repo), planned=contents
    )
    return found.project


def _options(repo: Repo) -> Options:
    settings = repo.settings
    return Options(
        no_scm=settings.flag("core", "no_scm"),
        flag_bool=settings.get("parsing", "bool") or "store_true",
        flag_list=settings.get("parsing", "list") or "nargs",
    )


def link_kinds(repo: Repo) -> tuple[LinkType, ...]:
    """Return the link types of `cache.type`, best first."""
    configured = repo.settings.get("cache", "type") or DEFAULT_LINKS
    return tuple(LinkType(word.strip()) for word in configured.split(",") if word.strip())


def link_kind(repo: Repo) -> LinkType:
    """Return the first configured link type that works between cache and workspace."""
    kinds = link_kinds(repo)
    if kinds[0] is LinkType.COPY:
        return LinkType.COPY
    cache = repo.cache
    atomic.make_directory(cache.base, cache.directory_mode)
    # Tried below .dvc/tmp: a file that comes and goes at the root would make the compiled project look outdated.
    atomic.make_directory(repo.temp_dir)
    return links.usable(kinds, cache=cache.base, workspace=repo.temp_dir)
