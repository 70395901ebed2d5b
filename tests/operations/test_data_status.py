"""What changed between the last commit, the pointer files and the workspace; compared with the real DVC."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from data_versioning.errors import PathError
from data_versioning.formats import dirfile
from data_versioning.operations.data_status import Changes, DataStatus
from tests.compat.twins import ordered
from tests.operations.work import Work, digest
from tests.oracle import Tool

COMMAND = ("data", "status", "--json", "--granular", "--unchanged")


@pytest.fixture
def data(work: Work) -> Work:
    """`data` and `lone`, tracked and committed."""
    for name in ("a", "in/b", "in/deep/c"):
        work.write(f"data/{name}", name)
    work.write("lone", "lone")
    work.add("data", "lone")
    work.save()
    return work


def same_as_dvc(work: Work, dvc: Tool, dv: Tool) -> Any:
    """Both say the same, file by file and as a whole."""
    answers = []
    for command in (COMMAND, ("data", "status", "--json")):
        theirs, ours = (ordered(tool(work.root, *command).json) for tool in (dvc, dv))
        assert ours == theirs, command
        answers.append(ours)
    return answers[0]


def test_nothing_changed(data: Work) -> None:
    same = Changes(unchanged=("data/", "lone"))
    assert data.data_status() == DataStatus(
        committed=same, uncommitted=same, unchanged=("data/", "lone"), in_git=True, has_commits=True
    )
    files = ("data/", "data/a", "data/in/b", "data/in/deep/c", "lone")
    assert data.data_status(granular=True).unchanged == files


def test_uncommitted(data: Work, dvc: Tool, dv: Tool) -> None:
    data.write("data/a", "changed")
    data.write("data/new", "new")
    data.delete("data/in/deep")
    data.delete("lone")
    found = data.data_status(granular=True)
    assert found.uncommitted.modified == ("data/", "data/a")
    assert found.uncommitted.added == ("data/new",)
    assert found.uncommitted.deleted == ("data/in/deep/c", "lone")
    assert found.uncommitted.unchanged == found.unchanged == ("data/in/b",)
    assert data.data_status().uncommitted == Changes(modified=("data/",), deleted=("lone",))
    same_as_dvc(data, dvc, dv)


def test_committed(data: Work, dvc: Tool, dv: Tool) -> None:
    data.write("data/a", "changed")
    data.write("more", "more")
    data.delete("data/in")
    data.add("data", "more")
    data.delete("lone.dvc")
    found = data.data_status(granular=True)
    assert found.committed.modified == ("data/", "data/a")
    assert found.committed.added == ("more",)
    assert found.committed.deleted == ("data/in/b", "data/in/deep/c", "lone")
    assert found.uncommitted == Changes(unchanged=("data/", "data/a", "more"))
    same_as_dvc(data, dvc, dv)
    data.save()
    assert data.data_status().committed == Changes(unchanged=("data/", "more"))


def test_renamed(data: Work, dvc: Tool, dv: Tool) -> None:
    (data.root / "data/a").rename(data.root / "data/z")
    data.write("data/copy", "in/b")
    (data.root / "data/in/deep/c").rename(data.root / "data/c")
    found = data.data_status(granular=True)
    assert found.uncommitted.renamed == (("data/in/deep/c", "data/c"), ("data/a", "data/z"))
    assert (found.uncommitted.added, found.uncommitted.deleted) == (("data/copy",), ())
    same_as_dvc(data, dvc, dv)
    data.add("data")
    assert data.data_status(granular=True).committed.renamed == found.uncommitted.renamed
    same_as_dvc(data, dvc, dv)


def test_kinds_that_change(data: Work, dvc: Tool, dv: Tool) -> None:
    data.delete("data")
    data.write("data", "a file")
    data.delete("lone")
    data.write("lone/x", "x")
    same_as_dvc(data, dvc, dv)
    data.add("data", "lone")
    same_as_dvc(data, dvc, dv)


def test_lost_objects(data: Work, dvc: Tool, dv: Tool) -> None:
    data.object("a").unlink()
    data.object("lone").unlink()
    found = data.data_status(granular=True)
    assert found.not_in_cache == ("data/a", "lone")
    assert data.data_status().not_in_cache == ("lone",)
    same_as_dvc(data, dvc, dv)


def test_links_to_lost_objects(data: Work, dvc: Tool, dv: Tool) -> None:
    """Links into the cache after their objects went, and any other link to nothing: what is not there."""
    data.configure(type="symlink")
    data.checkout(relink=True)
    for name in ("data/a", "lone"):
        (data.root / name).resolve().unlink()
    (data.root / "data/new").symlink_to("nowhere")
    found = same_as_dvc(data, dvc, dv)
    assert found["uncommitted"]["deleted"] == ["data/a", "lone"]
    # DVC's `diff` calls them modified.
    assert dv(data.root, "diff", "--json").json["deleted"] == [{"path": "data/a"}, {"path": "lone"}]


def test_a_lost_listing_that_we_remember(data: Work) -> None:
    data.named(data.pointer("data.dvc")["md5"]).unlink()
    found = data.data_status(granular=True)
    assert found.not_in_cache == ("data/",)
    assert found.uncommitted.unknown == ()


def test_a_lost_listing(data: Work) -> None:
    data.named(data.pointer("data.dvc")["md5"]).unlink()
    shutil.rmtree(data.root / ".dvc/tmp")
    data.write("data/new", "new")
    found = data.data_status(granular=True)
    assert found.not_in_cache == ("data/",)
    assert found.uncommitted.modified == ("data/",)
    assert {name for name in found.uncommitted.unknown if not name.endswith("/")} == {
        "data/a",
        "data/in/b",
        "data/in/deep/c",
        "data/new",
    }


def test_limited_to_paths(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    data.write("data/a", "changed")
    data.write("data/in/b", "changed")
    data.write("lone", "changed")
    assert data.data_status("data/in", granular=True).uncommitted.modified == ("data/in/b",)
    assert data.data_status("lone", granular=True).uncommitted.modified == ("lone",)
    assert data.data_status("data", "lone").uncommitted.modified == ("data/", "lone")
    assert data.data_status("data-other").uncommitted == Changes()
    monkeypatch.chdir(data.root / "data")
    assert data.data_status("in", granular=True).uncommitted.modified == ("data/in/b",)
    with pytest.raises(PathError):
        data.data_status("../../outside")


def test_untracked_files(data: Work, dvc: Tool, dv: Tool) -> None:
    data.write("notes/a.txt", "x")
    data.write("b c.txt", "x")
    assert data.data_status().untracked == ()
    assert data.data_status(untracked=True).untracked == ("b c.txt", "notes/a.txt")
    theirs, ours = (
        tool(data.root, "data", "status", "--json", "--untracked-files").json["untracked"]
        for tool in (dvc, dv)
    )
    assert sorted(theirs) == ours


def test_before_the_first_commit(work: Work) -> None:
    work.delete(".git")
    work.git("init", "-q")
    work.write("lone", "lone")
    work.add("lone")
    found = work.data_status()
    assert (found.in_git, found.has_commits) == (True, False)
    assert found.committed == Changes(added=("lone",))


def test_without_git(work: Work) -> None:
    work.delete(".git")
    work.write("lone", "lone")
    work.add("lone")
    found = work.data_status(untracked=True)
    assert (found.in_git, found.has_commits, found.committed, found.untracked) == (
        False,
        False,
        Changes(),
        (),
    )
    assert found.unchanged == ("lone",)


def test_outputs_of_stages(work: Work, dvc: Tool, dv: Tool) -> None:
    work.write("in", "1")
    work.write(
        "dvc.yaml",
        "stages:\n  s:\n    cmd: cp in out && cp in metrics.json\n    deps: [in]\n    outs: [out]\n"
        "    metrics:\n    - metrics.json:\n        cache: false\n",
    )
    dvc(work.root, "repro", "-q").ok()
    assert work.data_status().committed.added == ("out",)
    same_as_dvc(work, dvc, dv)
    work.save()
    work.write("out", "2")
    work.write("metrics.json", "2")
    assert work.data_status().uncommitted.modified == ("out",)
    same_as_dvc(work, dvc, dv)


def test_an_output_that_was_never_recorded(work: Work) -> None:
    work.write("dvc.yaml", "stages:\n  s:\n    cmd: make\n    outs: [out, gone]\n")
    work.write("out", "x")
    assert work.data_status().uncommitted.added == ("out",)


def test_data_of_dvc_2(work: Work, dvc: Tool, dv: Tool) -> None:
    """A hash of then and one of today never mean the same."""
    text, binary = work.put_legacy(b"one\r\n"), work.put_legacy(b"\0", digest(b"\0"))
    tree = dirfile.dump(["bin", "text"], [binary, text])
    work.put_legacy(tree, value := digest(tree) + ".dir")
    work.write("old.dvc", f"outs:\n- md5: {value}\n  size: 6\n  nfiles: 2\n  path: old\n")
    work.write("old/text", b"one\n")
    work.write("old/bin", b"\0")
    work.write(".gitignore", "/old\n")
    work.save()
    assert work.data_status(granular=True).unchanged == ("old/", "old/bin", "old/text")
    work.write("old/new", "new")
    same_as_dvc(work, dvc, dv)
    work.add("old")
    assert work.data_status(granular=True).committed.modified == ("old/", "old/bin", "old/text")
    work.write("old.dvc", work.git("show", "HEAD:old.dvc"))
    work.delete("old/new")
    work.named(text, legacy=True).unlink()
    assert work.data_status(granular=True).not_in_cache == ("old/text",)


def test_odd_names(work: Work, dvc: Tool, dv: Tool) -> None:
    for name in ("with space", "ümlaut", "e\u0301", "quo'te", "new\nline", "ends.dir"):
        work.write(f"data/{name}", name)
        work.write("sub/ends.dir", "x")
    work.add("data", "sub/ends.dir")
    same_as_dvc(work, dvc, dv)
    work.write("sub/ends.dir", "y")
    work.write("data/ends.dir", "y")
    same_as_dvc(work, dvc, dv)


def test_it_changes_nothing(data: Work) -> None:
    data.write("data/a", "changed")
    before = data.everything()
    data.data_status(granular=True, untracked=True)
    assert data.everything() == before
