"""A directory of this machine as a tree."""

from __future__ import annotations

from pathlib import Path

from data_versioning.paths import RepoPath
from data_versioning.source import Item, Tree
from data_versioning.workspace.tree import DiskTree


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "d/in").mkdir(parents=True)
    (tmp_path / "d/run").write_text("run!")
    (tmp_path / "d/run").chmod(0o755)
    (tmp_path / "d/file").symlink_to("run")
    (tmp_path / "d/loop").symlink_to(tmp_path)
    (tmp_path / "d/gone").symlink_to("nothing")
    tree: Tree = DiskTree(str(tmp_path))
    found = tree.items("d")
    assert set(found) == {"in", "run", "file", "loop"}
    assert found["run"] == Item(is_dir=False, size=4, is_executable=True)
    assert found["file"] == Item(is_dir=False, size=4)
    assert (found["in"].is_dir, found["loop"].is_dir) == (True, False)
    loop = tree.item("d/loop")
    assert loop is not None
    assert loop.is_dir  # named by itself, it is what it leads to
    assert (tree.item("d/gone"), tree.items("nothing"), tree.items("d/run")) == (None, {}, {})
    assert tree.read(RepoPath("d/run")) == b"run!"
