"""Stopping to track: the data stays, as files of the user's own, unless it is to go."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml

from data_versioning.errors import DataVersioningError, DiskError, NotTracked, UsageError
from data_versioning.operations import remove
from data_versioning.operations.remove import RemoveResult
from tests.operations.work import Work, digest
from tests.oracle import Sandbox, Tool, copy_repository, difference, snapshot
from tests.tracking import records

KINDS = ("copy", "hardlink", "symlink")


def run(work: Work, *names: str, outs: bool = False) -> RemoveResult:
    return remove.remove(work.repo(), names, outs=outs)


@pytest.fixture
def data(work: Work) -> Work:
    for name in ("a", "in/b"):
        work.write(f"sub/data/{name}", name)
    work.write("lone", "lone")
    work.add("sub/data", "lone")
    return work


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_stays(data: Work, kind: str) -> None:
    data.configure(type=kind)
    data.checkout(relink=True)
    result = run(data, "sub/data.dvc", "lone.dvc")
    assert result.removed == ("sub/data.dvc", "lone.dvc")
    assert set(result.edited) == {"sub/data.dvc", "sub/.gitignore", "lone.dvc", ".gitignore"}
    assert not any((data.root / name).exists() for name in result.edited)
    assert (data.files("sub/data"), data.read("lone")) == ({"a": b"a", "in/b": b"in/b"}, b"lone")
    for name in ("sub/data/a", "sub/data/in/b", "lone"):
        assert not (data.root / name).is_symlink()
        assert stat.S_IMODE((data.root / name).stat().st_mode) == 0o644
        assert (data.root / name).stat().st_nlink == 1
    assert len(data.objects()) == 4
    data.checkout()
    assert (data.root / "lone").exists()


def test_the_data_goes(data: Work) -> None:
    outside = data.root.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    (data.root / "sub/data/link").symlink_to(outside)
    (data.root / "sub/data/hollow").mkdir()
    run(data, "sub/data.dvc", outs=True)
    assert not (data.root / "sub/data").exists()
    assert (outside / "file").exists()
    assert data.read("lone") == b"lone"
    assert digest("a") in data.objects()


def test_other_ignore_rules_stay(data: Work) -> None:
    data.write(".gitignore", "*.log\n/lone\n# ours\n")
    run(data, "lone.dvc")
    assert data.read(".gitignore") == b"*.log\n# ours\n"


def test_from_a_directory(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.root / "sub")
    assert run(data, "data.dvc", "../lone.dvc").removed == ("data.dvc", "../lone.dvc")


@pytest.mark.parametrize("name", ["nothing.dvc", "nothing", "lone", "sub/data", "sub/data/a", "model"])
def test_what_cannot_be_removed(data: Work, name: str) -> None:
    data.write("dvc.yaml", "stages:\n  s:\n    cmd: make\n    outs: [model]\n")
    before = data.everything()
    with pytest.raises(NotTracked) as refused:
        run(data, "sub/data.dvc", name)
    assert refused.value.hint
    assert data.everything() == before
    assert records(data.root)[-1]["outcome"] == "failed"


def test_changes_stay(data: Work) -> None:
    data.write("sub/data/a", "mine")
    data.write("sub/data/new", "mine")
    data.delete("lone")
    run(data, "sub/data.dvc", "lone.dvc")
    assert data.files("sub/data") == {"a": b"mine", "in/b": b"in/b", "new": b"mine"}


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_links_whose_object_is_gone(data: Work, kind: str) -> None:
    data.configure(type=kind)
    data.checkout(relink=True)
    data.object("a").unlink()
    data.object("lone").unlink()
    run(data, "sub/data.dvc", "lone.dvc")
    assert not (data.root / "lone.dvc").exists()
    assert os.path.lexists(data.root / "lone")
    if kind == "hardlink":
        assert data.read("lone") == b"lone"


def test_data_of_dvc_2(work: Work) -> None:
    value = work.put_legacy(b"one\r\n")
    work.write("old.dvc", f"outs:\n- md5: {value}\n  path: old\n")
    work.configure(type="symlink")
    work.checkout()
    assert (work.root / "old").is_symlink()
    run(work, "old.dvc")
    assert not (work.root / "old").is_symlink()
    assert work.read("old") == b"one\r\n"


def test_what_the_system_refuses(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracking has ended then: a pointer never outlives its data."""
    refused = data.root / "lone"
    unlink = os.unlink

    def refuse(path: str) -> None:
        if path == str(refused):
            raise PermissionError(13, "Permission denied", path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(DiskError, match=r"'lone' is no longer tracked, but .* Permission denied") as error:
        run(data, "lone.dvc", "sub/data.dvc", outs=True)
    assert error.value.hint == "rm -r lone sub/data"
    assert data.read("lone") == b"lone"
    assert not (data.root / "lone.dvc").exists()
    assert {change[0] for change in records(data.root)[-1]["pointers"]} >= {"lone.dvc", "sub/data.dvc"}


def test_pointers_go_before_data(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the first deletion: nothing says that data is tracked which may be gone."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "walk", killed)
        run(data, "sub/data.dvc", outs=True)
    assert not (data.root / "sub/data.dvc").exists()
    assert data.files("sub/data") == {"a": b"a", "in/b": b"in/b"}


def test_repositories_inside_are_kept(data: Work) -> None:
    """Their history is in no cache. Tracked files beside `.git` go, another DVC repository is nobody's data."""
    for name in ("in/.git/HEAD", "hg/.hg/dirstate", "module/.git", "other/.dvc/config", "other/file"):
        data.write(f"sub/data/{name}", "history")
    data.write("sub/data/hg/tracked", "x")
    data.add("sub/data")
    result = run(data, "sub/data.dvc", outs=True)
    assert result.kept == tuple(f"sub/data/{name}" for name in ("hg/.hg", "in/.git", "module/.git", "other"))
    left = {"in/.git/HEAD", "hg/.hg/dirstate", "module/.git", "other/.dvc/config", "other/file"}
    assert data.files("sub/data").keys() == left


def test_kept_repositories_are_told(data: Work, dv: Tool) -> None:
    data.write("sub/data/in/.git/HEAD", "history")
    done = dv(data.root / "sub", "remove", "--outs", "data.dvc").ok()
    assert "kept: data/in/.git" in done.out
    assert "kept" not in dv(data.root, "remove", "--outs", "lone.dvc").ok().out


@pytest.mark.parametrize("kind", KINDS)
def test_modes_stay(work: Work, kind: str) -> None:
    work.configure(type=kind)
    work.write("data/plain", "1")
    work.write("data/tool", "2")
    work.write("script", "3", mode=0o755)
    work.add("data", "script")
    work.write("data/tool", "new", mode=0o755)
    work.write("data/sealed", "new", mode=0o555)
    work.write("data/secret", "new", mode=0o600)
    run(work, "data.dvc", "script.dvc")
    modes = {
        name: stat.S_IMODE((work.root / name).lstat().st_mode)
        for name in ("script", *map("data/{}".format, os.listdir("data")))
    }
    assert modes == {
        "script": 0o744,
        "data/plain": 0o644,
        "data/tool": 0o755,
        "data/sealed": 0o755,
        "data/secret": 0o600,
    }


STAGES = """\
# a pipeline
stages:
  first:
    cmd: cp in mid
    deps: [in]
    outs:
    - mid   # cached
  second:
    cmd: cp mid out && printf 1 > m.json
    deps: [mid]
    outs: [out]
    metrics:
    - m.json:
        cache: false
  each:
    foreach: [a, b]
    do:
      cmd: printf ${item} > ${item}.txt
      outs: ['${item}.txt']
metrics: [m.json]
"""


@pytest.fixture
def twins(work: Work, dvc: Tool) -> tuple[Work, Path]:
    """A pipeline that ran, and a copy of it for DVC."""
    work.write("in", "1")
    work.write("dvc.yaml", STAGES)
    dvc(work.root, "repro", "-q").ok()
    work.save()
    return work, copy_repository(work.root, work.root.parent / "theirs")


@pytest.mark.parametrize("options", [(), ("--outs",)])
@pytest.mark.parametrize("names", [["first"], ["second"], ["first", "second"]])
def test_stages(
    twins: tuple[Work, Path],
    sandbox: Sandbox,
    dvc: Tool,
    dv: Tool,
    names: list[str],
    options: tuple[str, ...],
) -> None:
    """As the real DVC removes them."""
    work, theirs = twins
    results = [tool(root, "remove", *options, *names) for tool, root in ((dvc, theirs), (dv, work.root))]
    assert results[1].code == results[0].code, results
    ours = snapshot(work.root, private=(".git", ".dvc/tmp", ".dvc/cache"))
    assert difference(snapshot(theirs, private=(".git", ".dvc/tmp", ".dvc/cache")), ours) == {}
    assert sandbox.git(work.root, "status", "--porcelain") == sandbox.git(theirs, "status", "--porcelain")


def test_a_group_of_stages(twins: tuple[Work, Path], dvc: Tool) -> None:
    """DVC cannot remove stages that a template makes; we remove all of a template's, or none."""
    work, _ = twins
    before = work.everything()
    with pytest.raises(UsageError) as refused:
        run(work, "each@a")
    assert "dv remove each " in (refused.value.hint or "")
    assert work.everything() == before
    assert run(work, "each").removed == ("each@a", "each@b")
    assert set(yaml.safe_load(work.read("dvc.yaml"))["stages"]) == {"first", "second"}
    assert set(yaml.safe_load(work.read("dvc.lock"))["stages"]) == {"first", "second"}
    assert work.read("a.txt") == b"a"
    assert b".txt" not in work.read(".gitignore")
    assert dvc(work.root, "status", "--json").json == {} == work.status()


def test_the_last_stage(work: Work) -> None:
    work.write("dvc.yaml", "stages:\n  s:\n    cmd: make\n")
    assert run(work, "s").edited == ("dvc.yaml",)
    assert not (work.root / "dvc.yaml").exists()
    work.write("sub/dvc.yaml", "stages:\n  s:\n    cmd: make\nmetrics: [m.json]\n")
    run(work, "sub/dvc.yaml:s")
    assert work.read("sub/dvc.yaml") == b"metrics: [m.json]\n"


def test_without_git(work: Work) -> None:
    work.delete(".git")
    work.write("lone", "lone")
    work.add("lone")
    assert run(work, "lone.dvc").edited == ("lone.dvc",)


def test_again(data: Work) -> None:
    run(data, "lone.dvc")
    with pytest.raises(DataVersioningError):
        run(data, "lone.dvc")
    data.add("lone")
    assert data.status() == {}


def test_nothing_behind_a_link_is_deleted(work: Work, tmp_path: Path) -> None:
    outside = tmp_path / "outside/sub"
    outside.mkdir(parents=True)
    (outside / "mine").write_text("precious")
    os.symlink(outside.parent, work.root / "link")
    work.write("y.dvc", f"outs:\n- md5: {digest('x')}\n  hash: md5\n  path: link/sub\n")
    with pytest.raises(DataVersioningError, match="symbolic link"):
        run(work, "y.dvc", outs=True)
    assert (outside / "mine").read_text() == "precious"
    assert (work.root / "y.dvc").exists()
