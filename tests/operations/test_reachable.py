"""What history mentions, and which lost listings matter; the pointer files are written by hand."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

import pytest

from data_versioning.git.repository import Git
from data_versioning.operations import reachable
from data_versioning.operations.reachable import Place, Selection
from tests.oracle import Sandbox


def oid(text: str) -> bytes:
    return md5(text.encode()).hexdigest().encode()


def listing(text: str) -> bytes:
    return oid(text) + b".dir"


LOCK = """schema: '2.0'
stages:
  s:
    cmd: run
    deps:
    - path: source
      hash: md5
      md5: {dependency}
    outs:
    - path: out
      hash: md5
      md5: {output}
"""


class History:
    """A Git repository with a project, one commit after the other."""

    def __init__(self, root: Path, sandbox: Sandbox) -> None:
        self.root, self.sandbox = root, sandbox
        sandbox.git(root, "init", "-q")
        (root / ".dvc").mkdir()
        (root / ".dvc/config").write_text("")

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            (self.root / name.replace("__", ".")).write_text(text)
        self.sandbox.git(self.root, "add", ".")
        self.sandbox.git(self.root, "commit", "-qm", "x", "--allow-empty")
        return self.sandbox.git(self.root, "rev-parse", "HEAD").strip()

    def run(self, name: str, *, options: str = "") -> str:
        return self.commit(
            dvc__yaml=f"stages:\n  s:\n    cmd: run\n    deps: [source]\n    outs:\n    - out{options}\n",
            dvc__lock=LOCK.format(dependency=listing(f"d {name}").decode(), output=listing(name).decode()),
        )

    @property
    def place(self) -> Place:
        return Place(root=str(self.root), no_scm=False)

    def git(self) -> Git:
        found = self.place.git
        assert found
        return found


@pytest.fixture
def past(place: Path, sandbox: Sandbox) -> History:
    return History(place, sandbox)


def test_every_pointer_file_of_the_chosen_commits_counts(past: History) -> None:
    first = past.commit(a__dvc=f"outs:\n- md5: {oid('1').decode()}\n  hash: md5\n  path: a\n")
    second = past.commit(a__dvc=f"outs:\n- md5: {listing('2').decode()}\n  path: a\n")
    third = past.run("3")
    assert reachable.in_history(past.git(), [first]) == {oid("1")}
    both = {oid("1"), listing("2")}
    assert reachable.in_history(past.git(), [first, second]) == both
    assert reachable.in_history(past.git(), [third, first]) == both | {listing("3"), listing("d 3")}


def test_files_in_the_middle_of_a_merge_keep_both_sides(past: History) -> None:
    text = f"outs:\n<<<<<<< a\n- md5: {oid('a').decode()}\n=======\n- md5: {oid('b').decode()}\n>>>>>>> b\n"
    assert reachable.in_history(past.git(), [past.commit(a__dvc=text)]) == {oid("a"), oid("b")}


def test_lost_listings_matter_only_for_cached_outputs(past: History) -> None:
    commits = [past.run("kept"), past.run("uncached", options=": {cache: false}")]
    lost = {listing("kept"), listing("uncached"), listing("d kept"), listing("d uncached")}
    needed = reachable.needed_in_history(past.place, commits, lost)
    assert needed == {listing("kept"): f"'out' at {commits[0][:7]}"}


def test_a_commit_that_cannot_be_read_may_need_anything(past: History) -> None:
    commit = past.run("x", options=": {cache: 7}")
    needed = reachable.needed_in_history(past.place, [commit], {listing("x"), listing("never heard of")})
    assert list(needed) == [listing("x")]


def test_listings_are_looked_up_in_every_cache(place: Path) -> None:
    content = f'[{{"md5": "{oid("member").decode()}", "relpath": "x"}}]'.encode()
    name = md5(content).hexdigest()
    for base, directory in (("old", ""), ("new", "files/md5/")):
        path = place / base / f"{directory}{name[:2]}/{name[2:]}.dir"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    value = name.encode() + b".dir"
    for base in ("old", "new"):
        assert reachable.expand([value], [str(place / "none"), str(place / base)]) == ({oid("member")}, set())
    assert reachable.expand([value, oid("file")], [str(place / "none")]) == (set(), {value})
    path.write_bytes(content + b" ")
    assert reachable.expand([value], [str(place / "new")]) == (set(), {value})


def test_experiments_are_commits_off_the_branches(past: History, sandbox: Sandbox) -> None:
    base = past.commit(a="1")
    tips = [past.commit(a="2"), past.commit(a="3")]
    sandbox.git(past.root, "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/name", tips[-1])
    sandbox.git(past.root, "reset", "-q", "--hard", base)
    found = reachable.revisions(past.place, Selection(all_experiments=True))
    assert set(found) == set(tips)


def test_worktrees_of_a_project_in_a_subdirectory(past: History, sandbox: Sandbox) -> None:
    sub = past.root / "sub"
    (sub / ".dvc").mkdir(parents=True)
    (sub / ".dvc/config").write_text("")
    past.commit(a="1")
    linked = past.root.parent / f"{past.root.name}-linked"
    sandbox.git(past.root, "worktree", "add", "-q", str(linked))
    found = {place.root for place in reachable.places(str(sub), no_scm=False)}
    assert found == {str(sub), str(linked / "sub")}
    assert [place.root for place in reachable.places(str(sub), no_scm=True)] == [str(sub)]
    sandbox.git(past.root, "worktree", "remove", "--force", str(linked))
