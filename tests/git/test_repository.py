from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.scm import iter_revs
from scmrepo.git import Git as TheirGit

from data_versioning.errors import GitError, PathError, UsageError
from data_versioning.git.repository import Git, main_worktree, worktrees
from tests.git.conftest import Shell


def made(root: Path, *names: str) -> list[str]:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n", errors="surrogateescape")
    return list(names)


def test_is_found_from_below_and_through_links(root: Path, git: Git, place: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    (place / "link").symlink_to(root / "a")
    assert Git.find(str(root / "a/b")) == git
    assert Git.find(str(place / "link/b")) == git
    assert git.root == os.path.realpath(root)


def test_no_repository(place: Path) -> None:
    (place / "plain/.git").mkdir(parents=True)  # empty: not a Git directory
    assert Git.find(str(place / "plain")) is None


def test_finding_and_head_start_no_process_and_load_no_subprocess(root: Path, git: Git, sh: Shell) -> None:
    git.commit(made(root, "a"), "one")
    code = (
        "import sys; from data_versioning.git.repository import Git; git = Git.find('.');"
        "print(git.head(), git.current_branch(), 'subprocess' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert said.stdout.split() == [sh("rev-parse", "HEAD").strip(), "main", "False"]


def test_unborn_then_born_then_packed_then_detached(root: Path, git: Git, sh: Shell) -> None:
    assert (git.head(), git.current_branch()) == (None, "main")
    first = git.commit(made(root, "a"), "one")
    assert first == git.head() == sh("rev-parse", "HEAD").strip()
    sh("pack-refs", "--all")
    assert git.head() == first
    sh("checkout", "--quiet", "--detach")
    assert (git.head(), git.current_branch()) == (first, None)


def test_bare_repository_has_no_work_tree(place: Path, sh: Shell, root: Path) -> None:
    sh("init", "--quiet", "--bare", str(place / "bare.git"))
    assert Git.find(str(place / "bare.git")) is None


def test_linked_worktree(place: Path, root: Path, git: Git, sh: Shell) -> None:
    git.commit(made(root, "a"), "one")
    sh("worktree", "add", "--quiet", str(place / "second"))
    linked = Git.find(str(place / "second"))
    assert linked is not None
    assert linked.common_dir == git.common_dir == git.git_dir
    assert linked.git_dir != git.git_dir
    assert (linked.current_branch(), linked.head()) == ("second", git.head())
    assert main_worktree(linked) == main_worktree(git) == git.root
    assert worktrees(linked) == [git.root, linked.root]

    (place / "second/new").touch()
    assert linked.commit(["new"], "there") == linked.head() != git.head()

    sh("clone", "--quiet", "--bare", str(root), str(place / "bare.git"))
    sh("worktree", "add", "--quiet", str(place / "third"), "main", cwd=place / "bare.git")
    beside_bare = Git.find(str(place / "third"))
    assert beside_bare is not None
    assert main_worktree(beside_bare) is None


def test_paths_may_be_absolute_and_come_back_as_given(root: Path, git: Git, place: Path) -> None:
    git.commit(made(root, "d/a"), "one")
    (place / "link").symlink_to(root)
    through_link = str(place / "link/d/a")
    assert git.tracked(["d", str(root / "d/a"), through_link, "x"]) == {"d", str(root / "d/a"), through_link}
    (root / ".gitignore").write_text("hidden/\n")
    assert git.is_ignored([str(place / "link/hidden/"), f"{place}/link/hidden/"]) == {f"{place}/link/hidden/"}
    assert git.tracked([str(root), f"{place}/link"]) == {str(root), f"{place}/link"}
    with pytest.raises(PathError, match="outside"):
        git.tracked([str(place / "elsewhere")])


def test_tag_and_tags(root: Path, git: Git, sh: Shell) -> None:
    first = git.commit(made(root, "a"), "one")
    git.tag("model@v1.0.0", "the first")
    git.tag("light", "", annotated=False)
    assert git.tags() == {"light": first, "model@v1.0.0": first}
    assert sh("cat-file", "-t", "model@v1.0.0").strip() == "tag"
    assert sh("cat-file", "-t", "light").strip() == "commit"
    with pytest.raises(GitError, match="already exists"):
        git.tag("light", "again")


def test_identity(git: Git, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    assert git.identity() == "Ada <ada@example.org>"
    (place / "config").write_text("[user]\n\tuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / "config"))
    with pytest.raises(GitError) as caught:
        git.identity()
    assert "git config --global user.name" in str(caught.value.hint)


def test_revisions_as_dvc_selects_them(root: Path, git: Git, sh: Shell) -> None:
    main = [git.commit(made(root, name), name) for name in ("one", "two", "three")]
    git.tag("v2", "second", revision=str(main[1]))
    sh("switch", "--quiet", "--create", "topic", str(main[0]))
    side = git.commit(made(root, "side"), "side")
    sh("checkout", "--quiet", "--detach", str(main[1]))
    loose = git.commit(made(root, "loose"), "loose")  # only HEAD leads to it

    assert git.revisions(all_branches=True) == [main[2], side]
    assert git.revisions(all_branches=True, num=-1) == [main[2], main[1], main[0], side]
    assert git.revisions(all_tags=True) == [main[1]]
    assert set(git.revisions(all_commits=True)) == {*main, side, loose}
    assert git.revisions(rev="main") == [main[2]]
    assert git.revisions(rev="main", num=2) == [main[2], main[1]]
    assert git.revisions(rev="v2", num=9) == [main[1], main[0]]
    assert git.revisions(rev="v2", num=0) == []
    assert git.revisions() == []

    with contextlib.closing(TheirGit(str(root))) as theirs:
        for chosen in (
            {"all_branches": True},
            {"all_tags": True},
            {"all_commits": True},
            {"all_branches": True, "num": 2},
        ):
            assert set(git.revisions(**chosen)) == set(iter_revs(theirs, **chosen)), chosen
        for rev, num in (("main", 1), ("v2", 2), ("topic", -1), ("HEAD", 0), (str(loose)[:8], 3)):
            assert git.revisions(rev=rev, num=num) == list(iter_revs(theirs, [rev], num=num)), (rev, num)


def test_revisions_by_date(root: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = {}
    for day in ("2020-01-01", "2020-06-01", "2021-01-01"):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{day}T12:00:00")
        commits[day] = git.commit(made(root, day), day)
    assert set(git.revisions(date="2020-06-01")) == {commits["2020-06-01"], commits["2021-01-01"]}
    assert git.revisions(date="2021-01-02") == []
    with pytest.raises(UsageError, match="not a date"):
        git.revisions(date="yesterday")


def test_unknown_and_dangerous_revisions(root: Path, git: Git) -> None:
    git.commit(made(root, "a"), "one")
    with pytest.raises(GitError, match="unknown Git revision 'nope'"):
        git.revisions(rev="nope")
    with pytest.raises(UsageError):
        git.revisions(rev="--output=stolen")
    with pytest.raises(UsageError):
        git.switch("--force")
    assert not (root / "stolen").exists()


def test_a_branch_that_one_remote_has(root: Path, git: Git, place: Path, sh: Shell) -> None:
    sha = git.commit(made(root, "a"), "one")
    sh("branch", "shared")
    sh("clone", "--quiet", str(root), str(place / "clone"))
    clone = Git.find(str(place / "clone"))
    assert clone is not None
    assert clone.revisions(rev="shared") == [sha]


def test_switch_keeps_changes_or_refuses(root: Path, git: Git) -> None:
    git.commit(made(root, "a"), "one")
    git.tag("v1", "one")
    (root / "a").write_text("two\n")
    git.commit(["a"], "two")
    (root / "a").write_text("mine\n")
    with pytest.raises(GitError, match="would be overwritten"):
        git.switch("v1")
    assert (root / "a").read_text() == "mine\n"
    (root / "a").write_text("two\n")
    git.switch("v1")
    assert (git.current_branch(), (root / "a").read_text()) == (None, "a\n")
    git.switch("main")
    assert git.current_branch() == "main"


def test_reftable_falls_back_to_git(place: Path, sh: Shell, root: Path) -> None:
    """The layout of reference tables: HEAD is a placeholder, so what Git says counts."""
    version = [int(part) for part in sh("version").split()[2].split(".")[:2]]
    if version < [2, 45]:
        (root / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
        git = Git.find(str(root))
        assert git is not None
        assert git.head() is None
        return
    sh("init", "--quiet", "--ref-format=reftable", str(place / "tables"))
    git = Git.find(str(place / "tables"))
    assert git is not None
    (place / "tables/a").touch()
    assert git.commit(["a"], "one") == git.head()
    assert git.current_branch() == "main"
