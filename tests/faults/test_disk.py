"""A disk that is full, read-only or forbidden: a clear refusal, nothing lost, and it works once the cause is gone."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import as_user
from tests.faults.invariants import (
    assert_cache_trustworthy,
    assert_clean_failure,
    assert_nothing_lost,
    assert_remote_sound,
    contents,
    md5,
)
from tests.oracle import Sandbox, Tool, copy_repository, make_repository


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A RAM disk of its own at `path`; needs root."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)


def fill(repo: Path, megabytes: int, folder: str = "data") -> dict[str, bytes]:
    rng = random.Random(1)
    (repo / folder).mkdir()
    for number in range(40):
        (repo / f"{folder}/f{number}").write_bytes(rng.randbytes(megabytes * 25_000))
    return contents(repo)


def cache_elsewhere(repo: Path, cache: Path, kind: str = "copy") -> None:
    (repo / ".dvc/config").write_text(f"[cache]\n    dir = {cache}\n    type = {kind}\n")


def test_add_to_a_full_cache(repository: Path, dv: Tool, place: Path) -> None:
    before = fill(repository, 8)
    with small_disk(place / "cache", "4m") as cache:
        cache_elsewhere(repository, cache)
        result = dv(repository, "add", "data")
        assert_clean_failure(result.code, result.err)
        assert "space" in result.err.lower()
        assert not (repository / "data.dvc").exists()
        assert_nothing_lost(before, repository)
        assert_cache_trustworthy(cache)
        remount(cache, "size=64m")
        dv(repository, "add", "data").ok()
        assert_cache_trustworthy(cache)
        assert dv(repository, "status", "--json").json == {}


def test_add_of_one_large_file_to_a_full_cache(repository: Path, dv: Tool, place: Path) -> None:
    (repository / "large").write_bytes(random.Random(2).randbytes(80_000_000))
    before = contents(repository)
    with small_disk(place / "cache", "50m") as cache:
        cache_elsewhere(repository, cache)
        result = dv(repository, "add", "large")
        assert_clean_failure(result.code, result.err)
        assert_nothing_lost(before, repository)
        assert_cache_trustworthy(cache)
        remount(cache, "size=200m")
        dv(repository, "add", "large").ok()
        assert_cache_trustworthy(cache)


def test_checkout_and_pull_to_a_full_workspace(template: Path, dv: Tool, place: Path) -> None:
    with small_disk(place / "disk", "24m") as disk:
        repo = copy_repository(template, disk / "repo")
        before = fill(repo, 8)
        cache_elsewhere(repo, place / "cache")
        with (repo / ".dvc/config").open("a") as config:
            config.write(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {place / 'store'}\n")
        dv(repo, "add", "data").ok()
        dv(repo, "push").ok()
        shutil.rmtree(repo / "data")
        (repo / "ballast").write_bytes(bytes(18_000_000))
        for command in (("checkout",), ("pull",)):
            result = dv(repo, *command)
            assert_clean_failure(result.code, result.err)
            present = contents(repo)
            assert all(
                before[name] == present[name] for name in before.keys() & present.keys() if name != "data.dvc"
            )
        (repo / "ballast").unlink()
        dv(repo, "checkout").ok()
        assert_nothing_lost(before, repo)


def test_push_to_a_full_remote(repository: Path, dv: Tool, place: Path) -> None:
    fill(repository, 8)
    dv(repository, "add", "data").ok()
    with small_disk(place / "store", "4m") as store:
        dv(repository, "remote", "add", "-d", "store", str(store)).ok()
        result = dv(repository, "push")
        assert_clean_failure(result.code, result.err)
        assert_remote_sound(store)
        remount(store, "size=64m")
        dv(repository, "push").ok()
        assert_remote_sound(store)
        assert dv(repository, "status", "-c", "--json").json == {}


def test_full_workspace_disk_cannot_hold_the_pointer(template: Path, dv: Tool, place: Path) -> None:
    with small_disk(place / "disk", "4m") as disk:
        repo = copy_repository(template, disk / "repo")
        cache_elsewhere(repo, place / "cache")
        (repo / "file").write_text("content")
        before = contents(repo)
        with contextlib.suppress(OSError), (repo / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(4096)):
                pass
        result = dv(repo, "add", "file")
        assert_clean_failure(result.code, result.err)
        assert_nothing_lost(before, repo)
        assert not (repo / "file.dvc").exists() or (repo / "file.dvc").read_text().endswith("path: file\n")
        (repo / "ballast").unlink()
        dv(repo, "add", "file").ok()
        assert dv(repo, "status", "--json").json == {}


def test_read_only_cache(repository: Path, dv: Tool, place: Path) -> None:
    before = fill(repository, 1)
    with small_disk(place / "cache", "64m") as cache:
        cache_elsewhere(repository, cache)
        dv(repository, "add", "data").ok()
        remount(cache, "ro")
        assert dv(repository, "status", "--json").json == {}
        dv(repository, "add", "data").ok()
        shutil.rmtree(repository / "data")
        dv(repository, "checkout").ok()
        assert_nothing_lost(
            {name: text for name, text in before.items() if name.startswith("data/")}, repository
        )
        (repository / "new").write_text("new")
        result = dv(repository, "add", "new")
        assert_clean_failure(result.code, result.err)
        assert "read-only" in result.err.lower()
        assert not (repository / "new.dvc").exists()
        remount(cache, "rw")
        dv(repository, "add", "new").ok()


@pytest.mark.parametrize("which", ["repository", "cache"])
def test_damage_on_a_disk_that_is_only_read_is_told(
    template: Path, dv: Tool, place: Path, which: str
) -> None:
    with small_disk(place / "disk", "64m") as disk:
        repo = copy_repository(template, (disk if which == "repository" else place) / "repo")
        cache = disk / "cache"
        cache_elsewhere(repo, cache)
        (repo / "file").write_text("content")
        (repo / "other").write_text("something")
        dv(repo, "add", "file", "other").ok()
        for path in cache.rglob("0364b9e99bb480dd25e1f0284c8555"):
            path.chmod(0o644)
            path.write_text("CONTENT")
            path.chmod(0o444)
        remount(disk, "ro")
        for flags in ((), ("--repair",)):
            result = dv(repo, "fsck", *flags)
            assert result.code == 1, result
            assert "used by file\n" in result.out and "1 sound object (9 B), 1 damaged." in result.out
            assert "Damaged objects stay where they are: cannot " in result.out
        assert "Read-only file system" in dv(repo, "fsck", "--json").out
        remount(disk, "rw")
        assert "1 repaired" in dv(repo, "fsck", "--repair").ok().out


@pytest.fixture
def user(place: Path, dvc: Tool, dv: Tool) -> tuple[Tool, Path]:
    """A tool with a home of `nobody`, and a repository that belongs to `nobody`."""
    sandbox = Sandbox.make(place / "nobody")
    repo = make_repository(sandbox, dvc, sandbox.base / "repo")
    as_user.give(sandbox.base)
    return Tool(dv.name, sandbox), repo


def test_ordinary_user_without_trouble(user: tuple[Tool, Path], dvc: Tool) -> None:
    """The user's runs work at all: everything below is about permissions, not about the way of testing."""
    tool, repo = user
    (repo / "file").write_text("content")
    as_user.give(repo)
    as_user.run(tool, repo, "add", "file").ok()
    assert (repo / "file.dvc").stat().st_uid == as_user.NOBODY
    assert dvc(repo, "status", "--json").json == {}


