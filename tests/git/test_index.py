from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data_versioning.errors import GitError
from data_versioning.git import index
from data_versioning.git.repository import Git
from tests.git.conftest import Shell

ODD = ["a b", "quote\"'", "new\nline", ":(top)x", "*", "-dash", "\udcff", "é", "d/[x]"]


def write(root: Path, name: str, text: str = "x\n") -> None:
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_text(text)


def committed(sh: Shell) -> set[str]:
    return set(sh("show", "-z", "--name-only", "--format=", "--no-renames").split("\0")) - {""}


def state(sh: Shell) -> tuple[str, str]:
    return sh("ls-files", "--stage", "-z"), sh("status", "--porcelain", "-z")


@pytest.mark.parametrize("born", [False, True], ids=["first commit", "later"])
def test_commits_these_paths_and_nothing_else(root: Path, git: Git, sh: Shell, born: bool) -> None:
    if born:
        write(root, "old")
        write(root, "staged", "before\n")
        sh("add", ".")
        sh("commit", "--quiet", "--message=old")
    write(root, "staged", "staged\n")
    write(root, "new but staged")
    sh("add", "staged", "new but staged")
    write(root, "staged", "and changed again\n")
    write(root, "untracked")
    for name in ODD:
        write(root, name)

    made = git.commit(ODD, "ours")

    assert made == sh("rev-parse", "HEAD").strip()
    assert committed(sh) == set(ODD)
    status = set(sh("status", "--porcelain", "-z").split("\0")) - {""}
    assert status == {"MM staged" if born else "AM staged", "A  new but staged", "?? untracked"}
    assert sh("show", ":staged") == "staged\n"


def test_commits_deletions_and_changes(root: Path, git: Git, sh: Shell) -> None:
    for name in ("gone", "gone and staged", "changed", "kept"):
        write(root, name)
    git.commit(["gone", "gone and staged", "changed", "kept"], "one")
    (root / "gone").unlink()
    sh("rm", "--quiet", "gone and staged")
    write(root, "changed", "y\n")
    write(root, "kept", "y\n")

    git.commit(["gone", "gone and staged", "changed", "never was"], "two")

    assert committed(sh) == {"gone", "gone and staged", "changed"}
    assert sh("status", "--porcelain") == " M kept\n"


def test_nothing_to_commit(root: Path, git: Git, sh: Shell) -> None:
    write(root, "a")
    first = git.commit(["a"], "one")
    assert git.commit(["a", "missing"], "two") is None
    assert git.commit([], "two") is None
    assert git.head() == first


def test_a_refusing_hook_leaves_everything_as_it_was(root: Path, git: Git, sh: Shell) -> None:
    write(root, "old")
    write(root, "deleted")
    git.commit(["old", "deleted"], "one")
    head = git.head()
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'the data is too big' >&2\nexit 1\n")
    hook.chmod(0o755)
    write(root, "old", "y\n")
    (root / "deleted").unlink()
    write(root, "staged")
    sh("add", "staged")
    write(root, "new.dvc")
    before = state(sh)

    with pytest.raises(GitError, match="the data is too big"):
        git.commit(["new.dvc", "old", "deleted", "staged"], "two")

    assert state(sh) == before
    assert git.head() == head


