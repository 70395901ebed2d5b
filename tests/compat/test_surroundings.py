"""Sub-directories, worktrees, Git staging, shared caches: as DVC does."""

from __future__ import annotations

from pathlib import Path

from tests.compat.twins import Twins, disk
from tests.oracle import Entry, Sandbox, Tool


def test_autostage(twins: Twins) -> None:
    twins.configure("core", autostage="true")
    twins.write("data/x", "x")
    for command in (("add", "data"), ("add", "data"), ("remove", "data.dvc")):
        twins.run(*command)
        theirs, ours = (player.run("git", "status", "--porcelain").out for player in twins.players)
        assert ours == theirs, command
        twins.write("data/x", "y")


def test_from_inside_a_sub_directory(tracked: Twins) -> None:
    tracked.write("sub/dir/x", "x")
    for player in tracked.players:
        for command in (
            ("add", "dir"),
            ("add", "../model.bin"),
            ("checkout", "dir.dvc"),
            ("checkout", "../data"),
        ):
            player.tool(player.root / "sub", *command).ok()
    tracked.compare("commands in sub")
    for command in (("status", "--json"), ("data", "status", "--json", "--granular"), ("root",)):
        theirs, ours = (player.tool(player.root / "sub", *command).ok().out for player in tracked.players)
        assert ours == theirs, command


def test_repository_in_a_sub_directory(sandbox: Sandbox, dvc: Tool, dv: Tool, place: Path) -> None:
    disks = []
    for tool, side in ((dvc, "theirs"), (dv, "ours")):
        project = place / side / "top/project"
        project.mkdir(parents=True)
        sandbox.git(place / side / "top", "init", "-q")
        tool(project, "init", "-q", "--subdir").ok()
        (project / "data").mkdir()
        (project / "data/x").write_text("x")
        tool(project, "add", "data").ok()
        assert dvc(project, "status", "--json").json == dv(project, "status", "--json").json == {}
        disks.append(snap(place / side))
    assert disks[0] == disks[1]


def test_init(sandbox: Sandbox, dvc: Tool, dv: Tool, place: Path) -> None:
    disks, staged = [], []
    for tool, side in ((dvc, "theirs"), (dv, "ours")):
        for name, options in (("git", ()), ("plain", ("--no-scm",))):
            top = place / side / name
            top.mkdir(parents=True)
            if name == "git":
                sandbox.git(top, "init", "-q")
            tool(top, "init", *options).ok()
            assert tool(top, "init", *options).code == 1
            tool(top, "init", "-f", *options).ok()
        staged.append(sandbox.git(place / side / "git", "status", "--porcelain"))
        disks.append(snap(place / side))
        none = place / side / "none"
        none.mkdir()
        assert tool(none, "init").code == 1
    assert disks[0] == disks[1]
    assert staged[0] == staged[1]


def snap(path: Path) -> dict[str, Entry]:
    private = ("/.git/", "/tmp", "/.dvc/dv")
    return {
        name: entry for name, entry in disk(path).items() if not any(part in f"/{name}" for part in private)
    }


def test_linked_worktree(tracked: Twins) -> None:
    """A worktree that shares the main one's cache by its local configuration."""
    linked = []
    for player in tracked.players:
        player.run("git", "worktree", "add", "-q", "../linked")
        tree = player.root.parent / "linked"
        player.tool(tree, "cache", "dir", "--local", str(player.root / ".dvc/cache")).ok()
        player.tool(tree, "checkout").ok()
        (tree / "data/a").unlink()
        (tree / "data/a").write_text("in the worktree")
        player.tool(tree, "add", "data").ok()
        state = snap(tree)
        linked.append({name: entry for name, entry in state.items() if name != ".dvc/config.local"})
    assert linked[0] == linked[1]
    tracked.compare("work in a linked worktree")


def test_umask_and_shared_cache(twins: Twins) -> None:
    twins.configure("cache", shared="group")
    for number, umask in enumerate((0o077, 0o002)):
        twins.write("data/x", f"content {number}")
        for player in twins.players:
            player.tool.real(player.root, "add", "data", umask=umask).ok()
            player.tool.real(player.root, "push", umask=umask).ok()
        twins.compare(f"umask {umask:03o}, shared cache")


def test_no_scm(sandbox: Sandbox, dvc: Tool, dv: Tool, place: Path) -> None:
    disks = []
    for tool, side in ((dvc, "theirs"), (dv, "ours")):
        top = place / side
        top.mkdir()
        dvc(top, "init", "--no-scm").ok()
        (top / "data").mkdir()
        (top / "data/x").write_text("x")
        tool(top, "add", "data").ok()
        tool(top, "commit").ok()
        (top / "data/x").unlink()
        tool(top, "checkout").ok()
        tool(top, "remove", "data.dvc").ok()
        disks.append(snap(top))
    assert disks[0] == disks[1]
