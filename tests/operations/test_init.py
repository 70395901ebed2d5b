"""`dv init` against the real one."""

from __future__ import annotations

import fcntl
import json
from hashlib import md5
from pathlib import Path

import pytest

from tests.oracle import Result, Sandbox, Tool, difference, snapshot
from tests.tracking import records


def twins(place: Path, *, git: bool, sandbox: Sandbox) -> list[Path]:
    found = [place / "dvc", place / "dv"]
    for path in found:
        path.mkdir()
        if git:
            sandbox.git(path, "init", "-q")
    return found


def both(tools: tuple[Tool, Tool], roots: list[Path], *args: str) -> tuple[Result, Result]:
    theirs, ours = (tool(root, "init", *args) for tool, root in zip(tools, roots, strict=True))
    assert theirs.code == ours.code, f"{theirs}\n{ours}"
    assert not difference(*(snapshot(root) for root in roots))
    return theirs, ours


def test_beside_git(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    roots = twins(place, git=True, sandbox=sandbox)
    both((dvc, dv), roots)
    theirs, ours = (sandbox.git(root, "status", "--porcelain") for root in roots)
    assert theirs == ours
    assert ours.count("A  ") == 3


def test_without_git(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    both((dvc, dv), twins(place, git=False, sandbox=sandbox), "--no-scm")


def test_below_the_top_of_git(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    roots = twins(place, git=True, sandbox=sandbox)
    inside = [root / "sub" for root in roots]
    for path in inside:
        path.mkdir()
    _, refused = both((dvc, dv), inside)
    assert refused.code == 1
    both((dvc, dv), inside, "--subdir")
    theirs, ours = (sandbox.git(root, "status", "--porcelain") for root in roots)
    assert theirs == ours


def test_in_a_directory_given_by_name(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    roots = twins(place, git=False, sandbox=sandbox)
    for tool, root in zip((dvc, dv), roots, strict=True):
        tool(root, "init", "--no-scm", "new/place").ok()
    assert not difference(*(snapshot(root / "new/place") for root in roots))
    assert ".dvc/config" in snapshot(roots[1] / "new/place")


@pytest.mark.parametrize("args", [[], ["-q"]])
def test_refused_without_git(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox, args: list[str]) -> None:
    _, ours = both((dvc, dv), twins(place, git=False, sandbox=sandbox), *args)
    assert ours.code == 1
    assert "--no-scm" in ours.err


def test_refused_where_it_exists_and_forced(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    roots = twins(place, git=True, sandbox=sandbox)
    both((dvc, dv), roots)
    for root in roots:
        (root / ".dvc/config").write_text("[core]\n    autostage = true\n")
        (root / ".dvcignore").write_text("mine\n")
        (root / ".dvc/cache").mkdir()
    _, refused = both((dvc, dv), roots)
    assert refused.code == 1
    assert "init -f" in refused.err
    both((dvc, dv), roots, "--force")
    assert (roots[1] / ".dvc/config").read_text() == ""
    assert (roots[1] / ".dvcignore").read_text() == "mine\n"


def test_refused_where_git_ignores_it(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    roots = twins(place, git=True, sandbox=sandbox)
    for root in roots:
        (root / ".gitignore").write_text(".dvc\n")
    _, ours = both((dvc, dv), roots)
    assert ours.code == 1
    assert ".gitignore" in ours.err


def test_no_scm_and_subdir_exclude_each_other(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    _, ours = both((dvc, dv), twins(place, git=True, sandbox=sandbox), "--no-scm", "--subdir")
    assert ours.code == 255


def test_the_operation_log_survives_a_forced_init_without_git(dv: Tool, place: Path) -> None:
    dv(place, "init", "--no-scm").ok()
    dv(place, "init", "--no-scm", "-f").ok()
    records = (place / ".dvc/dv/log/events.jsonl").read_text().splitlines()
    assert [json.loads(line)["verb"] for line in records] == ["init", "init"]


def test_json_tells_what_was_staged(dv: Tool, place: Path, sandbox: Sandbox) -> None:
    sandbox.git(place, "init", "-q")
    assert dv(place, "init", "--json").json == {
        "root": str(place),
        "staged": [".dvc/config", ".dvcignore", ".dvc/.gitignore"],
    }


def test_dvc_works_in_what_we_made(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    sandbox.git(place, "init", "-q")
    dv(place, "init").ok()
    (place / "data").write_text("x")
    dvc(place, "add", "data").ok()
    assert "up to date" in dvc(place, "status").ok().out


def test_the_record_names_the_files_with_their_hashes(dv: Tool, place: Path, sandbox: Sandbox) -> None:
    sandbox.git(place, "init", "-q")
    dv(place, "init").ok()
    names = [".dvc/.gitignore", ".dvc/config", ".dvcignore"]
    after = {name: md5((place / name).read_bytes()).hexdigest() for name in names}
    assert sorted(records(place)[-1]["pointers"]) == [[name, None, after[name]] for name in names]
    (place / ".dvc/config").write_text("[core]\n")
    (place / ".dvcignore").write_text("*.log\n")
    dv(place, "init", "-f").ok()
    assert records(place)[-1]["pointers"] == [
        [".dvc/config", md5(b"[core]\n").hexdigest(), after[".dvc/config"]]
    ]


def test_where_a_file_has_the_name(dv: Tool, place: Path, sandbox: Sandbox) -> None:
    sandbox.git(place, "init", "-q")
    (place / ".dvc").write_text("mine")
    assert "cannot make a repository" in dv(place, "init").err
    assert (place / ".dvc").read_text() == "mine"
    assert not list(place.glob(".dvc.*"))


def test_several_in_one_git_repository(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    """One made by each tool; both tools work in both, from wherever one stands, and in a clone elsewhere."""
    mono = place / "mono"
    for tool, name in ((dvc, "a"), (dv, "deep/b")):
        (mono / name / "in").mkdir(parents=True)
        if name == "a":
            sandbox.git(mono, "init", "-q")
        tool(mono / name, "init", "-q", "--subdir").ok()
        (mono / name / "in/data").write_text(name)
        tool(mono / name / "in", "add", "-q", "data").ok()
    sandbox.git(mono, "add", "-A")
    sandbox.git(mono, "commit", "-qm", "all")
    assert sandbox.git(mono, "status", "--porcelain") == ""
    for tool in (dvc, dv):
        assert tool(mono / "a/in", "status", "--json").json == {}
        assert tool(mono / "deep/b", "status", "--json").json == {}
        assert tool(mono, "status").code == 253
    said = dv(mono, "status", "-q")
    assert "dv --cd a COMMAND   (one of 2: a, deep/b)" in said.err
    assert "dv --cd b COMMAND\n" in dv(mono / "deep", "status").err
    sandbox.git(place, "clone", "-q", "mono", "clone")
    for name in ("a", "deep/b"):
        (place / "clone" / name / ".dvc/config.local").write_text(
            f"[cache]\n    dir = {mono / name}/.dvc/cache\n"
        )
        dv(place / "clone" / name, "checkout").ok()
        assert (place / "clone" / name / "in/data").read_text() == name
        assert dvc(place / "clone" / name, "status", "--json").json == {}


def test_one_inside_another(dvc: Tool, dv: Tool, place: Path, sandbox: Sandbox) -> None:
    roots = twins(place, git=True, sandbox=sandbox)
    both((dvc, dv), roots)
    inside = [root / "in" for root in roots]
    for path in inside:
        path.mkdir()
    both((dvc, dv), inside, "--subdir")
    both((dvc, dv), inside, "--subdir", "-f")
    both((dvc, dv), inside, "--no-scm")
    both((dvc, dv), inside, "--no-scm", "-f")
    theirs, ours = (sandbox.git(root, "status", "--porcelain") for root in roots)
    assert theirs.replace(".dvc/tmp/", ".dvc/dv/") == ours  # each has its own in there


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_forced_loses_no_data(dv: Tool, place: Path, sandbox: Sandbox, kind: str) -> None:
    """The cache goes; what was linked into it is copied before."""
    sandbox.git(place, "init", "-q")
    dv(place, "init").ok()
    dv(place, "config", "cache.type", kind).ok()
    (place / "data").mkdir()
    (place / "data/a").write_text("a")
    dv(place, "add", "data").ok()
    dv(place, "init", "-f").ok()
    assert not (place / ".dvc/cache").exists()
    assert not (place / "data/a").is_symlink()
    assert (place / "data/a").read_text() == "a"
    assert (place / "data/a").stat().st_nlink == 1
    dv(place, "commit", "-f").ok()
    assert dv(place, "status", "--json").json == {}


def test_forced_waits_for_others(dv: Tool, place: Path) -> None:
    dv(place, "init", "--no-scm").ok()
    lock = place / ".dvc/tmp/lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        refused = dv(place, "init", "--no-scm", "-f", env={"DV_LOCK_TIMEOUT": "0"})
    assert "held by" in refused.err
    assert lock.exists()
