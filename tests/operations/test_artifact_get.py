"""`dv artifacts get` brings what `dvc artifacts get` brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import GitError, NotTracked, PathError, UsageError
from data_versioning.operations import artifact_get
from data_versioning.operations.artifact_get import Wanted
from data_versioning.operations.origin import Origin
from data_versioning.operations.sharing import ServedByDvc
from tests.operations.registry import Registry
from tests.oracle import Tool


@pytest.fixture
def models(changing: Registry) -> Registry:
    """Two versions of a model at the top and of a directory below `sub`, and what tempts: other tags."""
    repository = changing
    for number in (1, 2):
        repository.write("model.bin", f"model {number}")
        repository.write("sub/set/a", f"a {number}")
        repository.track("model.bin", "sub/set")
        repository.write(
            "dvc.yaml", "artifacts:\n  net: {path: model.bin, type: model}\n  text: {path: notes}\n"
        )
        repository.write("sub/dvc.yaml", "artifacts: {data/set: {path: set}}\n")
        repository.write("notes", f"notes {number}")
        repository.commit()
        repository.push()
        for tag in (f"net@v{number}.0.0", f"net#dev#{number}", f"sub=data/set@v0.{number + 8}.0"):
            repository.git("tag", "-a", "-m", "x", tag)
    repository.git("tag", "-a", "-m", "x", "net#prod", "net@v1.0.0^{}")
    repository.git("tag", "-a", "-m", "x", "text@v1.0.0-rc.1", "net@v1.0.0^{}")
    repository.git("tag", "net@v9.0.0")  # no annotated one
    repository.git("tag", "-a", "-m", "x", "other@v8.0.0")
    repository.git("tag", "-a", "-m", "x", "lost@v1.0.0")
    repository.write("model.bin", "not released")
    return repository


CALLS = [
    ["net"], ["net", "--rev", "v1.0.0"], ["net", "--stage", "prod"], ["net", "--stage", "dev"], ["text"],
    ["sub:data/set"], ["sub/dvc.yaml:data/set", "--rev", "v0.9.0"], ["net", "-o", "there"], ["net", "-o", "deep/er"],
    ["net", "--rev", "v3.0.0"], ["net", "--rev", "v9.0.0"], ["net", "--stage", "gone"], ["gone"], ["lost"],
    ["net", "--rev", "v1.0.0", "--stage", "prod"], ["a b"],
]  # fmt: skip


@pytest.mark.parametrize("args", CALLS, ids=" ".join)
def test_dvc_brings_the_same(models: Registry, place: Path, dvc: Tool, dv: Tool, args: list[str]) -> None:
    found = []
    for tool in (dvc, dv):
        here = place / tool.name
        (here / "there").mkdir(parents=True)
        result = tool(here, "artifacts", "get", str(models.root), *args)
        files = {path.relative_to(here): path.read_bytes() for path in here.rglob("*") if path.is_file()}
        found.append((result.code, result.out, files))
    assert found[0] == found[1]


def test_from_a_url_with_only_the_remote(models: Registry, place: Path, dv: Tool) -> None:
    models.forget()
    (place / "here").mkdir()
    done = dv(place / "here", "artifacts", "get", models.url, "net", "--json").json
    assert (done["path"], done["files"]) == ("model.bin", 1)
    assert (place / "here/model.bin").read_bytes() == b"model 2"
    assert dv(place / "here", "artifacts", "get", models.url, "net").code == 1  # there already
    dv(place / "here", "artifacts", "get", models.url, "net", "--rev", "v1.0.0", "--force").ok()
    assert (place / "here/model.bin").read_bytes() == b"model 1"


def test_where_it_is_stored(models: Registry, place: Path, dvc: Tool, dv: Tool) -> None:
    args = ("artifacts", "get", "--show-url", models.url, "net", "--rev", "v1.0.0")
    assert dv(place, *args).ok().out == dvc(place, *args).ok().out


def test_a_directory_of_the_repository_means_all_of_it(models: Registry) -> None:
    found = artifact_get.find(Origin(url=str(models.root / "sub")), Wanted(name="net"))
    assert found.path == "model.bin"


def test_what_is_missing_is_named(models: Registry, place: Path) -> None:
    origin = Origin(url=str(models.root))
    with pytest.raises(NotTracked, match=r"no version 'v3\.0\.0'") as caught:
        artifact_get.find(origin, Wanted(name="net", version="v3.0.0"))
    assert caught.value.hint == "there are dev, prod, v1.0.0, v2.0.0"
    with pytest.raises(NotTracked, match="declares no artifact 'lost'"):
        artifact_get.find(origin, Wanted(name="lost"))
    for name in ("../net", "/x:net", "sub:", "a:b:c\0", "..:net"):
        with pytest.raises((UsageError, NotTracked, PathError)):
            artifact_get.find(origin, Wanted(name=name))
    (place / "plain").mkdir()
    with pytest.raises(GitError):
        artifact_get.find(Origin(url=str(place / "plain")), Wanted(name="net"))


def test_a_path_that_leads_out_is_refused(models: Registry) -> None:
    models.write("dvc.yaml", "artifacts: {net: {path: ../../etc/passwd}}\n")
    models.commit()
    models.git("tag", "-a", "-m", "x", "net@v5.0.0")
    with pytest.raises(PathError, match="not a path inside"):
        artifact_get.find(Origin(url=str(models.root)), Wanted(name="net"))


def test_studio_is_left_to_dvc(models: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STUDIO_TOKEN", "secret")
    with pytest.raises(ServedByDvc):
        artifact_get.find(Origin(url=str(models.root)), Wanted(name="net"))
