"""Links into the cache become the user's own files; the cache never changes."""

from __future__ import annotations

import stat

import pytest

from data_versioning.errors import DataVersioningError, DiskError
from data_versioning.operations import unprotect
from data_versioning.operations.unprotect import UnprotectResult
from tests.operations.work import Work
from tests.oracle import Tool, copy_repository, difference, snapshot
from tests.tracking import records

KINDS = ("copy", "hardlink", "symlink", "reflink,copy")


def run(work: Work, *names: str) -> UnprotectResult:
    return unprotect.unprotect(work.repo(), names)


@pytest.fixture
def data(work: Work) -> Work:
    for name in ("a", "in/b", "in/same"):
        work.write(f"data/{name}", name.replace("same", "b"))
    work.write("lone", "lone")
    work.write("tool", "#!/bin/sh\n", mode=0o755)
    work.add("data", "lone", "tool")
    return work


@pytest.mark.parametrize("kind", KINDS)
def test_files_may_be_edited(data: Work, kind: str) -> None:
    data.configure(type=kind)
    data.checkout(relink=True)
    objects = data.objects()
    result = run(data, "data", "lone.dvc", "tool")
    assert result.paths == ("data", "lone", "tool")
    assert result.copied == (4 if kind in {"hardlink", "symlink"} else 0)
    for path in (data.root / "data/a", data.root / "data/in/b", data.root / "lone", data.root / "tool"):
        assert not path.is_symlink()
        assert path.stat().st_nlink == 1
        assert stat.S_IMODE(path.stat().st_mode) & ~0o111 == 0o644
        with path.open("a") as file:
            file.write("mine")
    assert data.objects() == objects
    assert (data.root / "tool").stat().st_mode & 0o100
    assert set(data.data_status().uncommitted.modified) == {"data/", "lone", "tool"}
    assert records(data.root)[-1]["verb"] == "unprotect"


def test_the_whole_repository(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    data.configure(type="symlink")
    data.checkout(relink=True)
    data.delete("lone")
    objects = data.objects()
    monkeypatch.chdir(data.root / "data")
    assert run(data, "..") == UnprotectResult(paths=("data", "tool"), copied=3)
    assert data.objects() == objects


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_as_dvc(data: Work, dvc: Tool, dv: Tool, kind: str) -> None:
    data.delete("tool")  # of which DVC drops the mode
    data.configure(type=kind)
    data.checkout(relink=True, allow_missing=True)
    data.write("plain", "x", mode=0o400)
    (data.root / "data/link").symlink_to("a")
    theirs = copy_repository(data.root, data.root.parent / "theirs")
    dvc(
        theirs, "checkout", "--relink", "data.dvc", "lone.dvc"
    ).ok()  # a copied tree has no hard links any more
    (theirs / "data/link").unlink(missing_ok=True)
    (theirs / "data/link").symlink_to("a")
    targets = ("data", "lone", "plain", ".gitignore")
    for tool, root in ((dvc, theirs), (dv, data.root)):
        tool(root, "unprotect", *targets).ok()
    ours, other = (snapshot(root, private=(".git", ".dvc", "tool")) for root in (data.root, theirs))
    assert difference(ours, other) == {}


def test_what_is_refused(data: Work, dvc: Tool, dv: Tool) -> None:
    data.configure(type="hardlink")
    data.checkout(relink=True)
    (data.root / "dangling").symlink_to("gone")
    before = data.everything()
    for names in (["lone", "nothing"], ["dangling"], [".dvc/cache"], ["../x"]):
        with pytest.raises(DataVersioningError) as refused:
            run(data, *names)
        assert refused.value.hint
        assert data.everything() == before
    codes = [tool(data.root, "unprotect", "nothing").code for tool in (dvc, dv)]
    assert codes == [255, 255]


def test_a_link_that_lost_its_object(data: Work) -> None:
    data.configure(type="symlink")
    data.checkout(relink=True)
    data.object("a").unlink()
    with pytest.raises(DiskError, match=r"data/a.*the other files are done") as refused:
        run(data, "data")
    assert "dv fetch" in (refused.value.hint or "")
    assert (data.root / "data/a").is_symlink()
    assert not (data.root / "data/in/b").is_symlink()


def test_directories_behind_links_are_left_alone(data: Work) -> None:
    outside = data.root.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    (outside / "file").chmod(0o400)
    (data.root / "data/link").symlink_to(outside)
    run(data, "data")
    assert (data.root / "data/link").is_symlink()
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o400
    with pytest.raises(DataVersioningError, match="symbolic link"):
        run(data, "data/link/file")


def test_the_command(data: Work, dv: Tool) -> None:
    data.configure(type="hardlink")
    data.checkout(relink=True)
    assert dv(data.root, "unprotect", "data").ok().out == "3 files copied out of the cache\n"
    assert "Nothing is linked" in dv(data.root, "unprotect", "data").ok().out
    assert dv(data.root, "unprotect", "--json", "data").json == {"paths": ["data"], "copied": 0}
