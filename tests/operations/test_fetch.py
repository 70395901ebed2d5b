from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.operations.sharing import clone, damage, object_of, objects, tracked, write
from tests.oracle import Sandbox, Tool


@pytest.fixture
def pushed(repository: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """A fresh clone of a repository whose data the real DVC has pushed."""
    tracked(repository, sandbox, dvc)
    dvc(repository, "push", "-q").ok()
    return clone(repository, sandbox)


def cache(repository: Path) -> dict[str, tuple[int, bytes]]:
    return objects(repository / ".dvc/cache")


def test_same_cache_as_dvc(pushed: Path, repository: Path, dvc: Tool, dv: Tool) -> None:
    assert dv(pushed, "fetch").ok().out == "6 files fetched\n"
    assert cache(pushed) == cache(repository)
    assert not (pushed / "data").exists()
    assert dv(pushed, "fetch").ok().out == "Everything is up to date.\n"
    assert dvc(pushed, "fetch").ok().out == "Everything is up to date.\n"
    dvc(pushed, "checkout", "-q").ok()
    assert dvc(pushed, "status", "-c").ok().out == "Cache and remote 'up' are in sync.\n"


def test_dry_run_names_what_is_missing(pushed: Path, repository: Path, dv: Tool) -> None:
    planned = dv(pushed, "fetch", "--dry-run", "--json").json
    assert (planned["fetched"], len(planned["planned"])) == (6, 6)
    object_of(repository.parent / "remote", "beta").unlink()
    result = dv(pushed, "fetch", "--dry-run")
    assert result.code == 1 and "'data/sub/b'" in result.err
    assert not (pushed / ".dvc/cache").exists()


def test_part_of_a_directory(pushed: Path, dv: Tool) -> None:
    assert dv(pushed, "fetch", "data/sub").ok().out == "3 files fetched\n"
    contents = {content for name, (_, content) in cache(pushed).items() if not name.endswith(".dir")}
    assert contents == {b"beta", b"gamma"}
    assert dv(pushed, "fetch", "data/sub/b").ok().out == "Everything is up to date.\n"
    assert dv(pushed, "fetch", "data").ok().out == "2 files fetched\n"


def test_missing_on_the_remote(pushed: Path, repository: Path, dv: Tool) -> None:
    object_of(repository.parent / "remote", "beta").unlink()
    result = dv(pushed, "fetch")
    assert result.code == 1
    assert "'data/sub/b' (md5 987bcab01b929eb2c07877b224215c92) is missing" in result.err
    assert "dv push" in result.err
    assert len(cache(pushed)) == 4
    assert dv(pushed, "fetch", "--allow-missing").ok().out == "1 file fetched\n"


def test_no_directory_at_all(pushed: Path, repository: Path, dv: Tool) -> None:
    shutil.rmtree(repository.parent / "remote")
    result = dv(pushed, "fetch")
    assert result.code == 1
    assert f"there is no directory {repository.parent / 'remote'}" in result.err


def test_damage_on_the_remote(pushed: Path, repository: Path, dv: Tool) -> None:
    damage(object_of(repository.parent / "remote", "beta"))
    result = dv(pushed, "fetch")
    assert result.code == 1
    assert "'data/sub/b' (md5 987bcab01b929eb2c07877b224215c92) is damaged" in result.err
    assert sorted(content for _, content in cache(pushed).values()) == [b"", b"alpha", b"gamma", b"lone"]


def test_damage_in_the_cache_is_replaced_when_not_trusted(pushed: Path, repository: Path, dv: Tool) -> None:
    dv(pushed, "fetch").ok()
    place = object_of(pushed / ".dvc/cache", "beta")
    place.chmod(0o644)
    place.write_text("BETA")
    assert dv(pushed, "fetch").ok().out == "1 file fetched\n"
    assert cache(pushed) == cache(repository)


def test_untrusted_but_right_objects_become_trusted(pushed: Path, repository: Path, dv: Tool) -> None:
    dv(pushed, "fetch").ok()
    object_of(pushed / ".dvc/cache", "beta").chmod(0o644)
    assert dv(pushed, "fetch").ok().out == "Everything is up to date.\n"
    assert cache(pushed) == cache(repository)


def test_max_size_and_type(pushed: Path, dvc: Tool, dv: Tool) -> None:
    write(pushed, {"m": "[1]"})
    (pushed / "dvc.yaml").write_text(
        "stages:\n  s:\n    cmd: 'true'\n    metrics:\n    - m:\n        persist: true\n"
    )
    dvc(pushed, "commit", "-qf", "s").ok()
    dv(pushed, "push", "s").ok()
    shutil.rmtree(pushed / ".dvc/cache")
    assert dv(pushed, "fetch", "--type", "metrics").ok().out == "1 file fetched\n"
    assert dv(pushed, "fetch", "--max-size", "5").ok().out == "1 file fetched\n"
    assert sorted(content for _, content in cache(pushed).values()) == [b"[1]", b"lone"]


def test_run_cache(pushed: Path, repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    pipeline = "stages:\n  s:\n    cmd: cp lone out\n    deps: [lone]\n    outs: [out]\n"
    (repository / "dvc.yaml").write_text(pipeline)
    dvc(repository, "repro", "-q").ok()
    dvc(repository, "push", "-q", "--run-cache").ok()
    assert dv(pushed, "fetch", "--run-cache").ok().out == "7 files fetched\n"
    assert cache(pushed) == cache(repository)
    (pushed / "dvc.yaml").write_text(pipeline)
    dvc(pushed, "checkout", "-q", "lone.dvc").ok()
    assert "Stage 's' is cached - skipping run" in dvc(pushed, "repro").ok().out


def test_imports_are_left_to_dvc(pushed: Path, repository: Path, dvc: Tool, dv: Tool) -> None:
    dvc(pushed, "import", "-q", str(repository), "lone", "-o", "imported").ok()
    assert dv(pushed, "fetch", "imported.dvc").ok().out == "Everything is up to date.\n"
    shutil.rmtree(pushed / ".dvc/cache")
    assert dv.real(pushed, "fetch", "imported.dvc").ok()
    assert [content for _, content in cache(pushed).values()] == [b"lone"]
