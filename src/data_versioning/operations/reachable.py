"""Which objects the workspaces and chosen revisions of a repository mention. Reads disk, Git and the remote.

The ids of history are taken from the text of all pointer files, so they are more than what DVC would keep,
never less. What a directory listing holds is only known from the listing: one that is used but lost makes
`expand` report it, and `needed` tells who needs it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data_versioning.errors import DataVersioningError, GitError
from data_versioning.git import history, process
from data_versioning.git.repository import Git, worktrees
from data_versioning.git.source import Revision
from data_versioning.localfs import regular
from data_versioning.objects import gc
from data_versioning.pipeline import compiled
from data_versioning.pipeline.project import Options, Project
from data_versioning.repo import TEMP_DIR
from data_versioning.storage.base import ReadableStore

_DIRECTORY = b".dir"
_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The commits that DVC's options choose, besides the workspace."""

    all_branches: bool = False
    all_tags: bool = False
    all_commits: bool = False
    all_experiments: bool = False
    rev: str | None = None
    num: int = 1
    date: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no commit is chosen."""
        chosen = (
            self.all_branches,
            self.all_tags,
            self.all_commits,
            self.all_experiments,
            self.rev,
            self.date,
        )
        return not any(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A workspace whose objects are kept."""

    root: str
    no_scm: bool

    @property
    def git(self) -> Git | None:
        """The Git repository around it."""
        return None if self.no_scm else Git.find(self.root)

    def project(self) -> Project:
        """Return its stages as they are now."""
        return compiled.load(self.root, f"{self.root}/{TEMP_DIR}", Options(no_scm=self.no_scm))[0]


def places(root: str, *, no_scm: bool) -> list[Place]:
    """Return the workspace `root` and its linked worktrees: they share one cache."""
    git = None if no_scm else Git.find(root)
    if git is None or not os.path.isdir(f"{git.common_dir}/worktrees"):
        return [Place(root=root, no_scm=no_scm)]
    prefix = os.path.relpath(root, git.root)
    found = {os.path.normpath(os.path.join(top, prefix)) for top in worktrees(git)} | {root}
    return [Place(root=path, no_scm=False) for path in sorted(found) if os.path.isdir(f"{path}/.dvc")]


def revisions(place: Place, selection: Selection) -> list[str]:
    """Return the chosen commits of the repository around `place`."""
    if selection.is_empty:
        return []
    git = place.git
    if git is None:
        raise GitError(f"{place.root} is not in a Git repository: there are no revisions", hint="dv gc -w")
    found = git.revisions(
        all_branches=selection.all_branches,
        all_tags=selection.all_tags,
        all_commits=selection.all_commits,
        rev=selection.rev,
        num=selection.num,
        date=selection.date,
    )
    if selection.all_experiments and (tips := history.references(git.root, "refs/exps/").values()):
        mainline = ("--not", "--branches", "--remotes", "--tags")
        found += process.run(git.root, "rev-list", *tips, *mainline).decode().split()
        found += tips
    return list(dict.fromkeys(found))


def in_workspace(project: Project) -> set[bytes]:
    """Return the ids that the stages of a workspace mention."""
    values: list[object] = []
    for stage in project.stages:
        for recorded in (stage.outs, stage.deps):
            for entry in recorded:
                values.append(entry.digest)
                values += [item.get("md5") for item in entry.files or ()]
    return gc.ids_in("\n".join(map(str, values)).encode())


def in_history(git: Git, chosen: Sequence[str]) -> set[bytes]:
    """Return the ids in the pointer files of these commits, also of other projects in the same repository."""
    return set().union(*map(gc.ids_in, _pointers(git, chosen)))


def _pointers(git: Git, chosen: Sequence[str]) -> Iterator[bytes]:
    """Read every distinct pointer file of these commits."""
    blobs = list({blob.sha: None for blob in history.pointer_blobs(git.root, chosen)})
    for start in range(0, len(blobs), _BATCH):
        for text in git.read_many(blobs[start : start + _BATCH]):
            yield text or b""


def expand(ids: Iterable[bytes], bases: Sequence[str]) -> tuple[set[bytes], set[bytes]]:
    """Return the files of all directory listings among `ids`, and the listings that no cache has intact."""
    files: set[bytes] = set()
    lost: set[bytes] = set()
    for oid in ids:
        if oid.endswith(_DIRECTORY):
            members = _look_up(oid, bases)
            files.update(members or ())
            if members is None:
                lost.add(oid)
    return files, lost


def _look_up(oid: bytes, bases: Sequence[str]) -> list[bytes] | None:
    name = os.fsdecode(gc.name(oid))
    for base in bases:
        for path in (f"{base}/files/md5/{name}", f"{base}/{name}"):
            try:
                found = gc.members(regular.read(path), oid)
            except OSError:
                continue
            if found is not None:
                return found
    return None


def fetch(lost: Iterable[bytes], store: ReadableStore, keys: Sequence[str]) -> dict[bytes, list[bytes]]:
    """Return the files of those lost listings that a remote has, without storing anything."""
    found = {}
    for oid, key in zip(lost, keys, strict=True):
        try:
            members = gc.members(store.read(key), oid)
        except DataVersioningError:
            continue
        if members is not None:
            found[oid] = members
    return found


def needed(project: Project, lost: set[bytes], where: str) -> dict[bytes, str]:
    """Return the lost listings that an output needs, with the output's path.

    Dependencies and outputs without cache never had a listing in the cache, and imports from other
    repositories are downloaded again from there.
    """
    return {
        item.output.digest.encode(): f"'{item.path}'{where}"
        for item in project.outputs()
        if item.output.cache and item.output.digest and not item.stage.is_repo_import
        if item.output.digest.encode() in lost
    }


def needed_in_history(place: Place, chosen: Sequence[str], lost: set[bytes]) -> dict[bytes, str]:
    """Return the lost listings that an output needs in one of these commits, with path and commit.

    A commit whose project cannot be understood may need all of them.
    """
    git = place.git
    found: dict[bytes, str] = {}
    if git is None or not lost:
        return found
    # Most lost listings are those of dependencies; that shows without a look at every project.
    lost = lost & set().union(*map(gc.output_ids_in, _pointers(git, chosen)))
    prefix = os.path.relpath(place.root, git.root)
    seen: set[frozenset[tuple[str, str]]] = set()
    for sha in chosen:
        if found.keys() >= lost:
            break
        files = frozenset(
            git.files(sha, (".dvc", "dvc.yaml", "dvc.lock", ".dvcignore", "params.yaml")).items()
        )
        if files in seen:
            continue
        seen.add(files)
        try:
            project = _project_at(Revision(git, sha, "" if prefix == "." else prefix))
        except DataVersioningError:
            found |= dict.fromkeys(lost - found.keys(), f"perhaps {sha[:7]}, which cannot be read")
            break
        found |= {
            oid: text for oid, text in needed(project, lost, f" at {sha[:7]}").items() if oid not in found
        }
    return found


def _project_at(revision: Revision) -> Project:
    # Loaded by name: parsing YAML is only needed when a listing is lost.
    found: Project = importlib.import_module("data_versioning.operations.history").project_at(revision)
    return found
