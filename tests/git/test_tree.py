"""All files of a commit, whatever names a stranger put into it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from data_versioning.errors import GitError
from data_versioning.git.repository import Git
from data_versioning.git.tree import CommitTree
from data_versioning.paths import RepoPath
from data_versioning.source import Item, Tree
from tests.git.conftest import Shell


def commit(root: Path, git: Git) -> str:
    (root / "p/deep").mkdir(parents=True)
    (root / "p/run").write_text("run!")
    (root / "p/run").chmod(0o755)
    (root / "p/deep/file").write_text("file")
    (root / "top").write_text("top")
    (root / "p/link").symlink_to("deep/file")
    sha = git.commit(["p/run", "p/deep/file", "top", "p/link"], "one")
    assert sha
    return sha


def test_what_is_there(root: Path, git: Git) -> None:
    sha = commit(root, git)
    tree: Tree = CommitTree(git, sha)
    assert set(tree.items("")) == {"p", "top"}
    assert tree.items("p")["run"] == Item(is_dir=False, size=4, is_executable=True)
    assert tree.items("p")["link"] == Item(is_dir=False, size=9)
    deep = tree.item("p/deep")
    assert deep is not None
    assert deep.is_dir
    assert (tree.item("p/nothing"), tree.items("nothing"), tree.items("top")) == (None, {}, {})
    assert list(tree.walk()) == ["p/deep/file", "p/run", "top"]
    assert tree.read(RepoPath("p/run")) == b"run!"
    for path in ("p", "p/link", "nothing"):
        with pytest.raises(FileNotFoundError):
            tree.read(RepoPath(path))
    assert (tree.exists(RepoPath("p/deep")), tree.exists(RepoPath("x"))) == (True, False)


def test_below_a_prefix(root: Path, git: Git) -> None:
    tree = CommitTree(git, commit(root, git), "p")
    assert set(tree.items("")) == {"run", "deep", "link"}
    top = tree.item("")
    assert top is not None
    assert top.is_dir
    assert tree.read_many(["run", "link"]) == [b"run!", b"deep/file"]
    assert list(tree.walk()) == ["deep/file", "run"]


def hostile(root: Path, sh: Shell, name: str, *, mode: str = "100644") -> str:
    """A commit whose tree holds a file of any name."""
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=root, input=b"evil", capture_output=True, check=True
    ).stdout.decode().strip()  # fmt: skip
    raw = f"{mode} {name}".encode() + b"\0" + bytes.fromhex(blob)
    tree = subprocess.run(
        ["git", "hash-object", "-t", "tree", "--literally", "-w", "--stdin"],
        cwd=root, input=raw, capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    return sh("commit-tree", "-m", "evil", tree).strip()


@pytest.mark.parametrize("name", ["..", ".", "../evil", "/etc/evil", "a//b", "a/../../b"])
def test_names_that_lead_out(root: Path, git: Git, sh: Shell, name: str) -> None:
    tree = CommitTree(git, hostile(root, sh, name))
    with pytest.raises(GitError, match="leads out"):
        tree.items("")


@pytest.mark.parametrize("name", [".git", ".GIT", ".git/hooks/post-checkout", "a/.Git/config"])
def test_names_of_a_repositorys_own(root: Path, git: Git, sh: Shell, name: str) -> None:
    assert list(CommitTree(git, hostile(root, sh, name)).walk()) == []


def test_content_that_is_gone(root: Path, git: Git) -> None:
    sha = commit(root, git)
    blob = git.files(sha)["top"]
    (Path(git.common_dir) / "objects" / blob[:2] / blob[2:]).unlink()
    tree = CommitTree(git, sha)
    with pytest.raises(GitError, match="top"):
        tree.read_many(["p/run", "top"])
