from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.operations.sharing import FILES, clone, commit, forget, object_of, objects, tracked, write
from tests.oracle import Sandbox, Tool


@pytest.fixture
def pushed(repository: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """A fresh clone of a repository whose data the real DVC has pushed."""
    tracked(repository, sandbox, dvc)
    dvc(repository, "push", "-q").ok()
    return clone(repository, sandbox)


def data(repository: Path) -> dict[str, str]:
    places = [*(repository / "data").rglob("*"), repository / "lone"]
    return {str(path.relative_to(repository)): path.read_text() for path in places if path.is_file()}


def test_a_fresh_clone(pushed: Path, repository: Path, dvc: Tool, dv: Tool) -> None:
    result = dv(pushed, "pull").ok()
    assert result.out == "A\tdata/\nA\tlone\n6 files fetched and 5 files added\n"
    assert data(pushed) == FILES
    assert objects(pushed / ".dvc/cache") == objects(repository / ".dvc/cache")
    assert dv(pushed, "pull").ok().out == "Everything is up to date.\n"
    assert dvc(pushed, "pull").ok().out == "Everything is up to date.\n"
    assert dvc(pushed, "status").ok().out == "Data and pipelines are up to date.\n"
    forget(pushed)
    assert dvc(pushed, "pull").ok().out.split() == result.out.split()


def test_json(pushed: Path, dv: Tool) -> None:
    planned = dv(pushed, "pull", "--dry-run", "--json").json
    assert (planned["fetched"], planned["dry_run"]) == (6, True)
    assert not (pushed / "data").exists()
    done = dv(pushed, "pull", "--json").json
    assert done["fetched"] == 6
    assert done["checkout"]["added"] == ["data/", "lone"]
    assert done["checkout"]["stats"] == {"added": 5, "modified": 0, "deleted": 0}


def test_part_of_a_directory(pushed: Path, dv: Tool) -> None:
    assert dv(pushed, "pull", "data/sub").ok().out == "A\tdata/\n3 files fetched and 2 files added\n"
    assert {name for name in FILES if (pushed / name).exists()} == {"data/sub/b", "data/sub/c"}


def test_after_a_change_elsewhere(
    pushed: Path, repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool
) -> None:
    dv(pushed, "pull").ok()
    write(repository, {"data/a": "changed", "data/new": "new"})
    (repository / "data/empty").unlink()
    dvc(repository, "add", "-q", "data").ok()
    commit(repository, sandbox)
    dv(repository, "push").ok()
    sandbox.git(pushed, "pull", "-q")
    result = dv(pushed, "pull").ok()
    assert result.out == "M\tdata/\n3 files fetched, 1 file added, 1 file modified and 1 file deleted\n"
    assert data(pushed) == data(repository)


def test_unsaved_work_is_kept(pushed: Path, dv: Tool) -> None:
    write(pushed, {"lone": "mine"})
    result = dv(pushed, "pull")
    assert result.code != 0 and "saved nowhere" in result.err
    assert (pushed / "lone").read_text() == "mine"
    dv(pushed, "pull", "--force").ok()
    assert (pushed / "lone").read_text() == "lone"


def test_missing_on_the_remote(pushed: Path, repository: Path, dv: Tool) -> None:
    object_of(repository.parent / "remote", "beta").unlink()
    result = dv(pushed, "pull")
    assert result.code == 1 and "'data/sub/b'" in result.err
    assert result.out == "A\tlone\n4 files fetched and 1 file added\n", "what is complete is brought in"
    assert "not in the workspace: data\n" in result.err
    assert data(pushed) == {"lone": "lone"}
    again = dv(pushed, "pull", "--json")
    assert again.code == 1
    assert '"checkout": {"added": [], "modified": [], "deleted": [], "failed": ["data"]' in again.out
    allowed = dv(pushed, "pull", "--allow-missing").ok()
    assert "'data/sub/b'" in allowed.err
    assert data(pushed) == {name: content for name, content in FILES.items() if name != "data/sub/b"}


def test_what_came_and_every_output_that_did_not_is_told(
    repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool
) -> None:
    """One object is the content of two outputs: both are named, as DVC names them."""
    write(repository, {"one": "same", "two": "same", "there": "other"})
    dvc(repository, "add", "-q", "one", "two", "there").ok()
    dvc(repository, "remote", "add", "-q", "-d", "box", str(repository.parent / "box")).ok()
    dvc(repository, "push", "-q", "there").ok()
    shutil.rmtree(repository / ".dvc/cache")
    for name in ("one", "two", "there"):
        (repository / name).unlink()
    result = dv(repository, "pull")
    assert result.code == 1
    assert result.out == "A\tthere\n1 file fetched and 1 file added\n"
    assert "not in the workspace: one, two\n" in result.err


def test_in_turns_with_dvc(pushed: Path, repository: Path, dvc: Tool, dv: Tool) -> None:
    for tool, other in ((dv, dvc), (dvc, dv)):
        shutil.rmtree(repository.parent / "remote", ignore_errors=True)
        tool(repository, "push").ok()
        other(pushed, "pull").ok()
        assert data(pushed) == FILES
        forget(pushed)


def test_killed_at_any_moment_then_again(pushed: Path, repository: Path, dv: Tool) -> None:
    write(repository, {f"data/many/{number}": f"content {number}" * 50 for number in range(2000)})
    dv(repository, "add", "data").ok()
    remote = repository.parent / "remote"
    (pushed / "data.dvc").write_text((repository / "data.dvc").read_text())
    for place, verb, delays in ((repository, "push", (0.15, 0.25)), (pushed, "pull", (0.15, 0.3))):
        for delay in delays:
            process = dv.start(place, verb)
            try:
                process.wait(timeout=delay)
            except Exception:
                process.kill()
            process.communicate(timeout=60)
        dv(place, verb).ok()
    whole = objects(repository / ".dvc/cache")
    assert {name: entry for name, entry in objects(remote).items() if name in whole} == whole
    pulled = objects(pushed / ".dvc/cache")
    assert all(pulled[name] == entry for name, entry in whole.items() if name in pulled)
    assert data(pushed) == data(repository)
