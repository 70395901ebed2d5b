"""The repository goes, the data stays: as with the real DVC, but no link is left that leads to nothing."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from data_versioning.errors import DataVersioningError, LockTimeout
from data_versioning.operations import destroy
from data_versioning.operations.destroy import DestroyResult
from tests.operations.work import Work
from tests.oracle import Sandbox, Tool, copy_repository, difference, snapshot
from tests.tracking import records

KINDS = ("copy", "hardlink", "symlink")


def run(work: Work) -> DestroyResult:
    return destroy.destroy(work.repo())


@pytest.fixture
def data(work: Work, dvc: Tool) -> Work:
    for name in ("a", "in/b"):
        work.write(f"sub/data/{name}", name)
    work.write("lone", "lone")
    work.write("sub/.dvcignore", "*.tmp\n")
    work.add("sub/data", "lone")
    work.write("dvc.yaml", "stages:\n  s:\n    cmd: cp lone made\n    deps: [lone]\n    outs: [made]\n")
    work.write("sub/dvc.yaml", "metrics: [m.json]\n")
    dvc(work.root, "repro", "-q").ok()
    work.save()
    return work


@pytest.mark.parametrize("kind", KINDS)
def test_as_dvc(data: Work, sandbox: Sandbox, dvc: Tool, dv: Tool, kind: str) -> None:
    data.configure(type=kind)
    theirs = copy_repository(data.root, data.root.parent / "theirs")
    for tool, root in ((dvc, theirs), (dv, data.root)):
        dv(root, "checkout", "-q", "--relink").ok()  # a copied tree has no links any more
        (root / "sub/data/new").write_text("mine")
        tool(root, "destroy", "-f").ok()
    # A dvc.yaml without stages stays with DVC, and would make any directory above a repository again.
    (theirs / "sub/dvc.yaml").unlink(missing_ok=True)
    left, right = (snapshot(root, private=(".git",)) for root in (theirs, data.root))
    assert difference(left, right) == {}
    assert data.read("made") == data.read("lone") == b"lone"
    assert data.read("sub/data/new") == b"mine"


@pytest.mark.parametrize("kind", KINDS)
def test_what_stays(data: Work, kind: str) -> None:
    data.configure(type=kind)
    data.checkout(relink=True)
    result = run(data)
    assert not (data.root / ".dvc").exists()
    assert data.files("sub/data") == {"a": b"a", "in/b": b"in/b"}
    assert not any(path.is_symlink() for path in data.root.rglob("*"))
    assert result.copied == (0 if kind == "copy" else 4)
    assert set(result.removed) == {
        ".dvcignore", "dvc.lock", "dvc.yaml", "lone.dvc", "sub/data.dvc", "sub/dvc.yaml",
    }  # fmt: skip
    last = records(data.root)[-1]
    assert (last["verb"], last["outcome"]) == ("destroy", "ok")
    assert {"lone.dvc", ".dvc/config"} <= {path for path, _, after in last["pointers"] if after is None}
    assert result.history == str(data.root / ".git/dv")


def test_a_cache_elsewhere_stays(data: Work) -> None:
    shutil.move(data.root / ".dvc/cache", data.root.parent / "cache")
    data.configure(type="symlink", dir=str(data.root.parent / "cache"))
    data.checkout(relink=True)
    assert run(data).cache == str(data.root.parent / "cache")
    assert (data.root.parent / "cache/files").is_dir()
    assert data.read("lone") == b"lone"
    assert not (data.root / "lone").is_symlink()


def test_a_link_that_lost_its_object(data: Work) -> None:
    data.configure(type="symlink")
    data.checkout(relink=True)
    data.object("a").unlink()
    with pytest.raises(DataVersioningError, match="nothing was removed") as refused:
        run(data)
    assert "dv pull" in (refused.value.hint or "")
    assert (data.root / "lone.dvc").exists()
    assert data.object("lone").exists()


def test_nobody_else_loses_the_cache(data: Work) -> None:
    data.git("worktree", "add", "-q", "../linked")
    os.chdir(data.root.parent / "linked")
    other = Work(data.root.parent / "linked", data.sandbox)
    other.checkout()
    os.chdir(data.root)
    with pytest.raises(DataVersioningError, match="uses the cache") as refused:
        run(data)
    assert "git worktree remove" in (refused.value.hint or "")
    os.chdir(other.root)
    run(other)
    assert data.objects()
    assert other.read("lone") == b"lone"


def test_not_while_others_work(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DV_LOCK_TIMEOUT", "0")
    with data.repo().transaction("other"), pytest.raises(LockTimeout):
        run(data)
    data.write(
        ".dvc/tmp/rwlock",
        f'{{"write": {{"{data.root}/made": {{"pid": {os.getppid()}, "cmd": "dvc repro"}}}}}}',
    )
    with pytest.raises(LockTimeout, match="dvc repro"):
        run(data)
    assert (data.root / "dvc.yaml").exists()


def test_without_git(work: Work, dv: Tool) -> None:
    work.delete(".git")
    work.write(".dvc/config", "[core]\n    no_scm = True\n")
    work.write("lone", "lone")
    work.add("lone")
    result = run(work)
    assert [path.name for path in (work.root / ".dvc").iterdir()] == ["dv"]
    assert result.history == str(work.root / ".dvc/dv")
    assert len(dv(work.root, "log", "--json").json) >= 2
    dv(work.root, "init", "--no-scm").ok()
    assert len(dv(work.root, "log", "--json").json) >= 3
    dv(work.root, "destroy", "-f", "--purge-history").ok()
    assert not (work.root / ".dvc").exists()


def test_killed_and_run_again(data: Work) -> None:
    """Whatever change of a name is the last, the data is there, and another run finishes."""
    data.configure(type="symlink")
    data.checkout(relink=True)
    frozen = copy_repository(data.root, data.root.parent / "frozen")
    for number in range(0, 60, 3):
        shutil.rmtree(data.root)
        copy_repository(frozen, data.root)
        os.chdir(data.root)
        killed = _killed(data, number)
        assert data.read("lone") == b"lone"
        assert data.files("sub/data") == {"a": b"a", "in/b": b"in/b"}
        if not killed:
            break
        if (data.root / ".dvc").exists():
            run(data)
        assert not (data.root / ".dvc").exists()
        assert not any(path.is_symlink() for path in data.root.rglob("*"))
    assert number > 6


def _killed(work: Work, number: int) -> bool:
    child = os.fork()
    if not child:
        left = number
        real = os.unlink

        def dying(path: str, **options: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            real(path, **options)

        os.unlink = dying  # type: ignore[assignment]
        try:
            run(work)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_the_command(data: Work, dvc: Tool, dv: Tool) -> None:
    before = data.everything()
    codes = [tool.real(data.root, "destroy").code for tool in (dvc, dv)]
    assert codes == [1, 1]
    assert data.everything() == before
    done = dv(data.root, "destroy", "-f").ok()
    assert "its data stays" in done.out
    assert f"Kept the operation log in {data.root}/.git/dv" in done.out
    assert dv(data.root, "status").code == 253
    dv(data.root, "init", "-q").ok()
    assert dv(data.root, "destroy", "-f", "--purge-history", "--json").json["history"] is None
    assert not Path(data.root, ".git/dv").exists()
