"""The workspace and Git revisions as sides of a comparison of metrics or parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from data_versioning.errors import DataVersioningError, GitError, PathError
from data_versioning.git import history as commits
from data_versioning.git.repository import Git, relative
from data_versioning.git.source import Revision
from data_versioning.metrics.files import Files
from data_versioning.metrics.read import Values
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import history
from data_versioning.operations import loaded as loading
from data_versioning.paths import is_inside
from data_versioning.pipeline.project import Project
from data_versioning.pipeline.stage import join
from data_versioning.repo import Repo
from data_versioning.workspace.tree import DiskTree

WORKSPACE = "workspace"
"""What stands for the workspace in place of a revision, as in DVC."""
_OWN = frozenset({".git", ".dvc"})


class Side(NamedTuple):
    """A project as it is, or was, and its files."""

    project: Project
    files: Files


Read: TypeAlias = Callable[[Side], Values]
Answer = TypeVar("Answer")
Found: TypeAlias = dict[str, "Values | DataVersioningError"]
"""By the name of the side: what it holds, or why nothing can be known of it."""


def workspace(repo: Repo) -> Side:
    """Return the workspace."""
    project = loading.load(repo).project
    tree = DiskTree(repo.root)
    return Side(project, Files(tree, lambda path: _below(tree, path), _tracked(project), repo.cache))


def revision(repo: Repo, git: Git, sha: str) -> Side | None:
    """Return a commit; None when it does not hold this repository."""
    prefix = relative(git, repo.root)
    source = Revision(git, sha, prefix)
    if prefix and next(source.walk(), None) is None:
        return None
    project = history.project_at(source)
    names = list(source.walk())

    def below(path: str) -> Iterable[str]:
        return (name for name in names if is_inside(name, path))

    return Side(project, Files(source, below, _tracked(project), repo.cache))


def read(
    repo: Repo, names: Mapping[str, str | None], ask: Callable[[Side], Answer]
) -> dict[str, Answer | DataVersioningError]:
    """Ask each side, named as in the result, None being the workspace; a side of another repository is left out."""
    found: dict[str, Answer | DataVersioningError] = {}
    for name, sha in names.items():
        try:
            side = workspace(repo) if sha is None else revision(repo, in_git(repo), sha)
            if side is not None:
                found[name] = ask(side)
        except DataVersioningError as error:
            found[name] = error
    return found


def pair(repo: Repo, old: str, new: str, ask: Read) -> Found:
    """Ask two revisions or the workspace; nothing before the first commit. Raises `GitError` for an unknown one."""
    git = in_git(repo)
    if git.head() is None:
        return {}
    return read(
        repo,
        {name: None if name == WORKSPACE else commits.require(git.root, name) for name in (old, new)},
        ask,
    )


def in_git(repo: Repo) -> Git:
    """Return the Git repository around; `GitError` without one."""
    if repo.git is None:
        raise GitError("there are no revisions: this repository is not in Git", hint="git init")
    return repo.git


def values_of(found: Found, name: str) -> Values:
    """Return what a side holds, nothing when it is not known."""
    side = found.get(name, {})
    return {} if isinstance(side, DataVersioningError) else side


def errors(found: Found) -> Iterator[tuple[str, DataVersioningError]]:
    """Yield what could not be read, with the name of its side."""
    for name, side in found.items():
        values = [side] if isinstance(side, DataVersioningError) else side.values()
        yield from ((name, value) for value in values if isinstance(value, DataVersioningError))


def located(repo: Repo, names: Sequence[str]) -> list[str]:
    """Return paths that the user gave relative to the current directory as paths of the repository."""
    found = [repo.relative(name) for name in names]
    for name, path in zip(names, found, strict=True):
        if path == ".." or path.startswith("../"):
            raise PathError(f"'{name}' lies outside of the repository {repo.root}", hint="dv root")
    return ["" if path == "." else path for path in found]


def listed(project: Project, section: str) -> list[str]:
    """Return the paths of a top-level list, `metrics` or `params`, of all dvc.yaml files."""
    return [
        path
        for sections in project.sections
        for name in getattr(sections, section)
        if (path := join(sections.file.rpartition("/")[0], name)) is not None
    ]


def _tracked(project: Project) -> Mapping[str, ObjectId]:
    return {
        path: ObjectId(output.md5, output.is_legacy)
        for path, output, _ in project.outputs()
        if output.cache and output.md5 and not output.files
    }


def _below(tree: DiskTree, path: str) -> Iterable[str]:
    for name, item in tree.items(path).items():
        inside = f"{path}/{name}" if path else name
        if item.is_dir and name not in _OWN:
            yield from _below(tree, inside)
        elif not item.is_dir:
            yield inside
