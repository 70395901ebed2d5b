"""Where we do more than DVC 3.67, or where DVC crashes: DVC must still understand what we leave."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.compat.twins import Twins, status
from tests.oracle import Tool


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (("--desc", "a # description: é"), "  desc: 'a # description: é'\n"),
        (
            ("--type", "model", "--label", "one", "--label", "two"),
            "  type: model\n  labels:\n  - one\n  - two\n",
        ),
        (("--meta", "owner=ada", "--meta", "note=a b"), "  meta:\n    owner: ada\n    note: a b\n"),
    ],
)
def test_annotations_on_add(
    repository: Path, dvc: Tool, dv: Tool, options: tuple[str, ...], lines: str
) -> None:
    """`dvc add` lost `--desc`, `--type`, `--label` and `--meta`; the fields are still part of the format."""
    (repository / "file").write_text("x")
    dv(repository, "add", *options, "file").ok()
    head = "outs:\n- md5: 9dd4e461268c8034f5c8564e155c67a6\n  size: 1\n  hash: md5\n  path: file\n"
    assert (repository / "file.dvc").read_text() == head + lines
    assert status(dvc, repository) == status(dv, repository)
    (repository / "file").write_text("xy")
    dvc(repository, "add", "file").ok()
    assert (repository / "file.dvc").read_text().endswith(lines)
    dv(repository, "add", "file").ok()
    assert (repository / "file.dvc").read_text().endswith(lines)


def test_recursive_add(repository: Path, dvc: Tool, dv: Tool) -> None:
    """`dvc add -R` was removed; ours gives every file below its own pointer."""
    for name in ("one", "sub/two", "sub/deeper/three"):
        (repository / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / "tree" / name).write_text(name)
    dv(repository, "add", "-R", "tree").ok()
    pointers = sorted(
        str(path.relative_to(repository)) for path in repository.rglob("*.dvc") if path.is_file()
    )
    assert pointers == ["tree/one.dvc", "tree/sub/deeper/three.dvc", "tree/sub/two.dvc"]
    assert dvc(repository, "status", "--json").json == {}


def test_undecodable_names(repository: Path, dv: Tool) -> None:
    """DVC cannot encode such names for its state database and crashes; we write them as Python's JSON does."""
    names = [os.fsdecode(name) for name in (b"\xff", b"caf\xe9", b"a\x80b/\xfe")]
    for name in names:
        (repository / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / "data" / name).write_text("content")
    dv(repository, "add", "data").ok()
    (tree,) = (repository / ".dvc/cache").rglob("*.dir")
    assert b'"relpath": "caf\\udce9"' in tree.read_bytes()
    assert dv(repository, "status", "--json").json == {}
    shutil.rmtree(repository / "data")
    dv(repository, "checkout").ok()
    assert all((repository / "data" / name).read_text() == "content" for name in names)


def test_undecodable_target(repository: Path, dv: Tool) -> None:
    """A pointer file is UTF-8 and cannot hold the name: a clear refusal, nothing written."""
    name = os.fsdecode(b"caf\xe9.bin")
    (repository / name).write_text("content")
    before = sorted(os.listdir(repository))
    result = dv(repository, "add", name)
    assert result.code == 1
    assert "UTF-8" in result.err
    assert sorted(os.listdir(repository)) == before


def test_a_target_with_a_colon(repository: Path, dvc: Tool, dv: Tool) -> None:
    """DVC reads `a: b.dvc` as stage ` b.dvc` of the file `a`; an existing pointer file is meant more likely."""
    (repository / "a: b").write_text("x")
    dv(repository, "add", "./a: b").ok()
    (repository / "a: b").unlink()
    assert dvc(repository, "checkout", "./a: b.dvc").code != 0
    dv(repository, "checkout", "./a: b.dvc").ok()
    assert (repository / "a: b").read_text() == "x"


def test_a_target_with_a_backslash(repository: Path, dvc: Tool, dv: Tool) -> None:
    """DVC takes it for a Windows path when the pointer file is named."""
    (repository / "back\\slash").write_text("x")
    dv(repository, "add", "back\\slash").ok()
    assert dvc(repository, "commit", "-f", "back\\slash.dvc").code != 0
    dv(repository, "commit", "-f", "back\\slash.dvc").ok()
    dv(repository, "remove", "back\\slash.dvc").ok()


def test_forced_checkout_of_uncommitted_data(repository: Path, dv: Tool) -> None:
    """DVC deletes the only copy, and then finds that the cache has none."""
    (repository / "file").write_text("the only copy")
    dv(repository, "add", "--no-commit", "file").ok()
    for options in (("--force",), ("--relink",), ("--force", "--relink")):
        dv(repository, "checkout", *options)
        assert (repository / "file").read_text() == "the only copy", options


def test_a_change_within_the_clock_tick(repository: Path, dv: Tool) -> None:
    """A file rewritten at once, same size and perhaps the same time: DVC may miss it, we never do."""
    path = repository / "file"
    missed = 0
    for number in range(40):
        path.write_bytes(b"%04d" % number)
        dv(repository, "add", "file").ok()
        with path.open("r+b") as file:
            file.write(b"%04d" % (number + 5000))
        missed += dv(repository, "status", "--json").json == {}
    assert missed == 0


def test_torn_remote_object_is_not_pulled(tracked: Twins) -> None:
    """DVC 3.67 trusts a truncated remote object and caches it as 0444; pull must refuse."""
    tracked.run("push")
    ours = tracked.ours
    victim = next(
        path
        for path in (ours.root.parent / "store").rglob("*")
        if path.is_file() and path.stat().st_size > 200
    )
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:50])
    victim.chmod(0o444)
    tracked.forget(".dvc/cache", "data", "model.bin")
    assert ours.run("pull").code != 0
    object_path = ours.root / ".dvc/cache/files/md5" / victim.parent.name / victim.name
    assert not object_path.exists()


def test_a_dangling_link_is_named(repository: Path, dv: Tool) -> None:
    """DVC says `[Errno 2]` or shows a traceback for a loop; both refuse."""
    (repository / "data").mkdir()
    (repository / "data/good").write_text("x")
    (repository / "data/dangling").symlink_to("nowhere")
    result = dv(repository, "add", "data")
    assert result.code != 0
    assert "dangling" in result.err
    assert not (repository / "data.dvc").exists()