@pytest.mark.parametrize("closed", ["data/inner", "data/f3", ".dvc/cache", "."])
def test_permission_denied(user: tuple[Tool, Path], closed: str) -> None:
    """An unreadable directory or file, an unwritable cache or workspace: named in the refusal, nothing recorded."""
    tool, repo = user
    before = fill(repo, 1)
    (repo / "data/inner").mkdir()
    (repo / "data/inner/x").write_text("x")
    (repo / ".dvc/cache").mkdir(exist_ok=True)
    as_user.give(repo)
    readable = closed in (".", ".dvc/cache")
    (repo / closed).chmod(0o555 if readable else 0)
    result = as_user.run(tool, repo, "add", "data")
    assert_clean_failure(result.code, result.err)
    assert "permission" in result.err.lower()
    assert Path(closed).name in result.err or closed == "."
    (repo / closed).chmod(0o755 if (repo / closed).is_dir() else 0o644)
    assert not (repo / "data.dvc").exists()
    assert_nothing_lost(before, repo)
    assert_cache_trustworthy(repo / ".dvc/cache")
    as_user.run(tool, repo, "add", "data").ok()


def test_cache_shared_by_a_group(place: Path, dvc: Tool, dv: Tool, template: Path) -> None:
    """Two users of one group fill one cache; either can use what the other put there."""
    group, cache = 4_242, place / "shared"
    cache.mkdir()
    os.chown(cache, 0, group)
    cache.chmod(0o2775)
    tools = []
    for uid in (4_001, 4_002):
        sandbox = Sandbox.make(place / f"user{uid}")
        repo = copy_repository(template, sandbox.base / "repo")
        (repo / ".dvc/config").write_text(
            f"[cache]\n    dir = {cache}\n    shared = group\n    type = copy\n"
        )
        for name in ("same", f"own{uid}"):
            (repo / name).write_text(name * 100)
        as_user.give(sandbox.base, uid, group)
        tools.append((uid, Tool(dv.name, sandbox), repo))
    for uid, tool, repo in tools:
        as_user.run(tool, repo, "add", "same", f"own{uid}", uid=uid, gid=group).ok()
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {path.stat().st_mode & 0o7777 for path in files} == {0o444}
    folders = [path for path in cache.rglob("*") if path.is_dir()]
    assert {(path.stat().st_mode & 0o7777, path.stat().st_gid) for path in folders} == {(0o2775, group)}
    assert_cache_trustworthy(cache)
    for uid, tool, repo in tools:
        (repo / "same").unlink()
        as_user.run(tool, repo, "checkout", uid=uid, gid=group).ok()
        assert (repo / "same").read_text() == "same" * 100


def test_fsck_of_what_may_only_be_read(user: tuple[Tool, Path]) -> None:
    """Who may only read a cache can check it; what is damaged is told, and stays where it is."""
    tool, repo = user
    for name in ("sound", "damaged"):
        (repo / name).write_text(name)
    as_user.give(repo)
    as_user.run(tool, repo, "add", "sound", "damaged").ok()
    (repo / "damaged").unlink()
    value = md5(repo / "sound")
    for path in (repo / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and path.parent.name + path.name != value:
            path.chmod(0o644)
            path.write_text("changed")
    for path in (repo, *repo.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    found = json.loads(as_user.run(tool, repo, "fsck", "--dry-run", "--json").out)
    assert found["sound"] == 1
    assert len(found["damaged"]) == 1
