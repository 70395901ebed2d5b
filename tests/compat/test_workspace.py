"""`checkout`, `remove` and `gc` leave the same bytes as DVC's."""

from __future__ import annotations

from tests.compat.steps import GIT_COMMIT
from tests.compat.twins import Twins


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


def test_remove(tracked: Twins) -> None:
    tracked.run("remove", "data.dvc")
    tracked.run("remove", "--outs", "model.bin.dvc")


def test_gc(tracked: Twins) -> None:
    tracked.write("data/a", "second")
    tracked.run("add", "data")
    tracked.run("gc", "-w", "-f", "--dry")
    tracked.run("gc", "-a", "-f")
    tracked.run("gc", "-w", "-f")
    tracked.write("data/a", "third")
    tracked.run("add", "data")
    tracked.run(*GIT_COMMIT)
    tracked.run("gc", "--all-commits", "-f")
    tracked.run("gc", "--rev", "HEAD", "--num", "1", "-f")
    tracked.run("remove", "data.dvc")
    tracked.run("gc", "-w", "-f")


def test_gc_keeps_tags_and_branches(tracked: Twins) -> None:
    tracked.each("git", "tag", "-a", "v1", "-m", "v1")
    for name in ("second", "third"):
        tracked.write("data/a", name)
        tracked.run("add", "data")
        tracked.run(*GIT_COMMIT)
    tracked.run("gc", "-T", "-f")
    tracked.run("gc", "-w", "-f")
