"""Metrics of the workspace and of revisions: shown, compared, and followed through the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from data_versioning.errors import DataVersioningError
from data_versioning.git import history as commits
from data_versioning.metrics import compare, read
from data_versioning.metrics.compare import Change
from data_versioning.metrics.read import Values
from data_versioning.operations import sides
from data_versioning.operations.sides import Found, Side
from data_versioning.pipeline.stage import OutputKind
from data_versioning.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Every value of either side by file (relative to the root) and dotted key, and what each side held."""

    changes: Mapping[str, Mapping[str, Change]]
    sides: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The metrics of one commit by file and dotted key; `time` is when it was committed, in seconds since 1970.

    `errors`: by file, what could not be read; "" stands for the whole commit.
    """

    commit: str
    time: int
    tags: tuple[str, ...]
    metrics: Mapping[str, Mapping[str, Any]]
    errors: Mapping[str, DataVersioningError]


def show(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    all_branches: bool = False,
    all_tags: bool = False,
    all_commits: bool = False,
) -> Found:
    """Return the metrics of the workspace, as "", or of it and the chosen revisions, by name.

    The workspace is left out when it holds the same as the branch that is checked out. `names` are files or
    directories that are read whether or not they are declared to hold metrics.
    """
    ask = partial(_metrics, names=sides.located(repo, names))
    if not (all_branches or all_tags or all_commits):
        return sides.read(repo, {"": None}, ask)
    if (git := repo.git) is None:  # then there are no revisions to add
        return sides.read(repo, {sides.WORKSPACE: None}, ask)
    named: dict[str, list[str]] = {}
    if all_commits:
        named = {sha: [sha] for sha in git.revisions(all_commits=True)}
    else:
        branches = commits.references(git.root, "refs/heads/") if all_branches else {}
        for name, sha in [*branches.items(), *(git.tags().items() if all_tags else ())]:
            named.setdefault(sha, []).append(name)
    chosen = {",".join(dict.fromkeys(names)): sha for sha, names in named.items()}
    found = sides.read(repo, {sides.WORKSPACE: None, **chosen}, ask)
    branch = git.current_branch()
    if branch in found and found[branch] == found[sides.WORKSPACE]:
        del found[sides.WORKSPACE]
    return found


def diff(repo: Repo, old: str = "HEAD", new: str = sides.WORKSPACE, names: Sequence[str] = ()) -> Diff:
    """Compare the metrics of two revisions, or of one and the workspace. Raises `GitError`."""
    found = sides.pair(repo, old, new, partial(_metrics, names=sides.located(repo, names)))
    return Diff(
        changes=compare.compare(*(sides.values_of(found, name) for name in (old, new))),
        sides=found,
    )


def at(repo: Repo, rev: str) -> Values:
    """Return the metrics of one revision or of the workspace, nothing when it does not hold this repository.

    Raises `GitError` for an unknown revision, and what is wrong with its pipelines.
    """
    sha = None if rev == sides.WORKSPACE else commits.require(sides.in_git(repo).root, rev)
    found = sides.read(repo, {rev: sha}, partial(_metrics, names=())).get(rev, {})
    if isinstance(found, DataVersioningError):
        raise found
    return found


def history(
    repo: Repo,
    names: Sequence[str] = (),
    *,
    rev: str = "HEAD",
    count: int = -1,
) -> list[Point]:
    """Return the metrics of `count` commits (negative: all) of the first-parent line of `rev`, the newest first.

    Tagged commits off that line follow when all are asked for.
    """
    git = sides.in_git(repo)
    located = sides.located(repo, names)
    tags: dict[str, list[str]] = {}
    for name, sha in git.tags().items():
        tags.setdefault(sha, []).append(name)
    line = commits.line(git.root, [commits.require(git.root, rev)], count)
    shas = list(dict.fromkeys([*line, *(tags if count < 0 else ())]))
    times = commits.times(git.root, shas)
    found = sides.read(repo, dict(zip(shas, shas, strict=True)), partial(_metrics, names=located))
    return [
        _point(sha, times[sha], tuple(tags.get(sha, ())), found[sha])
        for sha in shas
        if sha in found  # others do not hold this repository
    ]


def flat(value: Any) -> Mapping[str, Any]:
    """Return the values of a file by dotted key; "" is the key of a file that is one value."""
    return compare.flatten(value) if isinstance(value, dict) else {"": value}


def _point(sha: str, time: int, tags: tuple[str, ...], found: Values | DataVersioningError) -> Point:
    files = {"": found} if isinstance(found, DataVersioningError) else found
    return Point(
        commit=sha,
        time=time,
        tags=tags,
        metrics={
            path: flat(value) for path, value in files.items() if not isinstance(value, DataVersioningError)
        },
        errors={path: value for path, value in files.items() if isinstance(value, DataVersioningError)},
    )


def _metrics(side: Side, *, names: Sequence[str]) -> Values:
    return read.metrics(side.files, names or _declared(side))


def _declared(side: Side) -> list[str]:
    outputs = [
        path
        for stage in side.project.stages
        for output in stage.outs
        if output.kind is OutputKind.METRIC and (path := stage.located(output.path)) is not None
    ]
    return [*outputs, *sides.listed(side.project, "metrics")]
