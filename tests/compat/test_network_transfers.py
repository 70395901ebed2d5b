"""Which objects `push`, `fetch` and `status -c` mean on S3: the same ones as for DVC, with every way to choose."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.storage.base import Store
from tests.operations.sharing import commit, write
from tests.oracle import Sandbox, Tool, copy_repository
from tests.servers.seaweedfs import S3Server

CHOICES = (
    ("data/sub",),
    ("-R", "deep"),
    ("--all-tags", "lone"),
    ("-j", "2", "--all-commits"),
    ("-r", "second", "lone"),
    ("--run-cache",),
)


@pytest.fixture(scope="module")
def urls(s3_server: S3Server) -> dict[str, str]:
    """The remotes of all repositories, by name: DVC reads their settings from each commit."""
    return {name: s3_server.fresh() for name in ("first", "second")}


@pytest.fixture(scope="module")
def history(sandbox: Sandbox, dvc: Tool, template: Path, s3_server: S3Server, urls: dict[str, str]) -> Path:
    """Four commits of `lone`, one of them tagged, one on a branch; `kept` has a remote of its own."""
    root = copy_repository(template, sandbox.base / "network-transfers")
    lines = "".join([f"    {key} = {value}\n" for key, value in s3_server.settings.items()])
    remotes = "".join([f"['remote \"{name}\"']\n    url = {url}\n{lines}" for name, url in urls.items()])
    (root / ".dvc/config").write_text(f"[core]\n    remote = first\n{remotes}")
    write(root, {"data/a": "a", "data/sub/b": "b", "deep/er/file": "deep", "kept": "kept", "lone": "first"})
    dvc(root, "stage", "add", "-q", "-n", "s", "-o", "out", "-d", "lone", "cp lone out").ok()
    dvc(root, "add", "-q", "data", "deep/er/file", "kept", "lone").ok()
    pointer = root / "kept.dvc"
    pointer.write_text(pointer.read_text() + "  remote: second\n")
    commit(root, sandbox, "first")
    for text, refs in (("second", ("tag", "old")), ("third", ("branch", "side"))):
        write(root, {"lone": text})
        dvc(root, "add", "-q", "lone").ok()
        commit(root, sandbox, text)
        sandbox.git(root, *refs)
    write(root, {"lone": "last"})
    dvc(root, "add", "-q", "lone").ok()
    commit(root, sandbox, "last")
    dvc.real(root, "repro", "-q").ok()
    commit(root, sandbox, "stage")
    return root


def emptied(url: str, server: S3Server) -> set[str]:
    """Delete everything below a url, and return what it was."""
    store = storage.open_store(url, server.settings)
    assert isinstance(store, Store)
    found = [key for page in store.list("") for key in page.keys]
    assert store.delete(found) == {}
    return {*found}


def objects(root: Path) -> set[str]:
    return {
        str(path.relative_to(root / ".dvc/cache"))
        for path in (root / ".dvc/cache").rglob("*")
        if path.is_file() and not path.name.endswith(".tmp")
    }


@pytest.mark.parametrize("choice", CHOICES, ids=" ".join)
def test_the_same_objects(
    choice: tuple[str, ...],
    history: Path,
    place: Path,
    s3_server: S3Server,
    urls: dict[str, str],
    dvc: Tool,
    dv: Tool,
) -> None:
    pushed: list[dict[str, set[str]]] = []
    fetched: list[set[str]] = []
    states: list[object] = []
    for tool in (dvc, dv):
        root = copy_repository(history, place / tool.name)
        tool(root, "push", *choice).ok()
        asked = [word for word in choice if word != "--run-cache"]
        states.append(tool(root, "status", "-c", "--json", *asked).json)
        shutil.rmtree(root / ".dvc/cache")
        tool(root, "fetch", *choice)  # what was not pushed cannot be fetched
        fetched.append(objects(root))
        pushed.append({name: emptied(url, s3_server) for name, url in urls.items()})
    if choice == ("data/sub",):
        # Of a part only, DVC pushes the listing, too, which promises files that are not there.
        (listing,) = pushed[0]["first"] - pushed[1]["first"]
        assert listing.endswith(".dir")
        assert pushed[1]["first"] < pushed[0]["first"]
        return
    assert pushed[1] == pushed[0]
    assert any(pushed[0].values())
    assert states[1] == states[0]
    assert fetched[1] == fetched[0]
