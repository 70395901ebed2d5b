"""Imports from places on this machine: pointer files, cache, ignore files and workspace as DVC leaves them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.compat.steps import GIT_COMMIT
from tests.compat.twins import Player, Twins, assert_same_disk, disk
from tests.oracle import Entry

FOLDER = "../outside/folder"


@pytest.fixture
def supplied(twins: Twins) -> Twins:
    """Beside each repository a directory with files of many kinds, and a remote `elsewhere` that is its parent."""
    for player in twins.players:
        folder = outside(player, "folder")
        (folder / "deep/er").mkdir(parents=True)
        (folder / "deep/er/last").write_text("last\n")
        (folder / ".hidden").write_text("hidden\n")
        (folder / "tool").write_text("#!/bin/sh\n")
        (folder / "tool").chmod(0o755)
        (folder / "link").symlink_to("../file")
        (folder / "links").symlink_to("deep")
        (folder / "none").mkdir()
        config = player.root / ".dvc/config"
        config.write_text(config.read_text() + "['remote \"elsewhere\"']\n    url = ../../outside\n")
    twins.write("sub/here", "here\n")
    return twins


def outside(player: Player, name: str = "") -> Path:
    return player.root.parent / "outside" / name


def write(twins: Twins, name: str, content: str) -> None:
    for player in twins.players:
        path = outside(player, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def recorded(player: Player) -> dict[str, Entry]:
    """Pointer and ignore files, cache and remote; DVC forgets temporary files on the remote."""
    found = disk(player.root, player.root.parent / "store")
    return {
        name: entry
        for name, entry in found.items()
        if entry.kind != "dir"
        and not name.endswith(".tmp")
        and (name.startswith((".dvc/", "1:")) or name.endswith((".dvc", ".gitignore")))
    }


def same_records(twins: Twins, *command: str) -> None:
    """Run in both; what both recorded is equal, the workspace left aside."""
    twins.each(*command)
    assert_same_disk(recorded(twins.theirs), recorded(twins.ours), command)


def same_data(twins: Twins, *names: str) -> None:
    """What pull brought is equal, modes left aside: DVC remembers the executable bits of origins."""
    for name in names:
        theirs, ours = (
            {path.relative_to(player.root): path.read_bytes() for path in files(player.root / name)}
            for player in twins.players
        )
        assert ours == theirs != {}


def files(top: Path) -> list[Path]:
    return [top] if top.is_file() else [path for path in top.rglob("*") if path.is_file()]


def test_files_and_directories(supplied: Twins) -> None:
    supplied.run("import-url", "../outside/file")
    supplied.run("import-url", FOLDER)
    supplied.run("import-url", f"{FOLDER}/tool", "./sub/../copy")
    supplied.run("import-url", "remote://elsewhere/folder/deep", "sub")
    supplied.run("import-url", "sub/here", "there")
    supplied.run("import-url", f"{FOLDER}/none")
    supplied.run("import-url", "-f", f"{FOLDER}/deep", "file")


def test_without_content(supplied: Twins) -> None:
    supplied.run("import-url", "--no-exec", "../outside/file", "later")
    supplied.run("import-url", "--no-download", "../outside/file")
    supplied.run("import-url", "--no-download", FOLDER, "much")
    supplied.write("kept", "kept\n")
    supplied.run("import-url", "--no-exec", "-f", "../outside/file", "kept")
    supplied.write("gone", "gone\n")
    supplied.run("import-url", "--no-download", "-f", "../outside/file", "gone")


def test_to_the_remote(supplied: Twins) -> None:
    same_records(supplied, "import-url", "--to-remote", "../outside/file")
    same_records(supplied, "import-url", "--to-remote", FOLDER, "much")
    same_records(supplied, "import-url", "--to-remote", f"{FOLDER}/tool")
    write(supplied, "file", "newer\n")
    same_records(supplied, "update", "--to-remote", "file.dvc")
    assert not (supplied.ours.root / "much").exists()
    supplied.each("pull")
    same_data(supplied, "file", "much", "tool")


def test_a_directory_with_repositories_inside(supplied: Twins) -> None:
    """All of it is recorded as what was there; what is private to Git and DVC, or ignored here, is not stored."""
    write(supplied, "folder/.git/config", "git\n")
    write(supplied, "folder/deep/.hg/store", "hg\n")
    write(supplied, "folder/nested/.dvc/config", "dvc\n")
    write(supplied, "folder/nested/data", "data\n")
    write(supplied, "folder/notes.log", "log\n")
    supplied.write(".dvcignore", "*.log\n")
    same_records(supplied, "import-url", FOLDER)
    same_records(supplied, "import-url", "--no-download", FOLDER, "again")
    same_records(supplied, "import-url", "--to-remote", FOLDER, "everything")
    assert not (supplied.ours.root / "folder/.git").exists()


def test_an_older_pointer_file_keeps_what_its_user_wrote(supplied: Twins) -> None:
    supplied.run("import-url", FOLDER, "data")
    for player in supplied.players:
        pointer = player.root / "data.dvc"
        text = pointer.read_text().replace("  path: data\n", "  path: data\n  desc: of an output # why\n")
        pointer.write_text(f"# first\n{text}meta: {{owner: ana}}\n")
    supplied.delete("data")
    supplied.run("import-url", "../outside/file", "data")


def test_update(supplied: Twins) -> None:
    write(supplied, "lonely", "in no cache\n")
    supplied.run("import-url", "../outside/file")
    supplied.run("import-url", FOLDER)
    supplied.run("import-url", "--no-download", "../outside/lonely", "part")
    supplied.run("import-url", "--no-exec", FOLDER, "later")
    supplied.run("update", "file.dvc")
    write(supplied, "file", "newer\n")
    write(supplied, "folder/deep/er/last", "newest\n")
    write(supplied, "folder/more", "more\n")
    for player in supplied.players:
        outside(player, "folder/tool").unlink()
    supplied.run("update", "file.dvc", "folder.dvc")
    supplied.run("update", "part.dvc", "later.dvc")
    supplied.run("update", "file.dvc")
    supplied.delete("file")
    supplied.run("update", "file.dvc")
    write(supplied, "file", "in no cache either\n")
    supplied.run("update", "--no-download", "file.dvc")
    supplied.run("update", "--no-download", "file.dvc")
    supplied.run("update", "-R", ".")


def test_status_of_what_is_not_frozen(supplied: Twins) -> None:
    supplied.run("import-url", "../outside/file")
    supplied.run("import-url", FOLDER)
    supplied.run("import-url", "remote://elsewhere/file", "again")
    for player in supplied.players:
        for name in ("file", "folder", "again"):
            pointer = player.root / f"{name}.dvc"
            pointer.write_text(pointer.read_text().replace("frozen: true\n", ""))
    supplied.compare_status("unfrozen")
    write(supplied, "file", "newer\n")
    write(supplied, "folder/.git/config", "counts\n")
    answers = []
    for player in supplied.players:
        found = player.tool(player.root, "status", "--json").json
        answers.append(json.loads(json.dumps(found).replace(str(player.root.parent), "")))
    assert answers[0] == answers[1]
    assert str(answers[1]).count("modified") == 3
    for player in supplied.players:
        shutil.rmtree(outside(player))
    supplied_after = [player.tool(player.root, "status", "--json").out for player in supplied.players]
    assert supplied_after[1].count("deleted") == supplied_after[0].count("deleted") == 3


def test_pull_of_what_was_not_downloaded(supplied: Twins) -> None:
    supplied.run("import-url", "--no-download", "../outside/file")
    supplied.run(*GIT_COMMIT)
    for player in supplied.players:
        player.tool(player.root, "pull", "file").ok()
    assert (supplied.ours.root / "file").read_bytes() == (supplied.theirs.root / "file").read_bytes()
    supplied.compare_status("pull")
    write(supplied, "file", "newer\n")
    supplied.forget("file", ".dvc/cache")
    codes = [player.tool(player.root, "pull", "file").code for player in supplied.players]
    assert codes == [1, 1]


@pytest.mark.parametrize(
    "command",
    [
        ("import-url", "../outside/missing"),
        ("import-url", "../outside/file", "taken"),
        ("import-url", "../outside/file", "data/inner"),
        ("import-url", "../outside/file", "nowhere/x"),
        ("import-url", "../outside/file", "../elsewhere"),
        ("import-url", "-f", "taken", "taken"),
        ("import-url", "-f", "../outside/file", "in-git"),
        ("import-url", "../outside/file", "x.dvc"),
        ("import-url", "../outside/file", "hidden.log"),
        ("import-url", "../pipe"),
        ("import-url", "remote://unknown/file"),
        ("import-url", "-r", "store", "../outside/file"),
        ("import-url", "--to-remote", "-r", "unknown", "../outside/file"),
        ("import-url", "--to-remote", "--no-exec", "../outside/file"),
        ("import-url", "--no-download", "--no-exec", "../outside/file"),
        ("update", "nothing.dvc"),
        ("update", "-r", "store", "imported.dvc"),
        ("update", "--to-remote", "--no-download", "imported.dvc"),
        ("get-url", "../outside/missing"),
        ("get-url", "../outside/file", "taken"),
        ("list-url", "../outside/missing"),
        ("list-url", "remote://unknown"),
    ],
    ids=" ".join,
)
def test_refused_alike(refusing: Twins, command: tuple[str, ...]) -> None:
    refusing.refuse(*command)


@pytest.fixture
def refusing(tracked: Twins) -> Twins:
    tracked.write("taken", "mine\n")
    tracked.write("in-git", "in Git\n")
    tracked.write(".dvcignore", "*.log\n")
    for player in tracked.players:
        os.mkfifo(player.root.parent / "pipe")
        player.tool(player.root, "import-url", "../outside/file", "imported").ok()
    tracked.run(*GIT_COMMIT)
    for player in tracked.players:
        (player.root / "in-git").unlink()
    return tracked


def test_an_origin_that_is_gone_costs_nothing(supplied: Twins) -> None:
    supplied.run("import-url", "../outside/file")
    for player in supplied.players:
        outside(player, "file").unlink()
    before = supplied.ours.disk()
    codes = [player.tool(player.root, "update", "file.dvc").code for player in supplied.players]
    assert codes == [1, 1]
    assert_same_disk(before, supplied.ours.disk(), "update")


@pytest.mark.parametrize("name", ["with space", "ünï", "quo'te\"", "-dash", "[x]*", "back\\slash", "%41"])
def test_names(supplied: Twins, name: str) -> None:
    write(supplied, f"names/{name}", "content\n")
    supplied.run("import-url", "--", f"../outside/names/{name}")
    supplied.run("import-url", "../outside/names", "all")


@pytest.mark.parametrize(
    "options", [(), ("-R",), ("-R", "--size"), ("-R", "-L", "1"), ("-R", "-L", "2"), ("-L", "0"), ("-T",),
                ("-T", "-L", "1"), ("-T", "--size")], ids=" ".join,
)  # fmt: skip
def test_list(supplied: Twins, options: tuple[str, ...]) -> None:
    for url in ("../outside", "../outside/file", "remote://elsewhere/folder"):
        theirs, ours = (
            player.tool(player.root, "list-url", url, *options).ok().out.replace(str(player.root.parent), "")
            for player in supplied.players
        )
        if "-T" in options:
            assert ours == theirs
        else:
            assert sorted(ours.splitlines()) == sorted(theirs.splitlines())


def test_get(supplied: Twins) -> None:
    supplied.run("get-url", "../outside/file")
    supplied.run("get-url", FOLDER, "sub")
    supplied.run("get-url", FOLDER, "new/place")
    supplied.run("get-url", "remote://elsewhere/folder/tool", "new")
    supplied.write("new/place/deep/mine", "kept\n")
    supplied.run("get-url", "-f", "../outside/folder", "new/place")
    supplied.run("get-url", "-f", "../outside/file", "file")
    supplied.run("get-url", f"{FOLDER}/none", "empty")


def test_add_to_the_remote(supplied: Twins) -> None:
    supplied.write("mine", "mine\n")
    same_records(supplied, "add", "--to-remote", "../outside/file")
    same_records(supplied, "add", "--to-remote", "-o", "sub", FOLDER)
    same_records(supplied, "add", "--to-remote", f"{FOLDER}/tool", "-o", "copy", "-r", "store")
    same_records(supplied, "add", "--to-remote", "mine")
    supplied.write("sub/taken", "taken\n")
    for command in (
        ("add", "--to-remote", "../outside/file", "-o", "sub/taken"),
        ("add", "--to-remote", "../outside/missing"),
        ("add", "--to-remote", "mine", "copy"),
        ("add", "--to-remote", "mine", "-r", "unknown"),
    ):
        codes = [player.tool(player.root, *command).code for player in supplied.players]
        assert codes == [1, 1], command
    assert_same_disk(recorded(supplied.theirs), recorded(supplied.ours), "refusals")


def test_status_of_the_remote(tracked: Twins) -> None:
    cloud, data = ("status", "--cloud", "--json"), ("data", "status", "--not-in-remote", "--json")
    assert tracked.same_json(*cloud)["data/inner/c"] == "new"
    assert tracked.same_json(*cloud, "data/inner").keys() == {"data", "data/inner/c", "data/inner/deep/d"}
    assert tracked.same_json(*data)["not_in_remote"] == ["data/", "model.bin"]
    assert "data/inner/c" in tracked.same_json(*data, "--granular")["not_in_remote"]
    assert tracked.same_json(*data, "model.bin")["not_in_remote"] == ["model.bin"]
    tracked.run("push", "data")
    assert tracked.same_json(*cloud) == {"model.bin": "new"}
    tracked.run("push")
    assert tracked.same_json(*cloud) == {}
    assert "not_in_remote" not in tracked.same_json(*data)
    tracked.forget(".dvc/cache")
    assert tracked.same_json(*cloud)["data/a"] == "deleted"
    for quiet in (("status", "-c", "-q"), ("status", "-c", "model.bin"), ("status", "-r", "store")):
        results = [player.tool(player.root, *quiet) for player in tracked.players]
        assert results[0].code == results[1].code
        assert sorted(results[0].out.splitlines()) == sorted(results[1].out.splitlines())
    tracked.refuse("status", "-c", "-r", "unknown")
    tracked.refuse("status", "-c", "nothing")
