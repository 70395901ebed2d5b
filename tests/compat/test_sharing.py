"""`push`, `pull`, `fetch` and `gc -c` with a local remote: the same bytes as DVC's."""

from __future__ import annotations

from tests.compat.twins import Twins


def test_push_and_pull(tracked: Twins) -> None:
    tracked.run("push")
    tracked.run("push")
    tracked.forget(".dvc/cache", "data", "model.bin")
    tracked.run("fetch", "data.dvc")
    tracked.run("pull", "data")
    tracked.run("pull")
    tracked.run("pull")


def test_push_of_some_targets(tracked: Twins) -> None:
    tracked.run("push", "model.bin")
    tracked.each("push", "data/inner")
    theirs, ours = (list((player.root.parent / "store").rglob("*.dir")) for player in tracked.players)
    assert theirs, "DVC no longer uploads a directory object without all of its files: compare this, too"
    assert not ours
    for path in theirs:
        path.unlink()
    tracked.run("push", "-j", "2", "data.dvc")


def test_gc_of_the_remote(tracked: Twins) -> None:
    tracked.run("push")
    tracked.write("data/a", "second")
    tracked.run("add", "data")
    tracked.run("push")
    tracked.ours.run("gc", "-w", "-c", "-f").ok()
    assert tracked.ours.run("status", "-c", "--json").json == {}
    tracked.theirs.run("gc", "-w", "-c", "-f").ok()
    tracked.ours.run("gc", "-w", "-c", "-f", "--grace", "0").ok()
    tracked.compare("gc -c")


def test_status_of_the_remote(tracked: Twins) -> None:
    tracked.same_json("status", "-c", "--json")
    tracked.run("push", "model.bin")
    tracked.same_json("status", "-c", "--json")
    tracked.run("push")
    assert tracked.same_json("status", "-c", "--json") == {}
    tracked.forget(".dvc/cache")
    tracked.same_json("status", "-c", "--json")


def test_one_pushes_the_other_pulls(tracked: Twins) -> None:
    """`dvc` pulls what `dv` pushed, and the other way round."""
    tracked.run("push")
    tracked.forget(".dvc/cache", "data", "model.bin")
    for player, other in (tracked.players, tracked.players[::-1]):
        config = player.root / ".dvc/config"
        config.write_text(config.read_text().replace("../../store", str(other.root.parent / "store")))
        player.run("pull").ok()
        assert (player.root / "data/inner/deep/d").read_text() == "content of inner/deep/d\n"
        assert player.run("status", "--json").json == {}
