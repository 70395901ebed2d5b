"""Laws of the engine: what is added comes back, exactly, and nothing that is used is lost."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.compat import trees
from tests.compat.trees import Change, Editor, Kind
from tests.compat.twins import fresh, prune
from tests.oracle import Entry, Sandbox, Tool, copy_repository, snapshot

raw_names = st.one_of(trees.names, st.sampled_from(trees.UNDECODABLE))
raw_paths = st.lists(raw_names, min_size=1, max_size=3).map("/".join)
some_trees = trees.trees(paths=raw_paths, executables=False)
versions = st.lists(
    st.lists(trees.changes(paths=raw_paths, executables=False), max_size=4), min_size=1, max_size=4
)


def files(top: Path) -> dict[str, Entry]:
    """The files of the tracked directory, without empty directories."""
    return prune(snapshot(top)) if top.exists() else {}


def start(
    place: Path, template: Path, tree: tuple[Change, ...], cache_type: str = "copy"
) -> tuple[Path, Editor]:
    repo = copy_repository(template, place / "repo")
    (place / "store").mkdir()
    (repo / ".dvc/config").write_text(
        f"[core]\n    remote = store\n[cache]\n    type = {cache_type}\n['remote \"store\"']\n    url = ../../store\n"
    )
    editor = Editor((repo,))
    editor.apply("data", Change(Kind.EMPTY_DIRECTORY, ""), *tree)
    return repo, editor


def test_what_is_added_comes_back(sandbox: Sandbox, dv: Tool, template: Path) -> None:
    """add, forget, checkout; and push, forget everything local, pull: the same tree."""

    @settings(max_examples=40)
    @given(tree=some_trees)
    def run(tree: tuple[Change, ...]) -> None:
        with fresh(sandbox) as place:
            repo, _ = start(place, template, tree)
            wanted = files(repo / "data")
            dv(repo, "add", "data").ok()
            assert files(repo / "data") == wanted
            shutil.rmtree(repo / "data")
            dv(repo, "checkout").ok()
            assert files(repo / "data") == wanted
            dv(repo, "push").ok()
            shutil.rmtree(repo / "data")
            shutil.rmtree(repo / ".dvc/cache")
            dv(repo, "pull").ok()
            assert files(repo / "data") == wanted

    seed(1)(run)()


def test_add_again_is_a_no_op(sandbox: Sandbox, dv: Tool, template: Path) -> None:
    @settings(max_examples=30)
    @given(tree=some_trees, cache_type=st.sampled_from(["copy", "hardlink", "symlink"]))
    def run(tree: tuple[Change, ...], cache_type: str) -> None:
        with fresh(sandbox) as place:
            repo, _ = start(place, template, tree, cache_type)
            dv(repo, "add", "data").ok()
            once = prune(snapshot(repo))
            for command in (("add", "data"), ("commit",), ("checkout",), ("status",), ("gc", "-w", "-f")):
                dv(repo, *command).ok()
                assert prune(snapshot(repo)) == once, command
            shutil.rmtree(repo / ".dvc/tmp")
            dv(repo, "add", "data").ok()
            assert prune(snapshot(repo)) == once, "the caches in .dvc/tmp may only save time"

    seed(2)(run)()


def test_every_version_of_the_history_comes_back(sandbox: Sandbox, dv: Tool, template: Path) -> None:
    """After gc of everything that no commit needs, each commit's tree can still be checked out."""

    @settings(max_examples=25)
    @given(tree=some_trees, edits=versions)
    def run(tree: tuple[Change, ...], edits: list[list[Change]]) -> None:
        with fresh(sandbox) as place:
            repo, editor = start(place, template, tree)
            history = []
            for changes in [[], *edits]:
                editor.apply("data", *(change for change in changes if change.path))
                dv(repo, "add", "data").ok()
                sandbox.git(repo, "add", "-A")
                sandbox.git(repo, "commit", "-qm", "version", "--allow-empty")
                history.append((sandbox.git(repo, "rev-parse", "HEAD").strip(), files(repo / "data")))
            dv(repo, "gc", "-A", "-f").ok()
            for commit, wanted in random.Random(len(history)).sample(history, len(history)):
                sandbox.git(repo, "checkout", "-q", commit)
                dv(repo, "checkout").ok()
                assert files(repo / "data") == wanted
                assert dv(repo, "status", "--json").json == {}

    seed(3)(run)()


