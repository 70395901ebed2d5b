"""Removing what nobody needs from remotes that others use, too."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

import pytest

from data_versioning import repo as repos
from data_versioning.operations import gc
from data_versioning.operations.gc import GcResult, Scope
from data_versioning.operations.reachable import Selection
from tests.operations.boxes import Shared, connect
from tests.oracle import Sandbox, Tool, copy_repository


@pytest.fixture(scope="module")
def history(sandbox: Sandbox, dvc: Tool, template: Path) -> Path:
    """Two commits of `file`; the directory that is tracked now was never committed."""
    path = copy_repository(template, sandbox.base / "gc-remote")
    for text in ("first", "second"):
        (path / "file").write_text(text)
        dvc(path, "add", "-q", "file").ok()
        sandbox.git(path, "add", "-A")
        sandbox.git(path, "commit", "-qm", text)
    (path / "data").mkdir()
    (path / "data/inside").write_text("inside")
    dvc(path, "add", "-q", "data").ok()
    return path


@pytest.fixture(params=["local", "s3", "ssh"])
def shared(
    request: pytest.FixtureRequest,
    history: Path,
    place: Path,
    dv: Tool,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Shared:
    """Its remote has everything, what no commit names, and what is none of DVC's business."""
    root = copy_repository(history, place / "repo")
    found = connect(root, request.param, request, sandbox, monkeypatch)
    dv(root, "push", "-A").ok()
    found.write(key_of("unused"), "unused")
    for key in FOREIGN:
        found.write(key, "of somebody else")
    return found


# As much like objects and unfinished writes as can be.
FOREIGN = (
    "files/md5/ab/short",
    "files/md5/README",
    "files/sha256/ab/" + 30 * "c",
    "notes.txt",
    "ab/" + 30 * "x",
    "runs/ab/cd",
)


def key_of(content: str) -> str:
    digest = md5(content.encode()).hexdigest()
    return f"files/md5/{digest[:2]}/{digest[2:]}"


def collect(shared: Shared, *, dry: bool = False, **scope: object) -> GcResult:
    options = {"cloud": True, "grace": 0.0, **scope}
    return gc.gc(repos.open(str(shared.root)), Scope(**options), dry=dry)  # type: ignore[arg-type]


EVERYTHING = Selection(all_commits=True)


def test_what_any_commit_needs_stays(shared: Shared) -> None:
    before = shared.listed()
    planned = collect(shared, dry=True, selection=EVERYTHING)
    assert (planned.remote_name, sum(sweep.count for sweep in planned.remote)) == ("box", 1)
    assert shared.listed() == before
    collect(shared, selection=EVERYTHING)
    assert [key for key in before if key not in shared.listed()] == [key_of("unused")]


def test_the_workspace_alone_is_what_dvc_keeps(shared: Shared) -> None:
    before = shared.listed()
    collect(shared, workspace=True)
    gone = {key for key in before if key not in shared.listed()}
    assert gone == {key_of("unused"), key_of("first")}


def test_the_young_stay(shared: Shared) -> None:
    before = shared.listed()
    result = collect(shared, workspace=True, grace=None)
    assert sum(sweep.young for sweep in result.remote) == 2
    assert shared.listed() == before


def test_moved_aside(shared: Shared) -> None:
    before = shared.listed()
    result = collect(shared, selection=EVERYTHING, quarantine=True)
    assert sum(sweep.count for sweep in result.remote) == 1
    after = shared.listed()
    (place,) = [key for key in after if key.startswith(".dv-quarantine/")]
    assert place.endswith(f"/{key_of('unused')}")
    assert shared.store.read(place) == b"unused"
    assert {*before} - {*after} == {key_of("unused")}
    # What was moved aside is no object any more.
    assert collect(shared, workspace=True, dry=True).remote[0].count == 1


def test_the_command(history: Path, place: Path, dv: Tool) -> None:
    root = copy_repository(history, place / "repo")
    dv(root, "remote", "add", "-d", "box", str(place / "remote")).ok()
    dv(root, "push", "-A").ok()
    unused = place / "remote" / key_of("unused")
    unused.parent.mkdir()
    unused.write_text("unused")
    told = dv(root, "gc", "-c", "--grace", "0", "--dry").ok()
    assert told.err == (
        "Would be removed from the cache and the remote: all objects but those used in the workspace and all Git "
        "commits and all experiments\n"
    )
    assert told.out == (
        f"Would remove {unused}  6 B\n"
        "No unused objects in the cache.\n"
        "Would remove 1 object (6 B) from the remote 'box'.\n"
        "Other repositories may use the remote 'box': name them with -p, so that what they need is kept.\n"
    )
    assert dv(root, "gc", "-c", "--grace", "0", "--dry-run").ok().out == told.out
    assert dv(root, "gc", "-c", "--grace", "0", "--dry", "--json").ok().json["other_repositories_possible"]
    named = dv(
        root, "gc", "-c", "--grace", "0", "--dry", "-p", str(copy_repository(history, place / "other"))
    )
    assert "Other repositories" not in named.ok().out
    asked = dv(root, "gc", "-w", "-c", "--grace", "0", "--quarantine")
    assert asked.code == 1
    assert "nobody confirmed" in asked.err
    assert dv(root, "gc", "-w", "--quarantine").code == 255
    done = dv(root, "gc", "-w", "-c", "-f", "--grace", "0", "--quarantine").ok()
    assert "Moved aside 2 objects (11 B) from the remote 'box'." in done.out
    assert not unused.exists()
