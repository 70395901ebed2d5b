"""Going to another version and back, and never losing work on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data_versioning import DVCTracker
from data_versioning.errors import Conflict, DataVersioningError, GitError, MissingObject, UsageError
from tests.oracle import Sandbox, Tool
from tests.tracking import clean, everything, head, with_remote, write

pytestmark = pytest.mark.usefixtures("private_home")


@pytest.fixture
def history(repository: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """Two versions of a directory, the first also called v1.0; a remote that has both."""
    with_remote(repository, sandbox, dvc)
    tracker = DVCTracker(repository)
    write(repository, "code.py", "one")
    sandbox.git(repository, "add", "code.py")
    sandbox.git(repository, "commit", "-qm", "code")
    for version in ("1", "2"):
        write(repository, "data/a", version)
        write(repository, f"data/only{version}", version)
        tracker.track_data("data", message=f"Version {version}")
        sandbox.git(repository, "tag", "-a", "-m", version, f"v{version}.0")
    write(repository, "code.py", "two")
    write(repository, "later.csv", "later")
    tracker.track_data("later.csv")
    sandbox.git(repository, "add", "code.py")
    sandbox.git(repository, "commit", "-qm", "code")
    return repository


def at(root: Path) -> tuple[str, list[str]]:
    return (root / "data/a").read_text(), sorted(path.name for path in (root / "data").iterdir())


def test_there_and_back(history: Path, sandbox: Sandbox, dvc: Tool) -> None:
    tracker = DVCTracker(history)
    done = tracker.checkout_version("v1.0")
    assert (done.revision, done.commit) == ("v1.0", sandbox.git(history, "rev-parse", "v1.0^{}").strip())
    assert at(history) == ("1", ["a", "only1"])
    assert not (history / "later.csv").exists()
    assert not sandbox.git(history, "branch", "--show-current")
    assert clean(history, dvc, sandbox)
    tracker.checkout_version("main")
    assert at(history) == ("2", ["a", "only1", "only2"])
    assert (history / "later.csv").read_text() == "later"
    assert sandbox.git(history, "branch", "--show-current") == "main\n"
    assert clean(history, dvc, sandbox)


def test_to_where_we_are(history: Path) -> None:
    before = everything(history)
    assert DVCTracker(history).checkout_version("main").data.is_empty
    after = everything(history)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= {
        ".git/logs/HEAD"
    }


def test_missing_data_is_fetched(history: Path) -> None:
    lose_object(history / ".dvc/cache", "1")
    DVCTracker(history).checkout_version("v1.0")
    assert at(history) == ("1", ["a", "only1"])


def test_without_the_remote_the_cache_is_enough(history: Path) -> None:
    (history.parent / "remote").rename(history.parent / "unplugged")
    DVCTracker(history).checkout_version("v1.0")
    assert at(history) == ("1", ["a", "only1"])


@pytest.mark.parametrize("name", ["nonsense", "v9.0"])
def test_an_unknown_version(history: Path, name: str) -> None:
    before = everything(history)
    with pytest.raises(UsageError) as caught:
        DVCTracker(history).checkout_version(name)
    assert caught.value.hint
    assert everything(history) == before


def modified_in_git(root: Path, _sandbox: Sandbox) -> None:
    write(root, "code.py", "unsaved")


def staged(root: Path, sandbox: Sandbox) -> None:
    write(root, "code.py", "unsaved")
    sandbox.git(root, "add", "code.py")


def modified_data(root: Path, _sandbox: Sandbox) -> None:
    write(root, "data/a", "unsaved")


def new_file_in_data(root: Path, _sandbox: Sandbox) -> None:
    write(root, "data/new", "unsaved")


def modified_data_beside_an_import(root: Path, sandbox: Sandbox) -> None:
    pointer = "deps:\n- path: https://example.org/x\n  etag: abcdef\nouts:\n- path: x\n"
    write(root, "x.dvc", pointer)
    sandbox.git(root, "add", "x.dvc")
    sandbox.git(root, "commit", "-qm", "import")
    write(root, "data/a", "unsaved")


WORK = [modified_in_git, staged, modified_data, new_file_in_data, modified_data_beside_an_import]


@pytest.mark.parametrize("work", WORK)
def test_uncommitted_work_is_not_overwritten(
    history: Path, sandbox: Sandbox, work: Callable[[Path, Sandbox], None]
) -> None:
    work(history, sandbox)
    before = everything(history)
    with pytest.raises(Conflict) as caught:
        DVCTracker(history).checkout_version("v1.0")
    assert caught.value.hint
    assert everything(history) == before


def test_an_untracked_file_in_the_way(history: Path, sandbox: Sandbox) -> None:
    sandbox.git(history, "rm", "-q", "code.py")
    sandbox.git(history, "commit", "-qm", "no code")
    write(history, "code.py", "mine")
    before = everything(history)
    with pytest.raises(GitError):
        DVCTracker(history).checkout_version("v1.0")
    assert everything(history) == before


def test_untracked_files_stay(history: Path) -> None:
    write(history, "notes.txt", "mine")
    DVCTracker(history).checkout_version("v1.0")
    assert (history / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("remote", ["has not", "cannot be reached", "none"])
def test_data_that_is_nowhere(history: Path, sandbox: Sandbox, dvc: Tool, remote: str) -> None:
    """Back where it was: Git, and the data."""
    if remote == "none":
        dvc(history, "remote", "remove", "storage").ok()
        sandbox.git(history, "commit", "-qam", "no remote")
    if remote == "cannot be reached":
        (history.parent / "remote").rename(history.parent / "unplugged")
        (history.parent / "remote").write_text("a file")
    else:
        lose_object(history.parent / "remote", "1")
    lose_object(history / ".dvc/cache", "1")
    before, commit = at(history), head(history, sandbox)
    with pytest.raises(DataVersioningError) as caught:
        DVCTracker(history).checkout_version("v1.0")
    assert caught.value.hint
    if remote != "cannot be reached":
        assert isinstance(caught.value, MissingObject)
        assert "data" in caught.value.message
    assert at(history) == before
    assert (history / "later.csv").read_text() == "later"
    assert head(history, sandbox) == commit
    assert sandbox.git(history, "branch", "--show-current") == "main\n"
    assert sandbox.git(history, "status", "--porcelain") == ""


def lose_object(base: Path, content: str) -> None:
    for path in base.rglob("*"):
        if path.is_file() and path.read_text() == content:
            path.unlink()


def test_back_to_a_detached_head(history: Path, sandbox: Sandbox) -> None:
    tracker = DVCTracker(history)
    tracker.checkout_version("v2.0")
    for place in (history.parent / "remote", history / ".dvc/cache"):
        lose_object(place, "1")
    commit = head(history, sandbox)
    with pytest.raises(MissingObject):
        tracker.checkout_version("v1.0")
    assert head(history, sandbox) == commit
    assert (history / "data/a").read_text() == "2"


def test_an_artifacts_version(history: Path) -> None:
    tracker = DVCTracker(history)
    write(history, "models/m.pt", "1")
    tracker.track_model("models/m.pt", tags=["v3.0"])
    write(history, "models/m.pt", "2")
    tracker.track_model("models/m.pt")
    assert tracker.checkout_version("v3.0").revision == "m@v3.0.0"
    assert (history / "models/m.pt").read_text() == "1"


def test_settings_of_the_other_version_count(history: Path, sandbox: Sandbox, dvc: Tool) -> None:
    """The remote of that version is asked, not today's."""
    dvc(history, "remote", "modify", "storage", "url", str(history.parent / "empty")).ok()
    sandbox.git(history, "commit", "-qam", "other remote")
    lose_object(history / ".dvc/cache", "1")
    DVCTracker(history).checkout_version("v1.0")
    assert at(history)[0] == "1"


def test_a_remote_branch(history: Path, sandbox: Sandbox) -> None:
    sandbox.git(history, "branch", "feature", "v1.0")
    sandbox.git(history.parent, "clone", "-q", str(history), "clone")
    clone = history.parent / "clone"
    done = DVCTracker(clone).checkout_version("origin/feature")
    assert done.commit == sandbox.git(history, "rev-parse", "feature").strip()
    assert at(clone) == ("1", ["a", "only1"])
