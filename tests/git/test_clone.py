"""Private copies of other repositories: up to date, and nothing in them is ever run."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data_versioning.errors import DiskError, GitError, UsageError
from data_versioning.git import clone, process
from data_versioning.git.repository import Git
from tests.git.conftest import Shell


@pytest.fixture(autouse=True)
def copies(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the copies lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    return place / "cache/data-versioning/clones"


@pytest.fixture
def two(root: Path, git: Git) -> tuple[str, str]:
    """Two commits; the first one is tagged."""
    made = []
    for text in ("one", "two"):
        (root / "file").write_text(text)
        sha = git.commit(["file"], text)
        assert sha
        made.append(sha)
    git.tag("v1", "first", revision=made[0])
    return made[0], made[1]


def refresh(root: Path, rev: str | None = None) -> str:
    return clone.refresh(f"file://{root}", rev, timeout=5)[1]


def test_revisions(root: Path, two: tuple[str, str], sh: Shell) -> None:
    sh("branch", "side", "v1")
    first, second = two
    for rev, sha in (
        (None, second), ("HEAD", second), ("HEAD~1", first), ("@^", first), ("main", second), ("main~1", first),
        ("side", first), ("v1", first), (first, first), (first[:8], first),
    ):  # fmt: skip
        assert refresh(root, rev) == sha, rev
    git, _ = clone.refresh(f"file://{root}", timeout=5)
    assert git.read_many([f"{first}:file"]) == [b"one"]


def test_it_follows_the_other_side(root: Path, git: Git, two: tuple[str, str], sh: Shell) -> None:
    assert refresh(root) == two[1]
    (root / "file").write_text("three")
    third = git.commit(["file"], "three")
    assert refresh(root) == third
    sh("tag", "-f", "v1", "HEAD")
    sh("reset", "-q", "--hard", "HEAD~2")
    assert (refresh(root), refresh(root, "v1")) == (two[0], third)
    sh("branch", "-m", "main", "trunk")
    assert refresh(root, "trunk") == two[0]
    with pytest.raises(GitError, match="main"):
        refresh(root, "main")


def test_a_known_commit_asks_nobody(root: Path, two: tuple[str, str]) -> None:
    refresh(root)
    root.rename(root.with_name("gone"))
    assert refresh(root, two[0]) == two[0]
    with pytest.raises(GitError):
        refresh(root, "v1")


def test_a_commit_that_no_branch_leads_to(root: Path, git: Git, two: tuple[str, str], sh: Shell) -> None:
    sh("reset", "-q", "--hard", "HEAD~1")
    sh("config", "uploadpack.allowAnySHA1InWant", "true")
    assert refresh(root, two[1]) == two[1]


def test_what_is_not_there(root: Path, two: tuple[str, str], place: Path) -> None:
    for rev in ("nothing", "a" * 40):
        with pytest.raises(GitError) as refused:
            refresh(root, rev)
        assert refused.value.hint
    with pytest.raises(GitError, match="cannot read"):
        refresh(place / "nothing")
    with pytest.raises(GitError):
        refresh(place)


def test_nothing_is_left_of_what_was_never_there(place: Path, copies: Path) -> None:
    with pytest.raises(GitError):
        refresh(place / "nothing")
    assert not [path for path in copies.iterdir() if path.is_dir()]


def test_an_empty_repository(root: Path) -> None:
    with pytest.raises(GitError):
        refresh(root)


@pytest.mark.parametrize("url", ["", "-x", "--upload-pack=touch pwned", "a\0b", "a\nb"])
def test_urls_that_are_no_places(url: str, copies: Path) -> None:
    with pytest.raises(UsageError):
        clone.refresh(url, timeout=5)
    assert not copies.exists()


@pytest.mark.parametrize("rev", ["-x", "--output=pwned"])
def test_revisions_that_are_options(root: Path, two: tuple[str, str], rev: str) -> None:
    with pytest.raises(UsageError):
        refresh(root, rev)


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'touch PLACE/pwned'", "fd::0", "foo::x", "ssh://-oProxyCommand=touch%20PLACE/pwned/x"]
)
def test_addresses_that_start_a_program(place: Path, sh: Shell, url: str) -> None:
    sh("config", "--global", "protocol.allow", "always")
    try:
        with pytest.raises(GitError):
            clone.refresh(url.replace("PLACE", str(place)), timeout=5)
    finally:
        sh("config", "--global", "--unset", "protocol.allow")
    assert not (place / "pwned").exists()


def test_hooks_do_not_run(
    root: Path, two: tuple[str, str], place: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of a template nor those of the user."""
    hooks = place / "template/hooks"
    hooks.mkdir(parents=True)
    for name in ("reference-transaction", "post-checkout", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {place}/pwned\n")
        (hooks / name).chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(place / "template"))
    sh("config", "--global", "core.hooksPath", str(hooks))
    try:
        assert refresh(root) == two[1]
    finally:
        sh("config", "--global", "--unset", "core.hooksPath")
    assert not (place / "pwned").exists()


def test_submodules_are_not_fetched(root: Path, git: Git, place: Path, sh: Shell, copies: Path) -> None:
    (root / "file").write_text("x")
    sha = git.commit(["file"], "one")
    (root / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = s\n\turl = {place}/nowhere\n')
    sh("update-index", "--add", "--cacheinfo", f"160000,{sha},s")
    sh("add", ".gitmodules")
    sh("commit", "-qm", "module")
    sh("config", "--global", "fetch.recurseSubmodules", "true")
    try:
        refresh(root)
    finally:
        sh("config", "--global", "--unset", "fetch.recurseSubmodules")
    assert not list(copies.glob("*/.git/modules"))


def test_others_cannot_look_into_it(root: Path, two: tuple[str, str], copies: Path) -> None:
    refresh(root)
    assert stat.S_IMODE(copies.stat().st_mode) == 0o700
    assert not [path for path in copies.rglob("*") if path.name == "file"]  # no work tree


def test_what_a_crash_left_is_made_anew(root: Path, two: tuple[str, str], copies: Path) -> None:
    refresh(root)
    (copy,) = (path for path in copies.iterdir() if path.is_dir())
    copy.rename(f"{copy}.new")
    (Path(f"{copy}.new") / ".git/HEAD").unlink()
    assert refresh(root) == two[1]
    assert not Path(f"{copy}.new").exists()


def test_several_at_once(root: Path, two: tuple[str, str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: refresh(root), range(4))) == {two[1]}


def test_nowhere_to_keep_it(
    root: Path, two: tuple[str, str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "file"))
    with pytest.raises(DiskError) as refused:
        refresh(root)
    assert "XDG_CACHE_HOME" in (refused.value.hint or "")


def test_the_home_is_the_default(root: Path, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    refresh(root)
    assert os.path.isdir(os.path.expanduser("~/.cache/data-versioning/clones"))


def test_a_bad_configuration_is_told_by_git(root: Path, two: tuple[str, str], copies: Path) -> None:
    refresh(root)
    (copy,) = (path for path in copies.iterdir() if path.is_dir())
    (copy / ".git/config").write_text("[")
    with pytest.raises(GitError):
        process.run(str(copy), "status")
