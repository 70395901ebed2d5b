"""Download an artifact of another repository, at one of its versions.

Versions and stages are annotated Git tags as GTO makes them: `NAME@v1.0.0`, `NAME#production`, with `DIRECTORY=` in
front of the name for a dvc.yaml below the top. Which path an artifact is, its dvc.yaml says.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from data_versioning.errors import NotTracked, UsageError
from data_versioning.git import history
from data_versioning.git.history import AnnotatedTag
from data_versioning.git.tree import CommitTree
from data_versioning.operations import external, get
from data_versioning.operations.external import ASKING, Asking
from data_versioning.operations.get import GetOptions, GetResult
from data_versioning.operations.origin import Origin
from data_versioning.pipeline.stage import PIPELINE_FILE
from data_versioning.progress import SILENT, Progress

_WORD = r"[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?"
_NAME = re.compile(rf"(?:(?P<directory>[a-zA-Z0-9._/-]+):)?(?P<name>{_WORD})")
_TAG = re.compile(
    rf"(?P<artifact>(?:[a-zA-Z0-9._/-]+=)?{_WORD})"
    rf"(?:#(?P<stage>{_WORD})|@(?P<version>v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?))!?(?:#(?P<counter>\d+))?"
)
_HERE = GetOptions()
_TOKENS = ("DVC_STUDIO_TOKEN", "STUDIO_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An artifact: "name", "directory:name" or "directory/dvc.yaml:name", from the top of the Git repository.

    `version` ("v1.0.0") or `stage`; without both its highest version.
    """

    name: str
    version: str | None = None
    stage: str | None = None


class Found(NamedTuple):
    """Where an artifact lies: `origin` names the commit of its version, `path` counts from there."""

    origin: Origin
    path: str


def artifact_get(
    origin: Origin,
    wanted: Wanted,
    *,
    options: GetOptions = _HERE,
    asking: Asking = ASKING,
    progress: Progress = SILENT,
) -> GetResult:
    """Copy an artifact here, as `get` does. Raises `NotTracked` when it, or such a version, is unknown."""
    found = find(origin, wanted, asking=asking)
    return get.get(found.origin, found.path, options=options, asking=asking, progress=progress)


def find(origin: Origin, wanted: Wanted, *, asking: Asking = ASKING) -> Found:
    """Return the commit and the path of an artifact. Raises `ServedByDvc` when DVC Studio is to be asked."""
    if wanted.version and wanted.stage:
        raise UsageError("a version and a stage cannot be asked for together", hint="leave one of them out")
    directory, name = _parsed(wanted.name)
    opened = external.open_commit(origin, asking=asking)
    if any(map(os.environ.get, _TOKENS)) or opened.part("").settings.get("studio", "token"):
        raise external.handed_over(opened.part(""), "DVC Studio is asked by the program dvc")
    tree = opened.tree
    assert isinstance(tree, CommitTree)
    commit = _commit(tree.git.root, f"{directory}={name}" if directory else name, wanted)
    # Names count from the top of the Git repository, also when only a project inside of it was named.
    url = origin.url if opened.root is None else tree.git.root
    at_version = replace(origin, url=url, rev=commit)
    return Found(at_version, _path(at_version, directory, name, asking))


def _parsed(text: str) -> tuple[str, str]:
    directory, _, name = text.rpartition(":")
    if posixpath.basename(directory) == PIPELINE_FILE:
        directory = posixpath.dirname(directory)
    if not _NAME.fullmatch(f"{directory}:{name}" if directory else name):
        raise UsageError(
            f"'{text}' cannot be the name of an artifact",
            hint="NAME, or DIRECTORY:NAME: letters, digits, and inside also - _ /",
        )
    return external.clean(directory), name


def _commit(git: str, artifact: str, wanted: Wanted) -> str:
    tags = list(_tags_of(git, artifact))
    if wanted.version or wanted.stage:
        fitting = [
            (tag.time, int(found["counter"] or 0), tag)
            for tag, found in tags
            if (found["version"] == wanted.version if wanted.version else found["stage"] == wanted.stage)
        ]
        latest = max(fitting)[2] if fitting else None
    else:
        versions = [(found["version"], tag) for tag, found in tags if found["version"]]
        latest = max(versions, key=lambda item: _precedence(item[0]), default=(None, None))[1]
    if latest is None:
        known = sorted({found["version"] or found["stage"] for _, found in tags})
        raise NotTracked(
            f"the artifact '{wanted.name}' has no {_words(wanted)}",
            hint=f"there are {', '.join(known)}" if known else "git tag   lists what is there",
        )
    return latest.commit


def _words(wanted: Wanted) -> str:
    if wanted.version:
        return f"version '{wanted.version}'"
    return f"stage '{wanted.stage}'" if wanted.stage else "version"


def _tags_of(git: str, artifact: str) -> Iterator[tuple[AnnotatedTag, re.Match[str]]]:
    for tag in history.annotated_tags(git):
        found = _TAG.fullmatch(tag.name)
        if found and found["artifact"] == artifact:
            yield tag, found


def _precedence(version: str) -> tuple[object, ...]:
    """Return the sort key of a semantic version.

    >>> sorted(["v1.0.0", "v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0-rc", "v0.10.0", "v1.0.0-1"], key=_precedence)
    ['v0.10.0', 'v1.0.0-1', 'v1.0.0-rc', 'v1.0.0-rc.2', 'v1.0.0-rc.10', 'v1.0.0']
    """
    core, _, rest = version[1:].partition("+")[0].partition("-")
    parts = [(not part.isdecimal(), int(part) if part.isdecimal() else part) for part in rest.split(".")]
    return (*map(int, core.split(".")), not rest, *(parts if rest else ()))


def _path(origin: Origin, directory: str, name: str, asking: Asking) -> str:
    opened = external.open(origin, asking=asking)
    file = f"{directory}/{PIPELINE_FILE}" if directory else PIPELINE_FILE
    part = opened.part(file)
    declared = next((one for one in part.project.sections if one.file == part.below(file)), None)
    artifact = declared.artifacts.get(name) if declared else None
    if not isinstance(artifact, dict):
        raise NotTracked(
            f"{file} of '{origin.url}' declares no artifact '{name}' at {origin.rev}",
            hint=f"it belongs below `artifacts:` in {file}",
        )
    return external.clean(posixpath.join(directory, str(artifact["path"])))
