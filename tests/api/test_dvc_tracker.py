"""`DVCTracker`, as a script or notebook uses it."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from data_versioning import DVCTracker, PushFailed
from data_versioning.errors import (
    ConfigError,
    Conflict,
    DataVersioningError,
    GitError,
    NotInRepository,
    PathError,
    UsageError,
)
from tests.operations.work import Work
from tests.oracle import Sandbox, Tool, make_repository
from tests.tracking import (
    clean,
    everything,
    head,
    messages,
    output,
    records,
    tags,
    unwritable,
    with_remote,
    without_identity,
    write,
)

pytestmark = pytest.mark.usefixtures("private_home")

Method = Callable[[DVCTracker, str], object]
METHODS: dict[str, Method] = {
    "track_data": lambda tracker, path: tracker.track_data(path),
    "track_model": lambda tracker, path: tracker.track_model(
        path, metrics={"accuracy": 0.9}, tags=["v1.0", "production"]
    ),
}
every_method = pytest.mark.parametrize("method", list(METHODS.values()), ids=list(METHODS))


def refused(root: Path, kind: type[DataVersioningError], action: Callable[[], object]) -> DataVersioningError:
    """The action raises such an error, with a hint, and changes nothing."""
    before = everything(root)
    with pytest.raises(kind) as caught:
        action()
    assert caught.value.hint
    assert everything(root) == before
    return caught.value


def test_outside_a_repository(place: Path) -> None:
    with pytest.raises(NotInRepository) as caught:
        DVCTracker(place)
    assert "dv init" in str(caught.value.hint)
    assert list(place.iterdir()) == []


WRONG: dict[str, tuple[Callable[[DVCTracker], object], str]] = {
    "add": (lambda tracker: tracker.add(5), "path must be a string or a pathlib.Path, not int"),  # type: ignore[arg-type]
    "bytes": (lambda tracker: tracker.add(b"x"), "path must be .*, not bytes"),  # type: ignore[arg-type]
    "commit": (lambda tracker: tracker.commit(None), "message must be a string, not None"),  # type: ignore[arg-type]
    "data": (lambda tracker: tracker.track_data(["x"]), "path must be .*, not list"),  # type: ignore[arg-type]
    "message": (lambda tracker: tracker.track_data("x", message=5), "message must be a string or None, not int"),  # type: ignore[arg-type]
    "metrics": (lambda tracker: tracker.track_model("x", metrics=[1]), "metrics must be a mapping"),  # type: ignore[arg-type]
    "params": (lambda tracker: tracker.track_model("x", params="a"), "params must be a mapping"),  # type: ignore[arg-type]
    "tags": (lambda tracker: tracker.track_model("x", tags=5), "tags must be a string, or a sequence"),  # type: ignore[arg-type]
    "one tag": (lambda tracker: tracker.track_model("x", tags=["v1.0", 2]), r"tags\[1\] must be a string"),  # type: ignore[list-item]
    "sources": (lambda tracker: tracker.track_model("x", data=[None]), r"data\[0\] must be .*, not None"),  # type: ignore[list-item]
    "version": (lambda tracker: tracker.checkout_version(1.0), "tag must be a string, not float"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize(("action", "message"), WRONG.values(), ids=WRONG)
def test_an_argument_of_the_wrong_type(
    repository: Path, action: Callable[[DVCTracker], object], message: str
) -> None:
    write(repository, "x", "1")
    tracker = DVCTracker(repository)
    assert re.search(message, refused(repository, UsageError, lambda: action(tracker)).message)


@pytest.mark.parametrize("wrong", [{"project_dir": None}, {"remote": 5}])
def test_a_tracker_of_the_wrong_type(repository: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} must be a string"):
        DVCTracker(**({"project_dir": repository} | wrong))


@every_method
def test_without_git(sandbox: Sandbox, dvc: Tool, place: Path, method: Method) -> None:
    root = make_repository(sandbox, dvc, place / "alone", git=False)
    write(root, "data.csv", "1")
    error = refused(root, GitError, lambda: method(DVCTracker(root), "data.csv"))
    assert "git init" in str(error.hint)
    DVCTracker(root).add("data.csv")
    refused(root, GitError, lambda: DVCTracker(root).commit("data"))
    refused(root, GitError, lambda: DVCTracker(root).checkout_version("v1.0"))


@every_method
def test_no_identity(repository: Path, monkeypatch: pytest.MonkeyPatch, method: Method) -> None:
    write(repository, "data.csv", "1")
    without_identity(repository, monkeypatch)
    error = refused(repository, GitError, lambda: method(DVCTracker(repository), "data.csv"))
    assert "git config --global user.email" in str(error.hint)


@every_method
def test_only_a_committer_is_not_enough(
    repository: Path, monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    write(repository, "data.csv", "1")
    without_identity(repository, monkeypatch)
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Ada")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "ada@example.org")
    refused(repository, GitError, lambda: method(DVCTracker(repository), "data.csv"))


def test_commit_without_identity(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, "data.csv", "1")
    tracker = DVCTracker(repository)
    tracker.add("data.csv")
    home = os.environ["HOME"]
    without_identity(repository, monkeypatch)
    refused(repository, GitError, lambda: tracker.commit("data"))
    monkeypatch.setenv("HOME", home)
    assert tracker.commit("data")


@every_method
def test_missing_path(repository: Path, method: Method) -> None:
    error = refused(repository, PathError, lambda: method(DVCTracker(repository), "data/nothing.csv"))
    assert "data/nothing.csv" in error.message


@every_method
def test_missing_path_that_was_tracked(repository: Path, method: Method) -> None:
    data = write(repository, "data.csv", "1")
    DVCTracker(repository).track_data("data.csv")
    data.unlink()
    refused(repository, PathError, lambda: method(DVCTracker(repository), "data.csv"))


@every_method
def test_path_in_git(repository: Path, sandbox: Sandbox, method: Method) -> None:
    write(repository, "data.csv", "1")
    sandbox.git(repository, "add", "data.csv")
    sandbox.git(repository, "commit", "-qm", "data in Git")
    error = refused(repository, PathError, lambda: method(DVCTracker(repository), "data.csv"))
    assert "git rm -r --cached" in str(error.hint)


@every_method
def test_path_outside(repository: Path, method: Method) -> None:
    outside = write(repository.parent, "data.csv", "1")
    tracker = DVCTracker(repository)
    refused(repository, PathError, lambda: method(tracker, "../data.csv"))
    refused(repository, PathError, lambda: method(tracker, str(outside)))
    assert sorted(path.name for path in repository.parent.iterdir()) == ["data.csv", repository.name]


@every_method
def test_a_pointer_that_git_ignores(repository: Path, sandbox: Sandbox, method: Method) -> None:
    write(repository, ".gitignore", "data/\n")
    sandbox.git(repository, "add", ".gitignore")
    sandbox.git(repository, "commit", "-qm", "ignore all data")
    write(repository, "data/train.csv", "1")
    error = refused(repository, GitError, lambda: method(DVCTracker(repository), "data/train.csv"))
    assert "git check-ignore -v" in str(error.hint)


@every_method
def test_an_unfinished_merge(repository: Path, sandbox: Sandbox, method: Method) -> None:
    write(repository, "data.csv", "1")
    sandbox.git(repository, "switch", "-qc", "other")
    sandbox.git(repository, "commit", "-qm", "there", "--allow-empty")
    sandbox.git(repository, "switch", "-q", "main")
    sandbox.git(repository, "commit", "-qm", "here", "--allow-empty")
    sandbox.git(repository, "merge", "-q", "--no-commit", "--no-ff", "other")
    refused(repository, GitError, lambda: method(DVCTracker(repository), "data.csv"))


@every_method
def test_an_unknown_remote(repository: Path, method: Method) -> None:
    write(repository, "data.csv", "1")
    refused(repository, ConfigError, lambda: method(DVCTracker(repository, remote="nowhere"), "data.csv"))


@every_method
def test_other_staged_work_stays_staged(repository: Path, sandbox: Sandbox, method: Method) -> None:
    write(repository, "code.py", "old")
    sandbox.git(repository, "add", "code.py")
    sandbox.git(repository, "commit", "-qm", "code")
    write(repository, "code.py", "staged")
    write(repository, "new.py", "staged")
    sandbox.git(repository, "add", "code.py", "new.py")
    write(repository, "code.py", "not staged")
    write(repository, "data.csv", "1")
    method(DVCTracker(repository), "data.csv")
    assert sandbox.git(repository, "status", "--porcelain") == "MM code.py\nA  new.py\n"
    assert sandbox.git(repository, "show", ":code.py") == "staged"
    shown = sandbox.git(repository, "show", "--name-only", "--format=")
    assert shown.split() == [".gitignore", "data.csv.dvc"]


@every_method
def test_unchanged_data_makes_no_commit(repository: Path, sandbox: Sandbox, method: Method) -> None:
    write(repository, "data/a", "1")
    write(repository, "data/sub/b", "2")
    tracker = DVCTracker(repository)
    method(tracker, "data")
    before = everything(repository)
    again = method(tracker, "data")
    assert getattr(again, "commit") is None  # noqa: B009 (the methods return what they like)
    assert everything(repository) == before
    assert len(messages(repository, sandbox)) == 2


def test_add_commit_push_pull_and_status(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    with_remote(repository, sandbox, dvc)
    write(repository, "data/a", "1")
    tracker = DVCTracker(repository)
    tracker.add("data")
    commit = tracker.commit("Data")
    assert commit == head(repository, sandbox)
    assert messages(repository, sandbox)[0] == "Data"
    assert tracker.push().copied == 2
    assert tracker.push().copied == 0
    assert clean(repository, dvc, sandbox)
    shutil.rmtree(repository / "data")
    shutil.rmtree(repository / ".dvc/cache")
    assert "data.dvc" in tracker.status().changes
    tracker.pull()
    assert (repository / "data/a").read_text() == "1"
    assert tracker.status().changes == {}


def test_commit_of_nothing(repository: Path, sandbox: Sandbox) -> None:
    tracker = DVCTracker(repository)
    before = everything(repository)
    assert tracker.commit("nothing") is None
    assert everything(repository) == before
    write(repository, "data.csv", "1")
    tracker.add("data.csv")
    assert tracker.commit("once")
    assert tracker.commit("twice") is None
    assert messages(repository, sandbox)[0] == "once"


def test_commit_takes_only_what_tracked_operations_changed(repository: Path, sandbox: Sandbox) -> None:
    write(repository, "code.py", "staged")
    write(repository, "notes.txt", "new")
    sandbox.git(repository, "add", "code.py")
    write(repository, "data.csv", "1")
    tracker = DVCTracker(repository)
    tracker.add("data.csv")
    tracker.commit("Data")
    shown = sandbox.git(repository, "show", "--name-only", "--format=")
    assert shown.split() == [".gitignore", "data.csv.dvc"]
    assert sandbox.git(repository, "status", "--porcelain") == "A  code.py\n?? notes.txt\n"


def test_commit_of_what_the_command_line_added(repository: Path, sandbox: Sandbox, dv: Tool) -> None:
    write(repository, "sub/data.csv", "1")
    dv(repository, "add", "sub/data.csv").ok()
    assert DVCTracker(repository).commit("Data")
    shown = sandbox.git(repository, "show", "--name-only", "--format=")
    assert shown.split() == ["sub/.gitignore", "sub/data.csv.dvc"]


def test_commit_leaves_a_pipeline_that_is_being_edited(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    """Lock files are written by tools, dvc.yaml by people."""
    write(repository, "dvc.yaml", "stages:\n  s:\n    cmd: printf 1 > out\n    outs: [out]\n")
    sandbox.git(repository, "add", "dvc.yaml")
    sandbox.git(repository, "commit", "-qm", "stage")
    dvc(repository, "repro", "-q").ok()
    with (repository / "dvc.yaml").open("a") as file:
        file.write("# to be continued\n")
    assert DVCTracker(repository).commit("Run")
    shown = sandbox.git(repository, "show", "--name-only", "--format=")
    assert shown.split() == [".gitignore", "dvc.lock"]
    assert sandbox.git(repository, "status", "--porcelain") == " M dvc.yaml\n"


@every_method
def test_a_failed_push(repository: Path, sandbox: Sandbox, dvc: Tool, method: Method) -> None:
    unwritable(repository, sandbox, dvc)
    write(repository, "data.csv", "1")
    with pytest.raises(PushFailed) as caught:
        method(DVCTracker(repository), "data.csv")
    error = caught.value
    assert error.hint == "dv push"
    assert error.result.commit == head(repository, sandbox)
    assert error.result.pushed is None
    assert error.result.oid == output(repository, "data.csv.dvc")["md5"]
    assert dict.fromkeys(error.result.tags, "tag") == tags(repository, sandbox)
    assert sandbox.git(repository, "status", "--porcelain") == ""


def test_a_push_that_failed_is_made_up_for(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    unwritable(repository, sandbox, dvc)
    write(repository, "data.csv", "1")
    with pytest.raises(PushFailed):
        DVCTracker(repository).track_data("data.csv")
    (repository.parent / "file").unlink()
    done = DVCTracker(repository).track_data("data.csv")
    assert done.commit is None
    assert done.pushed is not None
    assert done.pushed.copied == 1


def test_the_remote_that_was_named(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    remote = with_remote(repository, sandbox, dvc)
    other = repository.parent / "other"
    dvc(repository, "remote", "add", "-q", "second", str(other)).ok()
    write(repository, "data.csv", "1")
    done = DVCTracker(repository, remote="second").track_data("data.csv")
    assert done.pushed is not None
    assert done.pushed.remotes == ("second",)
    assert (other / "files/md5").exists()
    assert not remote.exists()


def test_without_a_remote_nothing_is_pushed(repository: Path) -> None:
    write(repository, "data.csv", "1")
    assert DVCTracker(repository).track_data("data.csv").pushed is None


@pytest.mark.parametrize("here", [".", "notebooks", "data", ".."])
def test_the_current_directory_does_not_matter(
    repository: Path, sandbox: Sandbox, dvc: Tool, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    with_remote(repository, sandbox, dvc)
    (repository / "notebooks").mkdir()
    write(repository, "data/train.csv", "1")
    monkeypatch.chdir(repository / here)
    tracker = DVCTracker(os.path.relpath(repository))
    done = tracker.track_model("data/train.csv", tags=["v1"], data=["data/train.csv"])
    assert done.path == "data/train.csv"
    assert done.pushed is not None
    assert done.pushed.copied == 1
    monkeypatch.chdir("/")
    write(repository, "data/train.csv", "2")
    tracker.add("data/train.csv")
    assert tracker.commit("two")
    tracker.checkout_version("v1")
    assert (repository / "data/train.csv").read_text() == "1"
    assert clean(repository, dvc, sandbox)


def test_a_directory_below_the_root(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, "sub/data.csv", "1")
    monkeypatch.chdir(repository)
    assert DVCTracker("sub").track_data("data.csv").path == "sub/data.csv"


def test_a_repository_inside_a_git_repository(sandbox: Sandbox, dv: Tool, dvc: Tool, place: Path) -> None:
    top = place / "top"
    (top / "project").mkdir(parents=True)
    sandbox.git(top, "init", "-q")
    dv(top / "project", "init", "-q", "--subdir").ok()
    sandbox.git(top, "commit", "-qm", "start")
    write(top, "project/models/m.pt", "1")
    tracker = DVCTracker(top / "project")
    done = tracker.track_model("models/m.pt", tags=["v1"])
    assert done.tags == ("m@v1.0.0",)
    assert tracker.track_model("models/m.pt", tags=["v1"]).tags == ()
    write(top, "project/models/m.pt", "2")
    with pytest.raises(Conflict):
        tracker.track_model("models/m.pt", tags=["v1"])
    tracker.track_data("models/m.pt")
    tracker.checkout_version("v1")
    assert (top / "project/models/m.pt").read_text() == "1"
    assert clean(top / "project", dvc, sandbox)


def test_a_detached_head(repository: Path, sandbox: Sandbox) -> None:
    write(repository, "data.csv", "1")
    sandbox.git(repository, "switch", "-q", "--detach")
    with pytest.warns(UserWarning, match=r"git switch -c") as caught:
        done = DVCTracker(repository).track_data("data.csv")
    assert done.commit == head(repository, sandbox)
    assert done.commit[:10] in str(caught[0].message)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert DVCTracker(repository).track_data("data.csv").commit is None


def test_a_commit_on_a_detached_head(repository: Path, sandbox: Sandbox) -> None:
    write(repository, "data.csv", "1")
    sandbox.git(repository, "switch", "-q", "--detach")
    tracker = DVCTracker(repository)
    tracker.add("data.csv")
    with pytest.warns(UserWarning, match=r"git switch -c") as caught:
        tracker.commit("Data")
    assert caught[0].filename == __file__


def test_a_fresh_clone_goes_back_in_time(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    with_remote(repository, sandbox, dvc)
    tracker = DVCTracker(repository)
    for content in ("1", "2"):
        write(repository, "models/net.pt", content)
        tracker.track_model("models/net.pt", tags=[f"v{content}.0"])
    sandbox.git(repository.parent, "clone", "-q", str(repository), "clone")
    clone = repository.parent / "clone"
    there = DVCTracker(clone)
    done = there.checkout_version(tag="v1.0")
    assert done.revision == "net@v1.0.0"
    assert done.commit == head(clone, sandbox)
    assert (clone / "models/net.pt").read_text() == "1"
    there.checkout_version("main")
    assert (clone / "models/net.pt").read_text() == "2"
    assert clean(clone, dvc, sandbox)


def test_calls_are_recorded(repository: Path) -> None:
    write(repository, "data.csv", "1")
    tracker = DVCTracker(repository)
    tracker.add("data.csv")
    tracker.commit("Data")
    found = records(repository)
    assert [record["verb"] for record in found] == ["add", "git commit"]
    assert found[0]["argv"] == ["DVCTracker.add", "data.csv"]


def test_a_pathlike_path(repository: Path) -> None:
    path = write(repository, "data.csv", "1")
    assert DVCTracker(repository).track_data(path).path == "data.csv"


def test_the_public_names() -> None:
    import data_versioning

    assert {"DVCTracker", "PushFailed", "load_params"} <= set(dir(data_versioning))
    with pytest.raises(AttributeError):
        _ = data_versioning.nonsense


def test_several_trackers_at_once(work: Work, dvc: Tool, sandbox: Sandbox) -> None:
    """Each gets its own commit; with `core.autostage` the index is changed twice as often."""
    with (work.root / ".dvc/config").open("a") as file:
        file.write("[core]\n    autostage = true\n")
    names = [f"data/{number}.csv" for number in range(6)]
    for name in names:
        write(work.root, name, name)
    with ThreadPoolExecutor(len(names)) as pool:
        made = list(pool.map(lambda name: DVCTracker().track_data(name, message=name), names))
    for name, result in zip(names, made, strict=True):
        assert sandbox.git(work.root, "log", "-1", "--format=%s", str(result.commit)).strip() == name
    assert dvc(work.root, "status", "--json").json == {}