def test_status_sees_every_change_and_only_changes(sandbox: Sandbox, dv: Tool, template: Path) -> None:
    """Even a change that keeps size and modification time; and the change back is no change."""

    @settings(max_examples=40)
    @given(
        content=st.binary(min_size=1, max_size=50), place_in_file=st.integers(0, 49), restamp=st.booleans()
    )
    def run(content: bytes, place_in_file: int, restamp: bool) -> None:
        with fresh(sandbox) as place:
            repo, _ = start(
                place, template, (Change(Kind.WRITE, "file", content), Change(Kind.WRITE, "other", b"x"))
            )
            path = repo / "data/file"
            dv(repo, "add", "data").ok()
            times = path.stat().st_atime_ns, path.stat().st_mtime_ns
            position = place_in_file % len(content)
            changed = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
            for now, expected in ((changed, {"data": "modified"}), (content, None)):
                with path.open("r+b") as file:
                    file.write(now)
                if restamp:
                    os.utime(path, ns=times)
                answer = dv(repo, "status", "--json").json
                assert answer == ({"data.dvc": [{"changed outs": expected}]} if expected else {})

    seed(4)(run)()


@pytest.mark.parametrize("native", ["0", "1"])
def test_the_order_on_disk_does_not_matter(sandbox: Sandbox, dv: Tool, template: Path, native: str) -> None:
    """The directory object depends on names and contents alone, with and without the C module."""

    @settings(max_examples=15)
    @given(tree=some_trees, shuffle=st.randoms(use_true_random=False))
    def run(tree: tuple[Change, ...], shuffle: random.Random) -> None:
        with fresh(sandbox) as place:
            repo, _ = start(place, template, tree)
            dv(repo, "add", "data").ok()
            pointer = (repo / "data.dvc").read_bytes()
            copied = place / "again"
            names = sorted(name for name, entry in snapshot(repo / "data").items() if entry.kind == "file")
            shuffle.shuffle(names)
            for name in names:
                (copied / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(repo / "data" / name, copied / name)
            copied.mkdir(exist_ok=True)
            shutil.rmtree(repo / "data")
            copied.rename(repo / "data")
            dv.real(repo, "add", "data", env={"DV_NATIVE": native}).ok()
            assert (repo / "data.dvc").read_bytes() == pointer

    seed(5)(run)()


def test_gc_never_takes_what_is_used(sandbox: Sandbox, dv: Tool, template: Path) -> None:
    """After any edits, adds and removals, `gc -w` keeps exactly what the pointers need."""

    @settings(max_examples=30)
    @given(tree=some_trees, edits=versions)
    def run(tree: tuple[Change, ...], edits: list[list[Change]]) -> None:
        with fresh(sandbox) as place:
            repo, editor = start(place, template, tree)
            (repo / "other").write_bytes(b"shared\n")
            dv(repo, "add", "data", "other").ok()
            for changes in edits:
                editor.apply("data", *(change for change in changes if change.path))
                dv(repo, "add", "data").ok()
                dv(repo, "gc", "-w", "-f").ok()
            wanted = files(repo / "data")
            contents = {entry.content for entry in wanted.values() if entry.kind == "file"} | {b"shared\n"}
            kept = {path.read_bytes() for path in (repo / ".dvc/cache").rglob("*") if path.is_file()}
            assert contents <= kept
            assert len(kept) == len(contents) + 1, "gc left something that nothing refers to"
            shutil.rmtree(repo / "data")
            dv(repo, "checkout").ok()
            assert files(repo / "data") == wanted

    seed(6)(run)()
