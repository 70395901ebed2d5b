"""Listing repositories, as the real DVC lists them."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import PathError
from data_versioning.operations import list as listing
from data_versioning.operations.list import ListOptions
from data_versioning.operations.origin import Origin
from tests.operations.registry import Registry
from tests.operations.work import Work
from tests.oracle import Tool

CASES = [
    ["PATH"],
    ["PATH", "--json"],
    ["PATH", "-R", "--json"],
    ["PATH", "-R", "-L", "2"],
    ["PATH", "-T", "--size", "--show-hash"],
    ["PATH", "--dvc-only", "--json"],
    ["PATH", "data", "--json"],
    ["PATH", "data/a", "--json"],
    ["PATH", "nested", "--json"],
    ["PATH", "--rev", "v1", "-R", "--json"],
    ["URL", "--json"],
    ["URL", "-R", "--size", "--show-hash"],
    ["URL", "data", "-L", "0"],
    ["URL", "--dvc-only", "-R", "--json"],
    ["URL", "--rev", "HEAD~1", "-T", "-L", "1"],
]


def fill_in(args: list[str], registry: Registry) -> list[str]:
    words = {"PATH": str(registry.root), "URL": registry.url}
    return [words.get(word, word) for word in args]


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_as_dvc(registry: Registry, dvc: Tool, dv: Tool, place: Path, case: list[str]) -> None:
    args = fill_in(case, registry)
    if "URL" in case:
        args += ["--remote-config", f"url={registry.store}"]
    theirs, ours = (tool(place, "list", *args) for tool in (dvc, dv))
    assert (theirs.code, theirs.out) == (ours.code, ours.out) == (0, theirs.out)
    assert "native" not in ours.err


@pytest.mark.parametrize(
    "case",
    [
        ["PATH", "nothing"],
        ["PATH", "--rev", "nothing"],
        ["PATH/nothing"],
        ["PATH", "--remote", "nothing"],
        ["PATH", "-T", "--json"],
    ],
    ids=" ".join,
)
def test_errors_end_as_those_of_dvc(
    registry: Registry, dvc: Tool, dv: Tool, place: Path, case: list[str]
) -> None:
    args = [word.replace("PATH", str(registry.root)) for word in case]
    theirs, ours = (tool(place, "list", *args) for tool in (dvc, dv))
    assert theirs.code == ours.code != 0
    assert not ours.out or "--json" in case


def test_the_repository_around(work: Work, dv: Tool) -> None:
    work.write("sub/data", "x")
    work.add("sub/data")
    found = dv(work.root / "sub", "ls", ".", "sub").ok()
    assert found.out.split() == [".gitignore", "data", "data.dvc"]
    assert dv(work.root, "ls", ".", "sub", "--json").json[1]["isout"] is True


def test_no_repository_at_all(place: Path, dvc: Tool, dv: Tool) -> None:
    (place / "d").mkdir()
    (place / "d/file").write_text("x")
    assert dv(place, "list", ".", "-R", "--json").json == dvc(place, "list", ".", "-R", "--json").json


def test_links_of_a_disk_are_not_entered(place: Path) -> None:
    (place / "d").mkdir()
    (place / "d/loop").symlink_to(place / "d")
    (place / "d/gone").symlink_to(place / "nowhere")
    found = listing.list_entries(Origin(url=str(place / "d")), options=ListOptions(recursive=True))
    assert [(entry.path, entry.is_dir) for entry in found] == [("loop", False)]


@pytest.mark.parametrize("path", ["../etc", "/etc", "a/../../b"])
def test_nothing_outside(registry: Registry, path: str) -> None:
    with pytest.raises(PathError):
        listing.list_entries(Origin(url=str(registry.root)), path)


def test_a_listing_that_nobody_has(changing: Registry, dv: Tool, place: Path) -> None:
    changing.forget()
    for path in changing.store.rglob("*.dir"):
        path.unlink()
    assert "data" in dv(place, "list", changing.url).ok().out
    refused = dv(place, "list", changing.url, "data")
    assert refused.code == 255
    assert "neither in the cache nor on the remote" in refused.err
