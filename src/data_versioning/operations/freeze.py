"""Freeze stages and imports, so that changed dependencies do not matter to them; and take that back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_versioning.errors import NotTracked, UsageError
from data_versioning.formats import dvcfile, pipelinefile, yamltext
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets
from data_versioning.paths import RepoPath
from data_versioning.pipeline.project import Project
from data_versioning.pipeline.stage import Stage
from data_versioning.repo import Repo
from data_versioning.transaction import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeResult:
    """Addresses of the stages that are now as was asked, and the files that had to be changed for it."""

    stages: tuple[str, ...]
    edited: tuple[RepoPath, ...]


def freeze(repo: Repo, names: Sequence[str]) -> FreezeResult:
    """Freeze the stages or `.dvc` files `names`; a group freezes all that it generates.

    Only that is changed in their files. All names are checked first: raises `NotTracked` or `UsageError` with nothing
    changed.
    """
    return _set(repo, names, "freeze", frozen=True)


def unfreeze(repo: Repo, names: Sequence[str]) -> FreezeResult:
    """Make dependencies matter again; as `freeze`."""
    return _set(repo, names, "unfreeze", frozen=False)


def _set(repo: Repo, names: Sequence[str], verb: str, *, frozen: bool) -> FreezeResult:
    with repo.transaction(verb) as transaction:
        project = loading.load(repo).project
        base = targets.base(repo)
        stages = [
            stage for name in targets.named(repo, names) for stage in _stages(project, name, base, verb)
        ]
        for stage in stages:
            if stage.frozen is not frozen:
                transaction.edit(stage.file, _edit(stage, frozen=frozen))
        edited = tuple(edit.path for edit in transaction.commit())
    addresses = dict.fromkeys(stage.address_from(base) for stage in stages)
    return FreezeResult(stages=tuple(addresses), edited=edited)


def _stages(project: Project, name: str, base: str, verb: str) -> list[Stage]:
    chosen = project.select_stages([name], base=base)
    for stage, path in chosen:
        if path is not None:
            raise NotTracked(
                f"'{name}' is an output, not a stage or a .dvc file",
                hint=f"dv {verb} {stage.address_from(base)}",
            )
        if stage.group and name.rpartition(":")[2] == stage.name:
            whole = stage._replace(name=stage.group).address_from(base)
            raise UsageError(
                f"'{name}' is one of the stages that '{stage.group}' in {stage.file} makes",
                hint=f"dv {verb} {whole}   for all of them",
            )
    return [stage for stage, _ in chosen]


def _edit(stage: Stage, *, frozen: bool) -> Change:
    def edit(before: bytes | None) -> bytes | None:
        if before is None:
            return None
        text = yamltext.decode(before, file=stage.file)
        if stage.name:
            name = stage.group or stage.name
            return pipelinefile.freeze(text, name, frozen=frozen, file=stage.file).encode()
        parsed = replace(dvcfile.parse(text, file=stage.file), frozen=frozen)
        return dvcfile.update(text, parsed, file=stage.file).encode()

    return edit
