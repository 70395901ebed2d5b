"""Names of versions, and what they mean."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from data_versioning.errors import Conflict, UsageError
from data_versioning.git.repository import Git
from data_versioning.operations import versions
from tests.oracle import Sandbox
from tests.tracking import write

pytestmark = pytest.mark.usefixtures("private_home")


@pytest.fixture
def git(repository: Path) -> Git:
    found = Git.find(str(repository))
    assert found is not None
    return found


def record(root: Path, sandbox: Sandbox, oid: str, *tags: str, pointer: str = "m.pt.dvc") -> None:
    """Commit a pointer file with this content, and tag it."""
    name = Path(pointer).name.removesuffix(".dvc")
    write(root, pointer, f"outs:\n- md5: {oid}\n  size: 1\n  hash: md5\n  path: {name}\n")
    sandbox.git(root, "add", pointer)
    sandbox.git(root, "commit", "-qm", oid, "--allow-empty")
    for tag in tags:
        sandbox.git(root, "tag", "-a", "-m", tag, tag)


ONE, TWO = "1" * 32, "2" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.0", "v1.0.0"), ("1", "v1.0.0"), ("v1.2.3", "v1.2.3"), ("01.02", "v1.2.0"), ("v2.0-rc.1", "v2.0.0-rc.1"),
        ("1.2.3+build.5", "v1.2.3+build.5"), ("v1.0.0-a.b+c", "v1.0.0-a.b+c"), ("v1-0", "v1.0.0-0"),
        ("production", None), ("v", None), ("v1.0.0.0", None), ("1.x", None), ("", None), ("v1.0-a..b", None),
        ("v1.0-", None), ("v1.0-.a", None), ("v1.0+", None), ("V1", None),
    ],
)  # fmt: skip
def test_versions_are_padded(text: str, expected: str | None) -> None:
    assert versions.padded(text) == expected


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("models/resnet50_v1.pt", "resnet50_v1"), ("data/set/", "set"), ("data/set", "set"), ("a.tar.gz", "a-tar"),
        (".hidden", "hidden"), ("my model (2).pt", "my-model-2"), ("x@y#z.pt", "x-y-z"), ("größe.bin", "gr-e"),
    ],
)  # fmt: skip
def test_names_of_artifacts(path: str, name: str) -> None:
    assert versions.artifact_name(path) == name


@pytest.mark.parametrize("path", ["….pt", "--.bin"])
def test_no_name_is_left(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        versions.artifact_name(path)
    assert caught.value.hint


def test_names_are_references_that_git_takes(git: Git) -> None:
    words = ["v1.0-rc.1+b", "v2", "production", "a/b", "stage_1", "x-y"]
    for tag in versions.plan(git, "m.pt.dvc", "m.pt", ONE, words):
        subprocess.run(["git", "check-ref-format", f"refs/tags/{tag.name}"], check=True)


@pytest.mark.parametrize(
    "word", ["", "two words", "a//b", "a/", "/a", "#", "a#1", "ä", "-x", "a.b", "v1.0-a..b"]
)
def test_words_that_are_no_stage(git: Git, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        versions.plan(git, "m.pt.dvc", "m.pt", ONE, [word])
    assert caught.value.hint


def planned(git: Git, oid: str, *words: str) -> list[str]:
    return [tag.name for tag in versions.plan(git, "m.pt.dvc", "m.pt", oid, words)]


def test_plan(git: Git, repository: Path, sandbox: Sandbox) -> None:
    assert planned(git, ONE, "v1.0", "production") == ["m@v1.0.0", "m#production#1"]
    record(repository, sandbox, ONE, "m@v1.0.0", "m#production#1")
    assert planned(git, ONE, "v1.0", "1", "production") == []
    assert planned(git, TWO, "production", "v2") == ["m#production#2", "m@v2.0.0"]
    with pytest.raises(Conflict, match=r"m@v1\.0\.0"):
        planned(git, TWO, "v2", "1.0.0")


def test_two_words_for_one_version(git: Git) -> None:
    assert planned(git, ONE, "v1.0", "1", "v1.0.0", "v1.0") == ["m@v1.0.0"]


def test_stages_count_as_numbers(git: Git, repository: Path, sandbox: Sandbox) -> None:
    record(repository, sandbox, ONE, *(f"m#production#{number}" for number in (2, 9, 10)))
    assert planned(git, TWO, "production") == ["m#production#11"]
    assert planned(git, ONE, "production") == []


def test_an_older_stage_is_entered_again(git: Git, repository: Path, sandbox: Sandbox) -> None:
    record(repository, sandbox, ONE, "m#production#1")
    record(repository, sandbox, TWO, "m#production#2")
    assert planned(git, ONE, "production") == ["m#production#3"]


def test_a_version_of_something_that_is_no_pointer(git: Git, repository: Path, sandbox: Sandbox) -> None:
    sandbox.git(repository, "tag", "m@v1.0.0")
    with pytest.raises(Conflict):
        planned(git, ONE, "v1.0")
    write(repository, "m.pt.dvc", "outs: [")
    sandbox.git(repository, "add", "m.pt.dvc")
    sandbox.git(repository, "commit", "-qm", "broken")
    sandbox.git(repository, "tag", "m@v2.0.0")
    with pytest.raises(Conflict):
        planned(git, ONE, "v2.0")


def test_labels_that_last(git: Git, repository: Path, sandbox: Sandbox) -> None:
    record(repository, sandbox, ONE, "m@v1.0.0", "m#production#1", "other#vision#1")
    assert versions.lasting(git, "m.pt.dvc", ["v1.0", "production", "vision", "mine"]) == ["vision", "mine"]


def test_an_exact_revision_wins(git: Git, repository: Path, sandbox: Sandbox) -> None:
    record(repository, sandbox, ONE, "m@v1.0.0")
    assert versions.find(git, "v1.0") == "m@v1.0.0"
    sandbox.git(repository, "tag", "v1.0")
    assert versions.find(git, "v1.0") == "v1.0"
    for text in ("main", "HEAD~1", "m@v1.0.0", git.head() or ""):
        assert versions.find(git, text) == text


@pytest.mark.parametrize("text", ["v1.0", "1", "v1.0.0", "1.0", "m@v1.0", "m@1"])
def test_the_one_artifact_with_that_version(git: Git, repository: Path, sandbox: Sandbox, text: str) -> None:
    record(repository, sandbox, ONE, "m@v1.0.0", "m@v1.1.0", "m#v1#1")
    assert versions.find(git, text) == "m@v1.0.0"


def test_several_artifacts_with_that_version(git: Git, repository: Path, sandbox: Sandbox) -> None:
    record(repository, sandbox, ONE, "m@v1.0.0", "n@v1.0.0", "n@v2.0.0")
    with pytest.raises(UsageError) as caught:
        versions.find(git, "v1.0")
    assert "m@v1.0.0" in caught.value.message
    assert "n@v1.0.0" in caught.value.message
    assert "v2.0.0" not in caught.value.message
    assert caught.value.hint
    assert versions.find(git, "n@v1.0") == "n@v1.0.0"
    assert versions.find(git, "n@1") == "n@v1.0.0"


@pytest.mark.parametrize("text", ["v3.0", "nonsense", "m@v9", "other@v1.0", "@v1.0"])
def test_an_unknown_version(git: Git, repository: Path, sandbox: Sandbox, text: str) -> None:
    record(repository, sandbox, ONE, "m@v1.0.0")
    with pytest.raises(UsageError) as caught:
        versions.find(git, text)
    assert "m@v1.0.0" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "--help"])
def test_what_cannot_be_a_version(git: Git, text: str) -> None:
    with pytest.raises(UsageError):
        versions.find(git, text)
