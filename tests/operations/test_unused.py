"""After a switch to another revision its checkout removes what only the old one tracked: carefully."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from tests.operations.work import Work, digest
from tests.oracle import Tool

KINDS = ("copy", "hardlink", "symlink")


@pytest.fixture
def work(work: Work) -> Work:
    """The second commit tracks `data/set` and `deep/er/lone`, the first one neither; the first is checked out."""
    work.save("nothing")
    work.write("data/set/a", "a")
    work.write("data/set/in/b", "b")
    work.write("deep/er/lone", "lone")
    work.add("data/set", "deep/er/lone")
    work.save("data")
    work.git("checkout", "-q", "HEAD~1")
    return work


def there(work: Work) -> set[str]:
    return {name for name in ("data/set", "deep/er/lone") if os.path.lexists(work.root / name)}


def test_what_the_revision_does_not_track_goes(work: Work) -> None:
    result = work.checkout()
    assert there(work) == set()
    assert (result.deleted, result.counts) == (("data/set/", "deep/er/lone"), (0, 0, 2))
    assert not (work.root / "deep").exists()
    assert work.git("status", "--porcelain") == ""
    work.git("checkout", "-q", "main")
    assert work.checkout().added == ("data/set/", "deep/er/lone")
    assert work.files("data/set") == {"a": b"a", "in/b": b"b"}


@pytest.mark.parametrize("kind", KINDS)
def test_links(work: Work, kind: str) -> None:
    work.git("checkout", "-q", "main")
    work.git("config", "advice.detachedHead", "false")
    (work.root / ".dvc/config.local").write_text(f"[cache]\n    type = {kind}\n")
    work.checkout(relink=True)
    work.git("checkout", "-q", "HEAD~1")
    work.checkout()
    assert there(work) == set()
    assert set(work.objects()) >= {digest("a"), digest("b"), digest("lone")}


def test_what_a_checkout_made_goes_too(work: Work) -> None:
    work.git("checkout", "-q", "main")
    work.delete("data/set")
    work.delete("deep/er/lone")
    shutil.rmtree(work.root / ".dvc/tmp")
    work.checkout()
    work.git("checkout", "-q", "HEAD~1")
    work.checkout()
    assert there(work) == set()


def test_what_a_commit_recorded_goes_too(work: Work) -> None:
    work.git("checkout", "-q", "main")
    work.write("deep/er/lone", "changed")
    shutil.rmtree(work.root / ".dvc/tmp")
    work.commit("deep/er/lone.dvc")
    work.git("checkout", "-q", "-f", "HEAD~1")
    work.checkout()
    assert there(work) == {"data/set"}


def test_targets_leave_the_rest_alone(work: Work) -> None:
    work.write("other", "x")
    work.add("other")
    work.checkout("other")
    assert there(work) == {"data/set", "deep/er/lone"}


def touched(work: Work) -> None:
    for name in ("data/set/a", "deep/er/lone"):
        os.utime(work.root / name)


def changed(work: Work) -> None:
    work.write("data/set/a", "A")
    work.write("deep/er/lone", "LONE")


def mode_changed(work: Work) -> None:
    (work.root / "data/set/a").chmod(0o600)
    (work.root / "deep/er/lone").chmod(0o600)


def more_files(work: Work) -> None:
    work.write("data/set/mine", "mine")
    os.utime(work.root / "deep/er/lone")


def fewer_files(work: Work) -> None:
    work.delete("data/set/in")
    os.utime(work.root / "deep/er/lone")


def another_kind(work: Work) -> None:
    work.delete("data/set")
    work.write("data/set", "a file")
    work.delete("deep/er/lone")
    work.write("deep/er/lone/x", "a directory")


def not_in_the_cache(work: Work) -> None:
    work.object("b").unlink()
    work.object("lone").unlink()


def tree_not_in_the_cache(work: Work) -> None:
    for path in (work.root / ".dvc/cache").rglob("*.dir"):
        path.unlink()
    work.object("lone").unlink()


def in_git(work: Work) -> None:
    work.git("add", "-f", "data/set/a", "deep/er/lone")


def read_by_stages(work: Work) -> None:
    work.write(
        "dvc.yaml",
        "stages:\n  s:\n    cmd: x\n    deps: [data/set/in, deep/er/lone]\n    outs: [model]\n",
    )


def params_of_stages(work: Work) -> None:
    work.write(
        "dvc.yaml",
        "stages:\n  s:\n    cmd: x\n    deps: [data]\n    params:\n    - deep/er/lone:\n    outs: [model]\n",
    )


def holds_another_output(work: Work) -> None:
    work.write("data/set/in/b.dvc", f"outs:\n- md5: {digest('b')}\n  hash: md5\n  path: b\n")
    os.utime(work.root / "deep/er/lone")


def untracked_again(work: Work) -> None:
    """The user stopped tracking the data, and keeps it: DVC's own record of it is gone, ours, too."""
    shutil.rmtree(work.root / ".dvc/tmp")


def moved_away_behind_a_link(work: Work) -> None:
    outside = work.root.parent / "outside"
    outside.mkdir()
    for name in ("data", "deep"):
        (work.root / name).rename(outside / name)
        (work.root / name).symlink_to(outside / name)


def a_dangling_link_inside(work: Work) -> None:
    (work.root / "data/set/odd").symlink_to("nowhere")
    os.utime(work.root / "deep/er/lone")


REASONS: list[Callable[[Work], None]] = [
    touched, changed, mode_changed, more_files, fewer_files, another_kind, not_in_the_cache,
    tree_not_in_the_cache, in_git, read_by_stages, params_of_stages, holds_another_output,
    untracked_again, moved_away_behind_a_link, a_dangling_link_inside,
]  # fmt: skip


@pytest.mark.parametrize("reason", REASONS, ids=[reason.__name__ for reason in REASONS])
def test_reasons_to_stay(work: Work, reason: Callable[[Work], None]) -> None:
    reason(work)
    before = {
        name: work.files(name) if (work.root / name).is_dir() else work.read(name) for name in there(work)
    }
    for _ in range(2):
        assert work.checkout().deleted == ()
        assert there(work) == {"data/set", "deep/er/lone"}
    after = {
        name: work.files(name) if (work.root / name).is_dir() else work.read(name) for name in there(work)
    }
    assert after == before


def test_data_that_is_no_longer_tracked_is_the_users(work: Work, dv: Tool) -> None:
    work.git("checkout", "-q", "main")
    dv(work.root, "remove", "data/set.dvc", "deep/er/lone.dvc").ok()
    work.checkout()
    assert there(work) == {"data/set", "deep/er/lone"}


def test_a_file_beside_it_keeps_the_directory(work: Work) -> None:
    work.write("deep/mine", "mine")
    work.checkout()
    assert there(work) == set()
    assert work.read("deep/mine") == b"mine"
