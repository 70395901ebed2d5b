from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_versioning.errors import GitError
from data_versioning.git import history
from data_versioning.git.repository import Git
from tests.git.conftest import Shell


def load(sh: Shell, root: Path, stream: str) -> None:
    """Make many commits at once."""
    (root / "stream").write_text(stream)
    with open(root / "stream", "rb") as file:
        subprocess.run(["git", "fast-import", "--quiet"], stdin=file, cwd=root, check=True)


def commits(contents: list[dict[str, str]]) -> str:
    """One commit a tree, each the parent of the next."""
    text = []
    for number, files in enumerate(contents):
        text.append(
            f"commit refs/heads/main\ncommitter A <a@b> {1000 + number} +0000\ndata 1\nm\ndeleteall\n"
        )
        for path, body in files.items():
            text.append(f"M 100644 inline {path}\ndata {len(body)}\n{body}\n")
    return "".join(text)


def expected(git: Git, revisions: list[str]) -> set[tuple[str, str]]:
    return {
        (path, sha)
        for revision in revisions
        for path, sha in git.files(revision).items()
        if path.endswith(".dvc") or os.path.basename(path) in ("dvc.lock", "dvc.yaml")
    }


TREES = st.lists(
    st.dictionaries(
        st.sampled_from(
            [
                "a.dvc",
                "s/a.dvc",
                "dvc.lock",
                "s/dvc.lock",
                "s/dvc.yaml",
                "xdvc.lock",
                "s/ydvc.yaml",
                "b.txt",
                "s/t/c.dvc",
            ]
        ),
        st.sampled_from("123"),
        min_size=1,
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(trees=TREES, data=st.data())
def test_pointer_blobs_of_any_revisions_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, trees: list[dict[str, str]], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("history")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(root)], check=True)
    subprocess.run(["git", "fast-import", "--quiet"], input=commits(trees).encode(), cwd=root, check=True)
    git = Git.find(str(root))
    assert git is not None
    chosen = data.draw(st.lists(st.sampled_from(git.revisions(all_commits=True)), unique=True))

    found = history.pointer_blobs(git.root, chosen)

    assert set(found) == expected(git, chosen)
    assert len(found) == len(set(found))


def test_a_blob_that_also_has_another_name_is_found(root: Path, git: Git) -> None:
    """`rev-list --objects` would name it once, after the first file."""
    for name in ("a.txt", "b.dvc"):
        (root / name).write_text("same\n")
    git.commit(["a.txt", "b.dvc"], "one")
    assert [blob.path for blob in history.pointer_blobs(git.root, git.revisions(rev="main"))] == ["b.dvc"]


def test_merges_and_links(root: Path, git: Git, sh: Shell) -> None:
    (root / "a.dvc").write_text("1")
    git.commit(["a.dvc"], "one")
    sh("switch", "--quiet", "--create", "topic")
    (root / "b.dvc").write_text("2")
    git.commit(["b.dvc"], "two")
    sh("switch", "--quiet", "main")
    (root / "c.dvc").write_text("3")
    (root / "link.dvc").symlink_to("c.dvc")
    git.commit(["c.dvc", "link.dvc"], "three")
    sh("merge", "--quiet", "--no-edit", "topic")
    everything = git.revisions(all_commits=True)
    assert set(history.pointer_blobs(git.root, everything)) == expected(git, everything)
    assert {path for path, _ in expected(git, everything)} == {"a.dvc", "b.dvc", "c.dvc"}


def test_thousands_of_commits_take_few_processes(
    root: Path, git: Git, sh: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"d{number % 50}/f{number}.txt": "x" for number in range(1000)}
    trees = [files | {f"d{number % 50}/data.dvc": str(number)} for number in range(10)]
    text = commits(trees[:1])
    for number in range(1, 3000):
        body = f"{number}"
        text += (
            f"commit refs/heads/main\ncommitter A <a@b> {2000 + number} +0000\ndata 1\nm\n"
            f"M 100644 inline d{number % 50}/data.dvc\ndata {len(body)}\n{body}\n"
        )
    load(sh, root, text)
    started: list[object] = []
    start = subprocess.Popen

    def counted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(arguments)
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", counted)

    blobs = history.pointer_blobs(git.root, git.revisions(all_commits=True))
    contents = git.read_many([blob.sha for blob in blobs])

    assert len(started) <= 6, started
    assert {int(content or b"-1") for content in contents} == set(range(3000))


def test_read_many(root: Path, git: Git) -> None:
    names = ["a", "two words", "new\nline", "\udcff", "x missing"]
    for name in names:
        (root / name).write_bytes(os.fsencode(name) * 3)
    (root / "empty").touch()
    (root / "zero").write_bytes(b"\0\n blob 3\n" * 1000)
    git.commit([*names, "empty", "zero"], "one")
    asked = [f"HEAD:{name}" for name in (*names, "nope", "x missing", "empty", "zero")]
    contents = [os.fsencode(name) * 3 for name in names]
    rest = [None, b"x missing" * 3, b"", b"\0\n blob 3\n" * 1000]

    assert git.read_many(asked) == contents + rest
    plain = [name for name in asked if "\n" not in name]
    assert git.read_many(plain) == [content for content in contents + rest if content != b"new\nline" * 3]
    assert git.read_many(["HEAD", "HEAD:a", "a\nb missing"]) == [None, b"aaa", None]
    assert git.read_many([]) == []


def test_files(root: Path, git: Git, place: Path) -> None:
    for name in ("a.dvc", "sub/b.dvc", "sub/c.txt", "\udcff.dvc", "run"):
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_text("x")
    (root / "run").chmod(0o755)
    (root / "link.dvc").symlink_to("a.dvc")
    first = git.commit(["a.dvc", "sub/b.dvc", "sub/c.txt", "\udcff.dvc", "run", "link.dvc"], "one")
    assert first
    assert list(git.files(first, (".dvc",))) == ["a.dvc", "sub/b.dvc", "\udcff.dvc"]
    assert set(git.files("main")) == {"a.dvc", "run", "sub/b.dvc", "sub/c.txt", "\udcff.dvc"}
    assert git.read_many(list(git.files(first, ("run",)).values())) == [b"x"]


def test_times(sh: Shell, root: Path) -> None:
    load(sh, root, commits([{"a": "1"}, {"a": "2"}, {"a": "3"}]))
    shas = history.line(str(root), [history.require(str(root), "main")], -1)
    assert [history.times(str(root), shas)[sha] for sha in shas] == [1002, 1001, 1000]
    assert history.times(str(root), shas[1:2]) == {shas[1]: 1001}
    assert history.times(str(root), []) == {}


@pytest.mark.parametrize("revision", ["HEAD~1..HEAD", "main...HEAD", "HEAD~9", "v9"])
def test_what_is_no_revision_is_told_by_its_own_name(root: Path, git: Git, sh: Shell, revision: str) -> None:
    load(sh, root, commits([{"a": "1"}, {"a": "2"}]))
    assert history.resolve(git.root, revision) is None
    with pytest.raises(GitError) as caught:
        history.require(git.root, revision)
    assert caught.value.message == f"unknown Git revision {revision!r}"
    assert ("two arguments" in str(caught.value.hint)) == (".." in revision)


def test_a_clone_that_lacks_history_says_how_to_get_it(root: Path, sh: Shell, place: Path) -> None:
    load(sh, root, commits([{"a": "1"}, {"a": "2"}]))
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{root}", "clone"], cwd=place, check=True)
    with pytest.raises(GitError) as caught:
        history.require(str(place / "clone"), "HEAD~1")
    assert "git fetch --unshallow" in str(caught.value.hint)
