"""`checkout`, `remove` and `gc` leave the same bytes as DVC's."""

from __future__ import annotations

import re

from tests.compat.steps import GIT_COMMIT
from tests.compat.trees import Change, Kind
from tests.compat.twins import Twins, assert_same_disk


def test_checkout_restores(tracked: Twins) -> None:
    tracked.delete("data/inner")
    tracked.run("checkout")
    tracked.delete("model.bin")
    tracked.delete("data")
    tracked.run("checkout", "data")
    tracked.run("checkout", "model.bin.dvc")


def test_checkout_of_changed_data_needs_force(tracked: Twins) -> None:
    tracked.write("data/a", "precious")
    tracked.write("data/untracked", "precious too")
    tracked.refuse("checkout")
    tracked.run("checkout", "-f")


def test_partial_checkout(tracked: Twins) -> None:
    tracked.delete("data/inner")
    tracked.delete("data/a")
    tracked.run("checkout", "data/inner/c")
    tracked.run("checkout", "data/inner")
    tracked.run("checkout", "data/a")


def test_checkout_of_another_revision(tracked: Twins) -> None:
    tracked.write("data/a", "second")
    tracked.write("data/extra", "second")
    tracked.delete("data/b")
    tracked.run("add", "data")
    tracked.run(*GIT_COMMIT)
    tracked.each("git", "checkout", "-q", "HEAD~1")
    tracked.compare("git checkout")
    tracked.run("checkout")
    tracked.each("git", "checkout", "-q", "main")
    tracked.run("checkout")


def test_checkout_without_objects(tracked: Twins) -> None:
    tracked.forget(".dvc/cache")
    tracked.compare("no cache")
    tracked.delete("model.bin")
    expected, actual = (player.run("checkout") for player in tracked.players)
    assert actual.code == expected.code != 0


def test_relink_to_another_cache_type(tracked: Twins) -> None:
    for kind in ("hardlink", "symlink", "copy"):
        tracked.configure("cache", type=kind)
        tracked.run("checkout", "--relink")


def test_empty_directories(tracked: Twins) -> None:
    """DVC's checkout deletes the empty directories inside a tracked one."""
    tracked.edit(
        "data", Change(Kind.EMPTY_DIRECTORY, "hollow/more"), Change(Kind.EMPTY_DIRECTORY, "inner/none")
    )
    tracked.run("checkout")
    tracked.edit("data", Change(Kind.EMPTY_DIRECTORY, "hollow/more"))
    tracked.write("data/inner/deep/e", "will be gone")
    tracked.delete("data/inner/c")
    tracked.run("checkout", "-f")


def test_checkout_of_a_revision_without_the_data(tracked: Twins) -> None:
    """Data that only the other revision tracks goes with it."""
    tracked.write("late/x", "x")
    tracked.write("late.txt", "late")
    tracked.run("add", "late", "late.txt")
    tracked.run(*GIT_COMMIT)
    tracked.each("git", "checkout", "-q", "HEAD~1")
    tracked.run("checkout")
    tracked.each("git", "checkout", "-q", "main")
    tracked.run("checkout")


def test_a_file_becomes_a_directory_and_back(tracked: Twins) -> None:
    tracked.write("data/a/inside", "x")
    tracked.write("data/inner/deep", "a file now")
    tracked.compare("changed kinds")
    tracked.run("add", "data")
    tracked.run(*GIT_COMMIT)
    tracked.each("git", "checkout", "-q", "HEAD~1")
    tracked.run("checkout")


def test_remove(tracked: Twins) -> None:
    tracked.run("remove", "data.dvc")
    tracked.run("remove", "--outs", "model.bin.dvc")


def test_gc(tracked: Twins) -> None:
    tracked.write("data/a", "second")
    tracked.run("add", "data")
    tracked.run("gc", "-w", "-f", "--dry")
    tracked.run("gc", "-a", "-f")
    tracked.run("gc", "--all-commits", "-f")
    tracked.run("gc", "--rev", "HEAD", "--num", "1", "-f")
    tracked.run(*GIT_COMMIT)
    tracked.run("gc", "--rev", "HEAD", "--num", "1", "-f")
    tracked.run("remove", "data.dvc")
    tracked.run("gc", "-w", "-f")


def test_gc_without_the_listing_of_an_old_version(tracked: Twins) -> None:
    """DVC warns, and deletes the files of the version whose directory object is lost; we stop."""
    tracked.write("data/a", "second")
    tracked.run("add", "data")
    current = re.findall(r"md5: ..(\w+.dir)", (tracked.ours.root / "data.dvc").read_text())
    for listing in (tracked.ours.root / ".dvc/cache").rglob("*.dir"):
        if listing.name not in current:
            listing.unlink()
    before = tracked.ours.disk()
    assert tracked.ours.run("gc", "-a", "-f").code != 0
    assert_same_disk(before, tracked.ours.disk(), "refused gc")
    tracked.ours.run("gc", "-a", "-f", "--skip-failed").ok()


def test_gc_keeps_tags_and_branches(tracked: Twins) -> None:
    tracked.each("git", "tag", "-a", "v1", "-m", "v1")
    for name in ("second", "third"):
        tracked.write("data/a", name)
        tracked.run("add", "data")
        tracked.run(*GIT_COMMIT)
    tracked.run("gc", "-T", "-f")
    tracked.run("gc", "-w", "-f")
