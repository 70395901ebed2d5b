"""What Git calls: hooks and merge drivers, with the real Git."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.oracle import Sandbox, Tool, copy_repository
from tests.tracking import records

HOOKS = ("post-checkout", "pre-commit", "pre-push")


@pytest.fixture(scope="module")
def prepared(template: Path, dv: Tool, sandbox: Sandbox) -> Path:
    """A directory, a file and a pipeline, committed; hooks and drivers installed."""
    repository = copy_repository(template, sandbox.base / "prepared")
    for name in ("a", "b", "in/c"):
        put(repository, f"data/{name}", name)
    put(
        repository,
        "dvc.yaml",
        "stages:\n"
        + "".join(f"  {s}:\n    cmd: cp {s} {s}.out\n    deps: [{s}]\n    outs: [{s}.out]\n" for s in "xyz"),
    )
    for name in "xyz":
        put(repository, name, name)
    dv(repository, "add", "data").ok()
    dv(repository, "repro", "-q").ok()
    save(repository, sandbox)
    dv(repository, "install").ok()
    return repository


@pytest.fixture
def root(prepared: Path, place: Path) -> Path:
    return copy_repository(prepared, place / "repo")


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.unlink()
    path.write_text(text)


def save(root: Path, sandbox: Sandbox) -> None:
    sandbox.git(root, "add", "-A")
    sandbox.git(root, "commit", "-qm", "step")


def git(root: Path, sandbox: Sandbox, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *args], cwd=root, env=sandbox.environment(), capture_output=True, text=True, check=False
    )


def branch(
    root: Path, sandbox: Sandbox, dv: Tool, name: str, files: dict[str, str | None], *, start: str = "main"
) -> None:
    """Make a branch on which some files of `data`, or sources of stages, are other ones."""
    assert git(root, sandbox, "checkout", "-q", "-b", name, start).returncode == 0
    dv(root, "checkout").ok()
    for path, text in files.items():
        if text is None:
            (root / path).unlink()
        else:
            put(root, path, text)
    dv(root, "add", "-q", "data").ok()
    if not all(path.startswith("data/") for path in files):
        dv(root, "repro", "-q").ok()
    save(root, sandbox)


def tree(root: Path, dv: Tool) -> dict[str, str]:
    dv(root, "checkout", "data.dvc").ok()
    return {
        str(path.relative_to(root / "data")): path.read_text()
        for path in (root / "data").rglob("*")
        if path.is_file()
    }


def test_directories_are_merged_by_their_files(root: Path, sandbox: Sandbox, dv: Tool, dvc: Tool) -> None:
    branch(root, sandbox, dv, "one", {"data/a": "A", "data/new": "n", "data/b": None})
    branch(root, sandbox, dv, "two", {"data/in/c": "C", "data/other": "o", "data/b": None})
    done = git(root, sandbox, "merge", "--no-edit", "one")
    assert done.returncode == 0, done
    assert tree(root, dv) == {"a": "A", "new": "n", "in/c": "C", "other": "o"}
    assert yaml.safe_load((root / "data.dvc").read_text())["outs"][0]["nfiles"] == 4
    assert yaml.safe_load((root / "data.dvc").read_text())["outs"][0]["size"] == 4
    assert dvc(root, "status", "--json", "data.dvc").json == {}
    assert records(root)[-2]["verb"] == "merge"


def test_the_same_file_changed_twice(root: Path, sandbox: Sandbox, dv: Tool) -> None:
    branch(root, sandbox, dv, "one", {"data/a": "1", "data/x": "1"})
    branch(root, sandbox, dv, "two", {"data/a": "2", "data/y": "2"})
    done = git(root, sandbox, "merge", "--no-edit", "one")
    assert done.returncode == 1
    assert "CONFLICT in data.dvc: both sides changed 'a'" in done.stderr
    assert "<<<<<<< ours" in (root / "data.dvc").read_text()
    assert "UU data.dvc" in sandbox.git(root, "status", "--porcelain")
    sandbox.git(root, "checkout", "--ours", "data.dvc")
    assert tree(root, dv) == {"a": "2", "b": "b", "in/c": "in/c", "y": "2"}


def test_a_file_against_a_directory(root: Path, sandbox: Sandbox, dv: Tool) -> None:
    branch(root, sandbox, dv, "one", {"data/k": "1"})
    branch(root, sandbox, dv, "two", {"data/k/in": "2"})
    done = git(root, sandbox, "merge", "--no-edit", "one")
    assert done.returncode == 1
    assert "'k' is a file and a directory" in done.stderr


def test_a_listing_that_was_never_fetched(root: Path, sandbox: Sandbox, dv: Tool) -> None:
    branch(root, sandbox, dv, "one", {"data/x": "1"})
    value = yaml.safe_load((root / "data.dvc").read_text())["outs"][0]["md5"]
    branch(root, sandbox, dv, "two", {"data/y": "2"})
    (root / ".dvc/cache/files/md5" / value[:2] / value[2:]).unlink()
    done = git(root, sandbox, "merge", "--no-edit", "one")
    assert done.returncode == 1
    assert "dv fetch -a" in done.stderr


def test_a_hostile_listing(root: Path, sandbox: Sandbox, dv: Tool) -> None:
    """What comes from another branch names no file outside of the cache."""
    (root.parent / "secret.dir").write_text("[]")
    for name, digest in (("one", "../../../../../../secret.dir"), ("two", "0" * 32 + ".dir")):
        sandbox.git(root, "checkout", "-q", "--no-track", "-b", name, "main")
        put(root, "data.dvc", f"outs:\n- md5: {digest}\n  hash: md5\n  path: data\n")
        sandbox.git(root, "commit", "-qam", name, "--no-verify")
    done = git(root, sandbox, "merge", "--no-edit", "one")
    assert done.returncode == 1
    assert "CONFLICT in data.dvc" in done.stderr
    assert "unexpected" not in done.stderr


def test_lock_files_are_merged_by_their_stages(root: Path, sandbox: Sandbox, dv: Tool, dvc: Tool) -> None:
    branch(root, sandbox, dv, "one", {"x": "1", "y": "1"})
    branch(root, sandbox, dv, "two", {"z": "2"})
    assert git(root, sandbox, "merge", "--no-edit", "one").returncode == 0
    dv(root, "checkout").ok()
    assert dvc(root, "status", "--json").json == {} == dv(root, "status", "--json").json
    branch(root, sandbox, dv, "three", {"x": "3", "y": "3"}, start="one")
    branch(root, sandbox, dv, "four", {"x": "4", "z": "4"}, start="one")
    done = git(root, sandbox, "merge", "--no-edit", "three")
    assert "CONFLICT in dvc.lock: both sides ran 'x'" in done.stderr
    text = (root / "dvc.lock").read_text()
    before, _, rest = text.partition("<<<<<<< ours")
    inside, _, after = rest.rpartition(">>>>>>> theirs")
    assert "\n  x:\n" in before
    assert "y:" not in inside
    assert "z:" not in inside
    assert "\n  y:\n" in after
    assert "\n  z:\n" in after


def test_after_a_checkout_the_data_follows(root: Path, sandbox: Sandbox, dv: Tool) -> None:
    branch(root, sandbox, dv, "one", {"data/a": "A"})
    done = git(root, sandbox, "checkout", "main")
    assert (root / "data/a").read_text() == "a"
    assert "M\tdata/" in done.stderr
    assert git(root, sandbox, "checkout", "-q", "-b", "same").stderr == ""
    put(root, "data/a", "mine")
    assert git(root, sandbox, "checkout", "-q", "--", "data.dvc").returncode == 0
    assert (root / "data/a").read_text() == "mine"
    refused = git(root, sandbox, "checkout", "-q", "one")
    assert refused.returncode != 0
    assert "saved nowhere" in refused.stderr
    assert (root / "data/a").read_text() == "mine"


def test_before_a_commit_changes_are_shown(root: Path, sandbox: Sandbox) -> None:
    put(root, "readme", "x")
    sandbox.git(root, "add", "readme")
    done = git(root, sandbox, "commit", "-qm", "quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    put(root, "data/a", "mine")
    done = git(root, sandbox, "commit", "-q", "--allow-empty", "-m", "changed")
    assert done.returncode == 0
    assert "modified:" in done.stdout + done.stderr


def test_before_a_push_the_data_goes(root: Path, sandbox: Sandbox, dv: Tool) -> None:
    sandbox.git(root, "init", "-q", "--bare", "../origin.git")
    sandbox.git(root, "remote", "add", "origin", "../origin.git")
    dv(root, "remote", "add", "-d", "store", "../store").ok()
    save(root, sandbox)
    assert "files pushed" in git(root, sandbox, "push", "origin", "main").stdout
    assert list((root.parent / "store").rglob("*.dir"))
    assert "up to date" not in git(root, sandbox, "push", "-q", "origin", "main:other").stdout
    dv(root, "remote", "modify", "store", "url", "/dev/null/nowhere").ok()
    assert git(root, sandbox, "push", "-q", "origin", "--delete", "other").returncode == 0
    assert git(root, sandbox, "push", "-q", "origin", "main:third").returncode != 0


def test_in_a_work_tree_of_its_own(root: Path, sandbox: Sandbox, dv: Tool) -> None:
    branch(root, sandbox, dv, "one", {"data/a": "A"})
    done = git(root, sandbox, "worktree", "add", "../linked", "main")
    linked = root.parent / "linked"
    assert done.returncode == 0, done
    assert (linked / "data/a").read_text() == "a"
    assert git(linked, sandbox, "merge", "-q", "--no-edit", "one").returncode == 0
    assert dv(linked, "install", "--json").json["directory"] == str(root / ".git/hooks")


def test_in_a_directory_of_git(dv: Tool, place: Path, sandbox: Sandbox) -> None:
    """Several repositories in one of Git: the hooks serve all of them."""
    sandbox.git(place, "init", "-q")
    for name in ("a", "b"):
        put(place, f"{name}/data", name)
        dv(place / name, "init", "-q", "--subdir").ok()
        dv(place / name, "add", "-q", "data").ok()
    dv(place / "a", "install").ok()
    save(place, sandbox)
    for name in ("a", "b"):
        put(place, f"{name}/data", "mine")
    done = git(place, sandbox, "commit", "-q", "--allow-empty", "-m", "x")
    assert (done.stdout + done.stderr).count("modified:") == 2


def test_again_and_over_dvc(root: Path, sandbox: Sandbox, dv: Tool, dvc: Tool) -> None:
    before = {name: (root / ".git/hooks" / name).read_text() for name in HOOKS}
    dv(root, "install").ok()
    assert (root / ".git/info/attributes").read_text().count("merge=dvc") == 1
    for name in HOOKS:
        (root / ".git/hooks" / name).unlink()
    dvc.real(root, "install").ok()
    assert "dvc git-hook" in (root / ".git/hooks/pre-commit").read_text()
    dv(root, "install").ok()
    assert {name: (root / ".git/hooks" / name).read_text() for name in HOOKS} == before
    assert "dv" in sandbox.git(root, "config", "merge.dvc.driver")


def test_hooks_of_the_user_are_left_alone(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    theirs = copy_repository(repository, repository.parent / "theirs")
    for root in (repository, theirs):
        put(root, ".git/hooks/pre-push", "#!/bin/sh\nexit 0\n")
    codes = [tool.real(root, "install").code for tool, root in ((dvc, theirs), (dv, repository))]
    assert codes == [1, 1]
    assert not (repository / ".git/hooks/pre-commit").exists()
    refused = dv(repository, "install")
    assert 'git-hook pre-push "$@" </dev/null || exit' in refused.err
    line = refused.err.rpartition("run this again: ")[2]
    put(repository, ".git/hooks/pre-push", f"#!/bin/sh\n{line}\ncat > ../told\n")
    (repository / ".git/hooks/pre-push").chmod(0o755)
    dv(repository, "install").ok()
    sandbox.git(repository, "init", "-q", "--bare", "../origin.git")
    sandbox.git(repository, "push", "-q", "../origin.git", "main")
    assert "refs/heads/main" in (repository.parent / "told").read_text()
    assert os.access(repository / ".git/hooks/pre-commit", os.X_OK)


def test_core_hooks_path(repository: Path, sandbox: Sandbox, dv: Tool) -> None:
    sandbox.git(repository, "config", "core.hooksPath", ".githooks")
    assert dv(repository, "install", "--json").json["directory"] == str(repository / ".githooks")
    assert (repository / ".githooks/pre-commit").exists()
    sandbox.git(repository, "config", "core.hooksPath", str(repository.parent / "shared"))
    refused = dv(repository, "install")
    assert refused.code == 1
    assert "git config core.hooksPath" in refused.err
    assert not (repository.parent / "shared").exists()


def test_the_tool_pre_commit(repository: Path, dv: Tool) -> None:
    put(repository, ".pre-commit-config.yaml", "# ours\nrepos:\n- repo: local\n  hooks: []\n")
    for _ in range(2):
        assert (
            "pre-commit install --hook-type post-checkout"
            in dv(repository, "install", "--use-pre-commit-tool").ok().out
        )
    text = (repository / ".pre-commit-config.yaml").read_text()
    assert text.startswith("# ours\n")
    found = yaml.safe_load(text)["repos"]
    assert len(found) == 2
    assert [hook["stages"] for hook in found[1]["hooks"]] == [[name] for name in HOOKS]
    assert not (repository / ".git/hooks/pre-commit").exists()
    assert dv(repository, "git-hook", "post-checkout", env={"PRE_COMMIT_CHECKOUT_TYPE": "1"}).code == 0


def test_without_git(place: Path, dvc: Tool, dv: Tool) -> None:
    dv(place, "init", "--no-scm").ok()
    assert dvc(place, "install").code == dv(place, "install").code == 0
    assert json.loads(dv(place, "install", "--json").out)["hooks"] == []


def test_hooks_outside_of_a_repository(place: Path, dvc: Tool, dv: Tool, sandbox: Sandbox) -> None:
    sandbox.git(place, "init", "-q")
    for name in HOOKS:
        theirs, ours = (tool(place, "git-hook", name, "a", "b", "1") for tool in (dvc, dv))
        assert (ours.code, ours.out, ours.err) == (0, "", "") == (theirs.code, theirs.out, theirs.err)
