"""Garbage collection in real repositories, beside the real DVC."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import threading
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning import repo as repos
from data_versioning.errors import GitError, LockTimeout, MissingObject, UsageError
from data_versioning.localfs import locks, walk
from data_versioning.operations import gc
from data_versioning.operations.gc import Scope
from data_versioning.operations.reachable import Selection
from tests.oracle import Sandbox, Tool, copy_repository, make_repository

WORKSPACE = Scope(workspace=True)


def objects(repository: Path) -> set[str]:
    """The cache of a repository without its run cache."""
    try:
        return set(walk.walk(str(repository / ".dvc/cache"), prune_nested=False).paths())
    except FileNotFoundError:
        return set()


def place(content: bytes) -> str:
    digest = md5(content).hexdigest()
    return f"files/md5/{digest[:2]}/{digest[2:]}"


def listing(repository: Path, pointer: str = "data.dvc") -> str:
    """The object of the directory that a pointer file names."""
    digest = repository.joinpath(pointer).read_text().partition("md5: ")[2].split()[0]
    return f"files/md5/{digest[:2]}/{digest[2:]}"


@pytest.fixture(scope="module")
def past(sandbox: Sandbox, dvc: Tool, template: Path) -> Path:
    """Three commits of a directory and a file, the second with a tag; the workspace holds a fourth."""
    path = copy_repository(template, sandbox.base / "gc-past")
    for number in range(4):
        (path / "data").mkdir(exist_ok=True)
        (path / "data/common").write_text("common")
        (path / "data/own").write_text(f"own {number}")
        (path / "file").write_text(f"file {number}")
        dvc(path, "add", "-q", "data", "file").ok()
        if number < 3:
            sandbox.git(path, "add", ".")
            day = f"202{number}-01-02T12:00:00"
            sandbox.git(
                path, "-c", "user.useConfigOnly=true", "commit", "-qm", f"version {number}", f"--date={day}"
            )
        if number == 1:
            sandbox.git(path, "tag", "v1", "-m", "annotated")
            sandbox.git(path, "branch", "side")
    return path


@pytest.fixture
def repository(past: Path, place: Path) -> Path:
    return copy_repository(past, place / "repo")


def collect(repository: Path, scope: Scope = WORKSPACE, *, dry: bool = False) -> gc.GcResult:
    return gc.gc(repos.open(str(repository)), scope, dry=dry)


@pytest.mark.parametrize(
    "scope",
    [
        "-w",
        "-a",
        "-T",
        "-A",
        "-a -T",
        "--rev v1",
        "--rev HEAD -n 2",
        "-a -n 2",
        "--date 2001-01-01",
        "--date 2999-01-01",
    ],
)
def test_removes_what_dvc_removes(past: Path, place: Path, dvc: Tool, dv: Tool, scope: str) -> None:
    theirs, ours = (copy_repository(past, place / name) for name in ("theirs", "ours"))
    dvc(theirs, "gc", *scope.split(), "-f").ok()
    dv(ours, "gc", *scope.split(), "-f").ok()
    assert objects(ours) == objects(theirs)
    assert objects(ours) <= objects(past)
    dvc(ours, "checkout").ok()


def test_experiments_are_kept_when_asked_for(repository: Path, dvc: Tool, sandbox: Sandbox) -> None:
    sandbox.git(repository, "add", ".")
    sandbox.git(repository, "commit", "-qm", "version 3")
    (repository / "file").write_text("experiment")
    dvc(repository, "commit", "-q", "-f", "file").ok()
    dvc(repository, "exp", "save", "-q", "-n", "tried").ok()
    sandbox.git(repository, "checkout", "-q", "file.dvc")
    kept = collect(repository, Scope(selection=Selection(all_experiments=True)), dry=True)
    assert md5(b"experiment").hexdigest() not in kept.cache[0].objects()
    assert md5(b"experiment").hexdigest() in collect(repository).cache[0].objects()


def test_dry_run_tells_and_touches_nothing(repository: Path) -> None:
    before = objects(repository)
    result = collect(repository, dry=True)
    assert result.dry
    assert result.count == 9
    assert result.size == sum(
        (repository / ".dvc/cache" / name).stat().st_size for name in before - kept(repository)
    )
    assert objects(repository) == before


def kept(repository: Path) -> set[str]:
    return {place(b"common"), place(b"own 3"), place(b"file 3"), listing(repository)}


def test_second_run_finds_nothing(repository: Path) -> None:
    assert collect(repository).count == 9
    assert objects(repository) == kept(repository)
    assert collect(repository).count == 0


def test_a_lost_listing_stops_everything(repository: Path) -> None:
    (repository / ".dvc/cache" / listing(repository)).unlink()
    before = objects(repository)
    with pytest.raises(MissingObject, match=r"'data' in .*nothing was removed"):
        collect(repository)
    assert objects(repository) == before
    result = collect(repository, Scope(workspace=True, skip_failed=True))
    assert result.lost == (listing(repository).removeprefix("files/md5/").replace("/", ""),)
    assert objects(repository) == {place(b"file 3")}


def test_force_alone_does_not_lose_files_of_a_lost_listing(repository: Path, dv: Tool) -> None:
    (repository / ".dvc/cache" / listing(repository)).unlink()
    before = objects(repository)
    found = dv(repository, "gc", "-w", "-f")
    assert found.code == 255
    assert "dv fetch" in found.err
    assert objects(repository) == before


def test_a_damaged_listing_counts_as_lost(repository: Path) -> None:
    path = repository / ".dvc/cache" / listing(repository)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-60] + b"]")
    with pytest.raises(MissingObject):
        collect(repository)


def test_a_listing_lost_in_history_is_told_with_its_commit(repository: Path, sandbox: Sandbox) -> None:
    pointer = sandbox.git(repository, "show", "v1:data.dvc")
    oid = pointer.partition("md5: ")[2].split()[0]
    (repository / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}").unlink()
    commit = sandbox.git(repository, "rev-parse", "--short=7", "v1^{commit}").strip()
    with pytest.raises(MissingObject, match=f"'data' at {commit}"):
        collect(repository, Scope(selection=Selection(all_tags=True)))
    assert collect(repository).count == 8


def test_a_lost_listing_is_read_from_the_remote(repository: Path, dvc: Tool) -> None:
    dvc(repository, "remote", "add", "-q", "-d", "store", str(repository.parent / "store")).ok()
    dvc(repository, "push", "-q").ok()
    (repository / ".dvc/cache" / listing(repository)).unlink()
    collect(repository)
    assert objects(repository) == kept(repository) - {listing(repository)}


def test_listings_that_never_were_in_the_cache_are_not_missed(
    repository: Path, dvc: Tool, sandbox: Sandbox
) -> None:
    (repository / "source").mkdir()
    (repository / "source/code").write_text("1")
    pipeline = (
        "stages:\n  s:\n    cmd: mkdir m && cp source/code m/x\n    deps: [source]\n"
        "    plots: [{m: {cache: false}}]\n"
    )
    (repository / "dvc.yaml").write_text(pipeline)
    dvc(repository, "repro", "-q").ok()
    sandbox.git(repository, "add", ".")
    sandbox.git(repository, "commit", "-qm", "pipeline")
    collect(repository, Scope(selection=Selection(all_commits=True)))
    assert place(b"own 0") in objects(repository)


def test_an_import_without_its_objects_does_not_stop_gc(repository: Path, past: Path, dvc: Tool) -> None:
    dvc(repository, "import", "-q", str(past), "data", "-o", "imported", "--rev", "v1").ok()
    shutil.rmtree(repository / ".dvc/cache/files/md5")
    dvc(repository, "commit", "-q", "-f", "data.dvc", "file.dvc").ok()
    assert collect(repository).count == 0


def test_legacy_objects_are_collected_and_kept(repository: Path) -> None:
    used, unused = (md5(text).hexdigest() for text in (b"used\n", b"unused\n"))
    for digest, text in ((used, b"used\n"), (unused, b"unused\n")):
        path = repository / f".dvc/cache/{digest[:2]}/{digest[2:]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    (repository / "old.dvc").write_text(f"outs:\n- md5: {used}\n  size: 5\n  path: old\n")
    (repository / ".dvc/cache/runs/ab").mkdir(parents=True)
    (repository / ".dvc/cache/runs/ab/entry").write_text("kept")
    collect(repository)
    extra = {f"{used[:2]}/{used[2:]}", "runs/ab/entry"}
    assert objects(repository) == kept(repository) | extra


def test_what_the_remote_has_goes_with_not_in_remote(past: Path, place: Path, dvc: Tool) -> None:
    ours = copy_repository(past, place / "ours")
    dvc(ours, "remote", "add", "-q", "-d", "store", str(place / "store")).ok()
    dvc(ours, "push", "-q", "data.dvc").ok()
    theirs = copy_repository(ours, place / "theirs")
    dvc(theirs, "gc", "-w", "--not-in-remote", "-f").ok()
    collect(ours, Scope(workspace=True, not_in_remote=True))
    assert objects(ours) == objects(theirs) == {globals()["place"](b"file 3")}


def test_the_remote_is_cleaned_too(past: Path, place: Path, dvc: Tool) -> None:
    ours = copy_repository(past, place / "ours")
    dvc(ours, "remote", "add", "-q", "-d", "store", str(place / "store")).ok()
    shutil.copytree(ours / ".dvc/cache", place / "store")
    young = collect(ours, Scope(workspace=True, cloud=True), dry=True)
    assert [(sweep.count, sweep.young) for sweep in young.remote] == [(0, 9)]
    assert (young.cache[0].count, young.count) == (9, 9)
    collect(ours, Scope(workspace=True, cloud=True, grace=0.0))
    assert set(walk.walk(str(place / "store")).paths()) == kept(ours)


def test_projects_with_the_same_cache_are_kept(past: Path, place: Path, dvc: Tool) -> None:
    one, two = (copy_repository(past, place / name) for name in ("one", "two"))
    (two / "file").write_text("of two")
    for repository in (one, two):
        dvc(repository, "cache", "dir", "-q", "--local", str(place / "cache")).ok()
        dvc(repository, "commit", "-q", "-f").ok()
    (one / "gone").write_text("gone")
    dvc(one, "add", "-q", "gone").ok()
    (one / "gone.dvc").unlink()
    named = collect(one, Scope(workspace=True, projects=(str(two),), grace=0.0), dry=True)
    assert named.cache[0].objects() == [md5(b"gone").hexdigest()]
    assert not named.is_foreign
    alone = collect(one, Scope(workspace=True, grace=0.0), dry=True)
    assert md5(b"of two").hexdigest() in alone.cache[0].objects()
    assert alone.is_foreign
    cautious = collect(one)
    assert (cautious.count, cautious.cache[0].young) == (0, 2)


def test_linked_worktrees_are_kept_and_no_strangers(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    linked = repository.parent / "linked"
    sandbox.git(repository, "worktree", "add", "-q", "--detach", str(linked))
    dvc(linked, "cache", "dir", "-q", "--local", str(repository / ".dvc/cache")).ok()
    (linked / "file").write_text("of the worktree")
    dvc(linked, "add", "-q", "file").ok()
    result = collect(repository)
    assert not result.is_foreign
    assert place(b"of the worktree") in objects(repository)
    other = collect(linked)
    assert not other.is_foreign
    assert place(b"own 3") in objects(repository)


def test_without_git_the_workspace_is_all_there_is(place: Path, dvc: Tool, sandbox: Sandbox) -> None:
    path = make_repository(sandbox, dvc, place / "plain", git=False)
    for text in ("old", "new"):
        (path / "file").write_text(text)
        dvc(path, "add", "-q", "file").ok()
    with pytest.raises(GitError):
        collect(path, Scope(selection=Selection(all_branches=True)))
    assert collect(path).cache[0].objects() == [md5(b"old").hexdigest()]


def test_other_projects_of_the_same_git_repository_are_not_missed(
    place: Path, dvc: Tool, sandbox: Sandbox
) -> None:
    top = place / "top"
    top.mkdir()
    sandbox.git(top, "init", "-q")
    for name in ("one", "two", "one/nested"):
        (top / name / "data").mkdir(parents=True)
        dvc(top / name, "init", "-q", "--subdir").ok()
        (top / name / "data/file").write_text(f"first of {name}")
        dvc(top / name, "add", "-q", "data").ok()
    sandbox.git(top, "add", ".")
    sandbox.git(top, "commit", "-qm", "first")
    (top / "one/data/file").write_text("second of one")
    dvc(top / "one", "add", "-q", "data").ok()
    everything = Scope(selection=Selection(all_commits=True))
    assert collect(top / "one", everything).count == 0
    assert collect(top / "one").count == 2
    with pytest.raises(MissingObject):
        collect(top / "one", everything)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_the_terminal_is_asked(repository: Path, dv: Tool, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode() or b"\x04")
    environment = dv.sandbox.environment() | {"TERM": "dumb"}
    done = subprocess.run(
        dv.argv("gc", "-w"),
        check=False,
        cwd=repository,
        env=environment,
        stdin=theirs,
        capture_output=True,
        text=True,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "9 objects" in done.stderr
    assert (objects(repository) == kept(repository)) == (code == 0)


def test_gc_waits_for_those_who_add(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = str(repository / ".dvc/tmp/lock")
    (repository / ".dvc/tmp").mkdir(exist_ok=True)
    monkeypatch.setenv("DV_LOCK_TIMEOUT", "0.2")
    with locks.shared(lock, timeout=0), pytest.raises(LockTimeout):
        collect(repository)
    monkeypatch.setenv("DV_LOCK_TIMEOUT", "20")
    with locks.shared(lock, timeout=0):
        worker = threading.Thread(target=collect, args=(repository,))
        worker.start()
        worker.join(0.3)
        assert worker.is_alive()
        assert place(b"own 0") in objects(repository)
    worker.join(20)
    assert place(b"own 0") not in objects(repository)


def test_a_record_is_left_in_the_operation_log(repository: Path, dv: Tool) -> None:
    dv(repository, "gc", "-w", "-f").ok()
    logs = list((repository / ".git/dv/log").rglob("*"))
    assert any("gc" in path.read_text() for path in logs if path.is_file())


@pytest.mark.parametrize(
    "arguments",
    ["", "-c --not-in-remote -w", "-w -n 3", "-n 3", "-w -r store", "-f", "--dry"],
)
def test_wrong_arguments_are_refused_as_dvc_does(
    repository: Path, dvc: Tool, dv: Tool, arguments: str
) -> None:
    before = objects(repository)
    ours = dv(repository, "gc", *arguments.split())
    if arguments != "-w -r store":  # DVC ignores a remote without use
        theirs = dvc(repository, "gc", *arguments.split())
        assert ours.code == theirs.code
    assert ours.code == 255
    assert objects(repository) == before


def test_nobody_confirms_without_a_terminal(repository: Path, dvc: Tool, dv: Tool) -> None:
    before = objects(repository)
    assert dv.real(repository, "gc", "-w").code == dvc.real(repository, "gc", "-w").code == 1
    assert objects(repository) == before


def test_json_names_every_object(repository: Path, dv: Tool) -> None:
    found = json.loads(dv(repository, "gc", "-w", "--dry", "--json").ok().out)
    (cache,) = found["cache"]
    assert cache["root"] == os.path.realpath(repository / ".dvc/cache/files/md5")
    assert cache["removed"][md5(b"own 0").hexdigest()] == 5
    assert (found["count"], cache["kept"], found["dry"]) == (9, 4, True)


def test_scope_without_anything_to_keep_is_an_error() -> None:
    with pytest.raises(UsageError):
        Scope().check()
    Scope(selection=Selection(all_tags=True)).check()


def test_nothing_to_remove_needs_no_answer(repository: Path, dv: Tool) -> None:
    dv(repository, "gc", "-w", "-f").ok()
    result = dv(repository, "gc", "-w").ok()
    assert (result.out, result.err) == ("No unused objects in the cache.\n", "")
    found = json.loads(dv(repository, "gc", "-w", "--json").ok().out)
    assert (found["count"], found["dry"]) == (0, False)


def test_a_dry_run_does_not_warn(repository: Path, dv: Tool) -> None:
    result = dv(repository, "gc", "-w", "--dry").ok()
    assert result.err == "Would be removed from the cache: all objects but those used in the workspace\n"
    assert "\nWould remove 9 objects (" in result.out
    assert "WARNING: this will remove" in dv(repository, "gc", "-w", "-f").ok().err