def test_hooks_see_the_commit_and_not_our_environment(
    root: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ngit diff --cached --name-only -- '*.dvc' > seen\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    write(root, "a.dvc")
    git.commit(["a.dvc"], "one")
    assert (root / "seen").read_text() == "a.dvc\n"


def test_inside_a_hook_of_another_repository(
    root: Path, git: Git, sh: Shell, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh("init", "--quiet", str(place / "other"))
    monkeypatch.setenv("GIT_DIR", str(place / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(place / "other/.git/index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(place / "other"))
    write(root, "a")
    git.commit(["a"], "one")
    assert committed(sh) == {"a"}
    assert not (place / "other/.git/index").exists()


def test_no_commit_in_the_middle_of_a_merge(root: Path, git: Git, sh: Shell) -> None:
    write(root, "a")
    git.commit(["a"], "one")
    (root / ".git/MERGE_HEAD").write_text(f"{git.head()}\n")
    write(root, "b")
    with pytest.raises(GitError, match="a merge is going on") as caught:
        git.commit(["b"], "two")
    assert "git merge --abort" in str(caught.value.hint)


def test_an_ignored_pointer_file_is_named(root: Path, git: Git, sh: Shell) -> None:
    write(root, ".gitignore", "*.dvc\n")
    write(root, "a.dvc")
    write(root, ".gitignore", "*.dvc\n/data/\n")
    write(root, "data/forced")
    sh("add", "--force", "data/forced")
    for name in ("a.dvc", "data/new"):
        write(root, name)
        with pytest.raises(GitError, match=f"Git ignores {name}"):
            git.commit([".gitignore", name], "one")
    assert sh("status", "--porcelain") == "A  data/forced\n?? .gitignore\n"
    assert git.commit([".gitignore", "data/forced"], "one")
    assert not git.is_dirty(["a.dvc"])


def test_stage(root: Path, git: Git, sh: Shell) -> None:
    write(root, "gone")
    git.commit(["gone"], "one")
    (root / "gone").unlink()
    for name in ODD:
        write(root, name)
    write(root, "other")
    git.stage([*ODD, str(root / "gone"), "never was"])
    status = set(sh("status", "--porcelain", "-z", "--no-renames").split("\0")) - {""}
    assert status == {f"A  {name}" for name in ODD} | {"D  gone", "?? other"}


def test_is_dirty(root: Path, git: Git, sh: Shell) -> None:
    write(root, "a")
    assert git.is_dirty(["a"])
    assert not git.is_dirty()  # untracked files do not count without being asked for
    git.commit(["a"], "one")
    assert not git.is_dirty(["a"])
    write(root, "a", "y\n")
    assert git.is_dirty(["a"])
    assert git.is_dirty()
    assert not git.is_dirty(["b"])


def test_tracked(root: Path, git: Git) -> None:
    for name in ODD:
        write(root, name)
    git.stage(ODD)
    assert git.tracked([*ODD, "d", "d/", "d/x", "x", "top"]) == {*ODD, "d", "d/"}
    many = [f"f{number}" for number in range(300)]
    assert git.tracked([*many, "d", "*"]) == {"d", "*"}
    assert git.tracked([]) == set()


def test_is_ignored(root: Path, git: Git, place: Path) -> None:
    write(root, ".gitignore", "*.log\n/data/\n!keep.log\n\\*\n")
    write(root, "sub/.gitignore", "x\n")
    write(root, "tracked.log")
    (root / "link").symlink_to(place)
    git.stage([".gitignore", "tracked.log"])
    asked = [
        "a.log",
        "keep.log",
        "data/",
        "data/in",
        "data",
        "sub/x",
        "sub/y",
        "tracked.log",
        "*",
        "a",
        "new\nline.log",
    ]
    ignored = {"a.log", "data/", "data/in", "sub/x", "tracked.log", "*", "new\nline.log"}
    assert git.is_ignored(asked) == ignored
    (root / "data").mkdir()
    assert git.is_ignored(["data"]) == {"data"}
    assert git.is_ignored(["a.log", "link/b.log"]) == {"a.log"}  # behind a link is no part of the repository
    assert git.is_ignored([]) == set()


def test_ignored_directories(root: Path) -> None:
    write(root, ".gitignore", "/data/\ncache\n")
    for name in ("data/a", "sub/cache/b", "sub/é/c", "cache2/d"):
        write(root, name)
    assert sorted(index.ignored_directories(str(root))) == [b"data", b"sub/cache"]
    assert index.ignored_directories(str(root / "sub")) == [b"cache"]


def test_several_at_once(root: Path, git: Git, sh: Shell) -> None:
    """Git does not wait for its own lock: without ours some would fail, or name another one's commit."""
    names = [f"f{number}" for number in range(8)]
    for name in names:
        write(root, name)
    git.commit(["f0"], "f0")

    def act(name: str) -> str | None:
        git.stage([f"staged {name}"])
        return git.commit([name], name)

    for name in names[1:]:
        write(root, f"staged {name}")
    with ThreadPoolExecutor(len(names)) as pool:
        made = list(pool.map(act, names[1:]))
    assert [sh("log", "-1", "--format=%s", str(commit)).strip() for commit in made] == names[1:]
    assert set(sh("diff", "--cached", "--name-only").splitlines()) == {f"staged {name}" for name in names[1:]}


def test_waits_for_another_git_command(root: Path, git: Git, sh: Shell) -> None:
    write(root, "a")
    lock = Path(git.git_dir) / "index.lock"
    lock.touch()
    removing = threading.Timer(0.3, lock.unlink)
    removing.start()
    assert git.commit(["a"], "one") == sh("rev-parse", "HEAD").strip()
    removing.join()


def test_a_lock_that_stays_is_reported(root: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_OTHERS", 0.1)
    write(root, "a")
    Path(git.git_dir, "index.lock").touch()
    with pytest.raises(GitError, match=r"index\.lock") as refused:
        git.commit(["a"], "one")
    assert "wait" in refused.value.hint


def test_a_hook_of_the_commit_does_not_wait_for_it(
    root: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Git starts while it commits stages without our lock, which the commit may hold."""
    write(root, "a")
    monkeypatch.setenv("GIT_INDEX_FILE", "index")
    started = time.monotonic()
    with index.changing(git.git_dir), index.changing(git.git_dir):
        git.stage(["a"])
    assert time.monotonic() - started < 30
