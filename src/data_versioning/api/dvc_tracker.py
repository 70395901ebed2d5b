"""`DVCTracker`: version data and models from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from data_versioning import repo as repos
from data_versioning.api import arguments
from data_versioning.errors import GitError
from data_versioning.operations import add, pull, push, status, switch, track
from data_versioning.operations import loaded as loading
from data_versioning.operations.add import AddResult
from data_versioning.operations.pull import PullResult
from data_versioning.operations.sharing import TransferOptions, TransferResult
from data_versioning.operations.status import StatusResult
from data_versioning.operations.switch import SwitchResult
from data_versioning.operations.track import Facts, PushFailed, TrackResult
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE
from data_versioning.repo import Repo

__all__ = ["DVCTracker", "PushFailed"]


class DVCTracker:
    """One DVC repository, seen from a script or notebook.

    `project_dir` lies in the repository; paths are relative to it. `remote` is the name of a configured remote; by
    default the repository's own default is used. All errors are `DataVersioningError`s with a `hint`; an argument of
    the wrong type is a `UsageError`.
    """

    def __init__(self, project_dir: str | os.PathLike[str] = ".", remote: str | None = None) -> None:
        self._directory = os.path.abspath(arguments.path("project_dir", project_dir))
        self._remote = arguments.optional_text("remote", remote)
        self._edited: set[str] = set()
        self._open("init")

    def add(self, path: str | os.PathLike[str]) -> AddResult:
        """Track a file or directory: store its content in the cache and write its pointer file."""
        absolute = self._absolute("path", path)
        result = add.add(self._open("add", path), [absolute])
        self._edited.update(result.edited)
        return result

    def commit(self, message: str) -> str | None:
        """Commit the pointer and ignore files that changed to Git; return the commit, None when there is nothing.

        Whatever else is staged stays staged and uncommitted.
        """
        message = arguments.text("message", message)
        repo = self._open("commit", message)
        git = repo.git
        if git is None:
            raise GitError("there is no Git repository here to commit to", hint=track.NO_GIT)
        with repo.transaction("git commit"):
            commit = track.commit_files(repo, git, sorted(self._edited or _pointer_files(repo)), message)
        self._edited.clear()
        track.warn_if_detached(git, commit, stacklevel=3)
        return commit

    def push(self) -> TransferResult:
        """Upload all tracked data to the remote."""
        return push.push(self._open("push"), options=self._transfer())

    def pull(self) -> PullResult:
        """Download all tracked data from the remote into the workspace."""
        return pull.pull(self._open("pull"), options=self._transfer())

    def status(self) -> StatusResult:
        """Compare the workspace with what is recorded."""
        return status.status(self._open("status"))

    def track_data(self, path: str | os.PathLike[str], message: str | None = None) -> TrackResult:
        """Add, commit and, when a remote is configured, push. Data that did not change makes no commit.

        Raises `PushFailed` when only the upload failed.
        """
        absolute, message = self._absolute("path", path), arguments.optional_text("message", message)
        repo = self._open("track_data", path)
        return track.track(repo, absolute, message=message, remote=self._remote)

    def track_model(
        self,
        path: str | os.PathLike[str],
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, object] | None = None,
        tags: str | Sequence[str] = (),
        data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        message: str | None = None,
    ) -> TrackResult:
        """As `track_data`, and record metrics, params, the data it was trained on and the code's commit.

        A tag such as "v1.0" becomes the Git tag `NAME@v1.0.0`, any other word `NAME#WORD#1`, where NAME is the file's
        name without suffix. Raises `Conflict` when a version names other content already; then nothing is written.
        """
        absolute, message = self._absolute("path", path), arguments.optional_text("message", message)
        facts = Facts(
            metrics=arguments.optional_mapping("metrics", metrics),
            params=arguments.optional_mapping("params", params),
            training_data=[os.path.join(self._directory, one) for one in arguments.paths("data", data)],
            tags=arguments.texts("tags", tags),
        )
        repo = self._open("track_model", path)
        return track.track(repo, absolute, message=message, facts=facts, remote=self._remote)

    def checkout_version(self, tag: str) -> SwitchResult:
        """Go to a branch, tag, commit or artifact version, data included; missing data is fetched."""
        tag = arguments.text("tag", tag)
        return switch.switch(self._open("checkout_version", tag), tag, remote=self._remote)

    def _open(self, method: str, *arguments: object) -> Repo:
        return repos.open(self._directory, argv=(f"DVCTracker.{method}", *map(str, arguments)))

    def _absolute(self, name: str, path: object) -> str:
        return os.path.join(self._directory, arguments.path(name, path))

    def _transfer(self) -> TransferOptions:
        return TransferOptions(remote=self._remote)


def _pointer_files(repo: Repo) -> list[str]:
    """Return all pointer and lock files, which only tools write, and the ignore files beside their outputs."""
    found: set[str] = set()
    for stage in loading.load(repo).project.stages:
        found.add(f"{stage.file.removesuffix(PIPELINE_FILE)}{LOCK_FILE}" if stage.name else stage.file)
        for output in stage.outs:
            if path := stage.located(output.path):
                parent = os.path.dirname(path)
                found.add(f"{parent}/.gitignore" if parent else ".gitignore")
    return sorted(found)
