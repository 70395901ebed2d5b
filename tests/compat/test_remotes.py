"""Every kind of remote that `dv` serves: what one pushes the other pulls, and both tell the same about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.operations.sharing import clone, commit, write
from tests.oracle import Sandbox, Tool, copy_repository

SERVERS = ("s3", "gs", "azure", "http")
FIXTURES = {"s3": "s3_server", "gs": "gcs_server", "azure": "azure_server", "http": "nginx_server"}
FIRST = {"data/a": "alpha", "data/sub/b": "beta", "data/ünï 1": "umlaut", "data/empty": "", "lone": "lone"}


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def remote(kind: str, request: pytest.FixtureRequest) -> tuple[str, Mapping[str, str]]:
    server = request.getfixturevalue(FIXTURES[kind])
    return server.fresh(), server.settings


@pytest.fixture
def shared(
    place: Path, template: Path, sandbox: Sandbox, dvc: Tool, remote: tuple[str, Mapping[str, str]]
) -> Path:
    """A repository with data that nobody pushed yet, and an object that takes several parts."""
    root = copy_repository(template, place / "repo")
    url, settings = remote
    lines = [f"    {key} = {value}\n" for key, value in {"url": url, **settings}.items()]
    (root / ".dvc/config").write_text(f"[core]\n    remote = up\n['remote \"up\"']\n{''.join(lines)}")
    write(root, FIRST)
    (root / "data/large").write_bytes(os.urandom(1 << 20) * 9)
    dvc(root, "add", "-q", "data", "lone").ok()
    commit(root, sandbox)
    return root


def content(root: Path) -> dict[str, bytes]:
    files = [root / "lone", *(path for path in (root / "data").rglob("*") if path.is_file())]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def cloud_status(tool: Tool, root: Path) -> object:
    return tool.real(root, "status", "-c", "--json").json


def test_one_pushes_the_other_pulls(shared: Path, sandbox: Sandbox, dvc: Tool, dv: Tool, kind: str) -> None:
    assert cloud_status(dv, shared) == cloud_status(dvc, shared) != {}
    dv.real(shared, "push").ok()
    assert cloud_status(dv, shared) == cloud_status(dvc, shared) == {}
    theirs = clone(shared, sandbox, "theirs")
    dvc.real(theirs, "pull", "-q").ok()
    assert content(theirs) == content(shared)
    write(theirs, {"data/a": "second", "lone": "second"})
    dvc.real(theirs, "add", "-q", "data", "lone").ok()
    commit(theirs, sandbox, "second")
    dvc.real(theirs, "push", "-q").ok()
    ours = clone(theirs, sandbox, "ours")
    dv.real(ours, "pull").ok()
    assert content(ours) == content(theirs)
    assert cloud_status(dv, ours) == cloud_status(dvc, theirs) == {}


def test_gc_of_the_remote(shared: Path, sandbox: Sandbox, dvc: Tool, dv: Tool, kind: str) -> None:
    dv.real(shared, "push").ok()
    write(shared, {"data/a": "second"})
    dvc(shared, "add", "-q", "data").ok()
    if kind == "http":
        refused = dv.real(shared, "gc", "-w", "-c", "-f")
        assert refused.code == 255 and "cannot be listed or deleted" in refused.err
        return
    dv.real(shared, "push").ok()
    young = dv.real(shared, "gc", "-w", "-c", "-f", "--json").ok().json
    assert (sum(len(sweep["removed"]) for sweep in young["remote"]), young["remote"][0]["young"]) == (0, 2)
    dry = dv.real(shared, "gc", "-w", "-c", "--dry", "--grace", "0", "--json").ok().json
    done = dv.real(shared, "gc", "-w", "-c", "-f", "--grace", "0", "--json").ok().json
    (sweep,) = done["remote"]
    assert sweep["root"] == "up:files/md5" and dry["remote"] == done["remote"]
    assert sorted(name.endswith(".dir") for name in sweep["removed"]) == [False, True]
    assert cloud_status(dvc, shared) == cloud_status(dv, shared) == {}


def test_run_cache(shared: Path, sandbox: Sandbox, dvc: Tool, dv: Tool, kind: str) -> None:
    dvc(shared, "stage", "add", "-q", "-n", "s", "-o", "out", "-d", "lone", "cp lone out").ok()
    dvc.real(shared, "repro", "-q").ok()
    commit(shared, sandbox, "stage")
    dv.real(shared, "push", "--run-cache").ok()
    other = clone(shared, sandbox)
    dv.real(other, "fetch", "--run-cache").ok()
    entries = [path for path in (other / ".dvc/cache/runs").rglob("*") if path.is_file()]
    assert len(entries) == (0 if kind == "http" else 1)


@pytest.mark.parametrize("kind", ["s3", "http"], indirect=True)
def test_a_push_that_is_refused_tells_why(
    shared: Path, dv: Tool, kind: str, remote: tuple[str, Mapping[str, str]]
) -> None:
    config = shared / ".dvc/config"
    url = remote[0]
    port = remote[1].get("endpointurl", url).rpartition(":")[2].partition("/")[0]
    config.write_text(config.read_text().replace(f":{port}", ":9"))
    failed = dv.real(shared, "push")
    assert failed.code == 1 and "connection refused" in failed.err
    *outputs, error, hint = failed.err.strip().splitlines()
    assert [line.partition(" (md5 ")[0] for line in outputs] == ["'data'", "'lone'"], failed.err
    assert error == "ERROR: 2 files could not be pushed"
    assert "dv remote modify" in hint and "to continue: dv push" in hint
