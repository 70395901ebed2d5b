"""Undo: everything is as it was before the operation, or nothing is touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import Conflict, Overlap, UsageError
from data_versioning.eventlog import kept
from data_versioning.operations import move, remove, undo
from data_versioning.operations.undo import UndoResult
from tests.operations.work import Work, digest
from tests.tracking import records


def run(work: Work, seq: int | None = None, **options: bool) -> UndoResult:
    return undo.undo(work.repo(), seq, **options)


def state(work: Work) -> dict[str, bytes]:
    """All files but Git's and DVC's own; links by what they hold."""
    return {
        name: content for name, content in work.files("").items() if not name.startswith((".git/", ".dvc/"))
    }


@pytest.fixture
def data(work: Work) -> Work:
    for name in ("a", "in/b"):
        work.write(f"sub/data/{name}", name)
    work.write("lone", "lone")
    work.write(".gitignore", "*.log\n")
    work.settle()
    return work


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_add(data: Work, kind: str) -> None:
    data.configure(type=kind)
    before = state(data)
    data.add("sub/data", "lone")
    result = run(data)
    assert (result.verb, result.files, result.data) == (
        "add", (".gitignore", "lone.dvc", "sub/.gitignore", "sub/data.dvc"), (),
    )  # fmt: skip
    assert state(data) == before
    for name in ("lone", "sub/data/a"):
        found = (data.root / name).lstat()
        assert (found.st_mode, found.st_nlink) == (0o100644, 1), "a file of the user's own again"
    data.checkout()
    assert state(data) == before, "what is not tracked any more is not removed"


def test_back_step_by_step_and_forth(data: Work) -> None:
    states = [state(data)]
    data.add("lone")
    states.append(state(data))
    data.add("sub/data")
    states.append(state(data))
    assert run(data).seq == 2
    assert state(data) == states[1]
    assert run(data).seq == 1
    assert state(data) == states[0]
    with pytest.raises(UsageError, match="nothing to undo"):
        run(data)
    assert run(data, 4).verb == "undo", "an undo can be undone"
    assert state(data) == states[1]
    assert run(data, 3).verb == "undo"
    assert state(data) == states[2]
    assert run(data).seq == 2, "brought back, it is the last operation again"
    assert state(data) == states[1]
    with pytest.raises(UsageError, match="undone already"):
        run(data, 2)


def test_a_new_version(data: Work) -> None:
    data.configure(type="symlink")
    data.add("lone")
    old = data.read("lone.dvc")
    data.write("lone", "new")
    data.add("lone")
    run(data)
    assert data.read("lone.dvc") == old
    assert data.read("lone") == b"new", "add did not change the data, neither does its undo"
    assert not (data.root / "lone").is_symlink(), "gc may remove the object"
    assert data.status() == {"lone.dvc": [{"changed outs": {"lone": "modified"}}]}


def test_commit(data: Work) -> None:
    data.add("lone")
    old = data.read("lone.dvc")
    data.write("lone", "new")
    data.commit("lone.dvc")
    assert run(data).verb == "commit"
    assert (data.read("lone.dvc"), data.read("lone")) == (old, b"new")


@pytest.mark.parametrize("outs", [False, True])
def test_remove(data: Work, *, outs: bool) -> None:
    data.add("sub/data", "lone")
    before = state(data)
    remove.remove(data.repo(), ["sub/data.dvc", "lone.dvc"], outs=outs)
    assert (data.root / "lone").exists() is not outs
    result = run(data)
    assert state(data) == before
    assert result.data == (("lone", "sub/data") if outs else ())
    assert data.status() == {}
    run(data, result.seq + 1)
    assert (data.root / "lone").exists() is not outs


def test_checkout(data: Work) -> None:
    data.add("sub/data", "lone")
    data.save("one")
    data.write("sub/data/a", "two")
    data.delete("sub/data/in")
    data.write("lone", "two", mode=0o755)
    data.write("other", "two")
    data.add("sub/data", "lone", "other")
    data.save("two")
    before = state(data)
    data.git("checkout", "-q", "HEAD~1")
    assert set(data.checkout().deleted) == {"other"}
    assert data.read("sub/data/in/b") == b"in/b"
    result = run(data)
    assert result.data == ("lone", "other", "sub/data")
    assert {name: state(data).get(name) for name in before if not name.endswith((".dvc", ".gitignore"))} == {
        name: content for name, content in before.items() if not name.endswith((".dvc", ".gitignore"))
    }
    assert os.access(data.root / "lone", os.X_OK)


def test_checkout_over_a_directory_that_was_never_recorded(data: Work) -> None:
    """Its files are in the cache, its listing is not."""
    data.add("sub/data")
    data.delete("sub/data/a")
    listed = set(data.objects())
    data.checkout()
    assert set(data.objects()) == listed
    run(data)
    assert data.files("sub/data") == {"in/b": b"in/b"}


def test_move(data: Work) -> None:
    """Renamed data comes back by its name, with changes that are saved nowhere."""
    data.configure(type="symlink")
    data.add("sub/data", "lone")
    data.write("sub/data/a", "unsaved")
    before = state(data)
    move.move(data.repo(), "sub/data", "moved")
    after = state(data)
    (data.root / "sub").rmdir()
    result = run(data)
    assert result.files == (".gitignore", "moved.dvc", "sub/.gitignore", "sub/data.dvc")
    assert result.data == ("sub/data",)
    assert state(data) == before
    assert data.status() == {"sub/data.dvc": [{"changed outs": {"sub/data": "modified"}}]}
    run(data, result.seq + 1)
    assert state(data) == after
    data.write("sub/data/x", "in the way")
    with pytest.raises(Conflict, match="cannot be moved back"):
        run(data)
    assert state(data) == {**after, "sub/data/x": b"in the way"}


def test_what_was_saved_nowhere_is_gone(data: Work) -> None:
    data.add("lone")
    data.write("lone", "unsaved")
    data.checkout(force=True)
    with pytest.raises(Conflict, match="not in the cache"):
        run(data)
    assert data.read("lone") == b"lone"


def test_data_changed_since(data: Work) -> None:
    data.add("lone")
    data.delete("lone")
    data.checkout()
    data.write("lone", "new work")
    with pytest.raises(Conflict, match=r"operation \d+ \(dv \w+\) is not undone: 'lone' was changed since"):
        run(data)
    assert data.read("lone") == b"new work"


def test_files_changed_since(data: Work) -> None:
    data.add("lone")
    data.add("sub/data")
    data.write(".gitignore", "mine\n")
    before = state(data)
    with pytest.raises(Conflict, match=r"\.gitignore: by hand, or by Git"):
        run(data, 1)
    data.add("sub/data/a")  # changes nothing
    data.write("sub/data/a", "new")
    data.add("sub/data")
    with pytest.raises(Conflict, match=r"sub/data\.dvc: by operation 5 \(dv add\)"):
        run(data, 2)
    assert {**before, "sub/data/a": b"new", "sub/data.dvc": data.read("sub/data.dvc")} == state(data)


def test_what_would_overlap(data: Work) -> None:
    data.add("sub/data")
    remove.remove(data.repo(), ["sub/data.dvc"])
    data.add("sub/data/in/b")
    with pytest.raises(Overlap, match="cannot be tracked again"):
        run(data, 2)


def test_nothing_happens_in_a_dry_run(data: Work) -> None:
    data.add("lone")
    before = data.everything()
    result = run(data, dry_run=True)
    assert result.files == (".gitignore", "lone.dvc")
    assert data.everything() == before
    assert len(records(data.root)) == 1


def test_undo_is_recorded(data: Work) -> None:
    data.add("lone")
    run(data)
    last = records(data.root)[-1]
    assert (last["verb"], last["undoes"], last["outcome"]) == ("undo", 1, "ok")
    assert [path for path, *_ in last["pointers"]] == ["lone.dvc", ".gitignore"]


def test_only_changes_can_be_undone(data: Work) -> None:
    with pytest.raises(UsageError, match="nothing to undo"):
        run(data)
    data.add("lone")
    data.add("lone")
    assert run(data, dry_run=True).seq == 2, "the second one changed nothing"
    for seq in (1, 3, 99):
        with pytest.raises(UsageError, match=f"operation {seq} "):
            run(data, seq)


def test_another_work_tree(data: Work) -> None:
    data.save("one")
    other = data.root.parent / "other"
    data.git("worktree", "add", "-q", str(other))
    there = Work(other, data.sandbox)
    there.write("x", "x")
    there.add("x")
    with pytest.raises(UsageError, match="nothing to undo"):
        run(data)
    with pytest.raises(Conflict, match="another work tree"):
        run(data, 1)
    run(there)
    assert not (other / "x.dvc").exists()


def test_what_is_not_kept_any_more(data: Work) -> None:
    data.add("lone")
    for path in (data.root / ".git/dv/undo").iterdir():
        path.unlink()
    with pytest.raises(Conflict, match="not kept any more"):
        run(data)
    assert (data.root / "lone.dvc").exists()


def test_what_dvc_did_cannot_be_undone(data: Work) -> None:
    data.add("lone")
    with data.repo().handed_over(["freeze", "lone.dvc"]):
        data.write("lone.dvc", data.read("lone.dvc") + b"frozen: true\n")
    with pytest.raises(Conflict, match="by the program dvc"):
        run(data)
    with pytest.raises(Conflict, match=r"lone\.dvc: by operation 2 \(dv freeze\)"):
        run(data, 1)


def test_bytes_that_are_not_text(data: Work) -> None:
    data.write(".gitignore", b"\xff\xfe\r\nlast")
    before = state(data)
    data.add("lone")
    run(data)
    assert state(data) == before


def test_interrupted_in_the_middle(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data comes first, pointer files last: run again, the undo goes on."""
    data.add("sub/data", "lone")
    before = state(data)
    remove.remove(data.repo(), ["sub/data.dvc", "lone.dvc"], outs=True)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(undo, "_release", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(data)
    assert (data.root / "lone").exists()
    assert not (data.root / "lone.dvc").exists()
    run(data)
    assert state(data) == before


def test_only_the_newest_are_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_FILES", 3)
    monkeypatch.setattr(kept, "MOST_BYTES", 1000)
    names = [kept.keep(str(place), kept.Kept(files={"a": b"x"}), durable=False) for _ in range(5)]
    assert sorted(os.listdir(place)) == sorted(filter(None, names[2:]))
    large = kept.keep(str(place), kept.Kept(files={"a": b"x" * 900}), durable=False)
    assert os.listdir(place) == [large]
    assert kept.keep(str(place), kept.Kept(files={"a": b"x" * 2000}), durable=False) is None
    assert kept.keep(str(place), kept.Kept(), durable=False) is None
    for bad in ("missing", "../x", "/etc/passwd", ""):
        assert kept.load(str(place), bad) is None
    assert digest(b"x" * 900) == digest((kept.load(str(place), large or "") or kept.Kept()).files["a"] or b"")
