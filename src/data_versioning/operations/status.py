"""What changed since data was recorded and stages ran, in the shape of `dvc status`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import NamedTuple

from data_versioning.operations import loaded as loading
from data_versioning.operations import looking, targets
from data_versioning.operations.looking import Look
from data_versioning.pipeline import compiled, staleness
from data_versioning.pipeline.project import StageSelection
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo


class StatusResult(NamedTuple):
    """`changes`: by stage address, as `dvc status --json`; `needs_dvc`: stages whose origin only `dvc` can ask;
    `frozen`: those whose dependencies were not looked at.
    """

    changes: dict[str, list[staleness.Entry]]
    stages: int
    needs_dvc: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()


def status(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    recursive: bool = False,
    with_deps: bool = False,
    ask_origins: bool = True,
    progress: Progress = SILENT,
) -> StatusResult:
    """Compare the stages and outputs that `names` mean (all without names) with the workspace and the cache.

    `ask_origins`: also look whether the repositories that data was imported from have newer commits.
    """
    loaded = loading.load(repo)
    base = targets.base(repo)
    named = targets.named(repo, names)
    chosen = loaded.project.select_stages(named, base=base, recursive=recursive, with_deps=with_deps)
    foreign = tuple(item.stage.address for item in chosen if is_foreign(repo, item))
    if foreign:
        return StatusResult(changes={}, stages=len(loaded.project.stages), needs_dvc=foreign)
    look = Look(loaded=loaded, progress=progress)
    params = compiled.Params(repo.root, repo.temp_dir)
    progress.start("Comparing")
    try:
        look.at_files(chosen)
        changes = staleness.status(
            chosen,
            current_hash=look.current_hash,
            is_cached=look.is_cached,
            read_params=params.read,
            base=base,
            root=repo.root,
        )
        if ask_origins:
            changes = _with_news(repo, chosen, changes, base)
    finally:
        progress.finish()
        loaded.stats.save()
        params.save()
    frozen = {
        stage.address_from(base): None
        for stage, _ in chosen
        if stage.frozen and stage.deps and not stage.is_repo_import
    }
    return StatusResult(changes=changes, stages=len(loaded.project.stages), frozen=tuple(frozen))


def _with_news(
    repo: Repo,
    chosen: Sequence[StageSelection],
    changes: dict[str, list[staleness.Entry]],
    base: str,
) -> dict[str, list[staleness.Entry]]:
    """Return `changes` with what the origins of imports say, each first in its stage's list."""
    imports = [item.stage for item in chosen if item.stage.is_repo_import]
    if not imports:
        return changes
    # Loaded by name: only projects with imports need Git and other repositories.
    imported = importlib.import_module("data_versioning.operations.imported")
    origins = imported.Origins(repo=repo)
    news: dict[str, list[staleness.Entry]] = {}
    for stage in {stage.file: stage for stage in imports}.values():
        if name := imported.outdated(origins, stage):
            news[stage.address_from(base)] = [{"changed deps": {name: "update available"}}]
    return {address: [*news.get(address, ()), *changes.get(address, ())] for address in {**changes, **news}}


def is_foreign(repo: Repo, item: StageSelection) -> bool:
    """Whether asking for changes means asking a cloud."""
    return any(
        "://" in dep.path
        and not dep.path.startswith("ds://")
        and not looking.url_origin().is_here(repo.settings, dep.path)
        for dep in item.stage.deps
        if not item.stage.frozen and not dep.repo
    )
