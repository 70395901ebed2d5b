"""Opening other repositories: which one is meant, its projects, and where their data is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError, GitError, PathError
from data_versioning.git.tree import CommitTree
from data_versioning.operations import external
from data_versioning.operations.origin import Origin
from data_versioning.storage.local import LocalStore
from data_versioning.workspace.tree import DiskTree
from tests.operations.registry import Registry
from tests.oracle import Sandbox


@pytest.fixture(autouse=True)
def _home(private_home: None) -> None:
    """Copies lie in the sandbox."""


def places(url: str, path: str = "", **changes: object) -> list[str]:
    """The directories in which data of `path` is looked for."""
    opened = external.open(Origin(url=url, **changes))  # type: ignore[arg-type]
    stores = external.stores(opened, opened.part(path), None)
    return [store.root for store in stores if isinstance(store, LocalStore)]


def test_a_directory_is_read_where_it_is(registry: Registry) -> None:
    opened = external.open(Origin(url=str(registry.root)))
    assert (opened.commit, opened.root) == (None, str(registry.root))
    assert isinstance(opened.tree, DiskTree)
    assert external.open(Origin(url=f"{registry.root}/code")).root == str(registry.root)
    at = external.open(Origin(url=str(registry.root), rev="v1"))
    assert isinstance(at.tree, CommitTree)
    assert at.tree.git.root == str(registry.root)


def test_everything_else_through_a_copy(registry: Registry, place: Path, sandbox: Sandbox) -> None:
    sandbox.git(place, "clone", "-q", "--bare", str(registry.root), "bare.git")
    for url in (registry.url, str(place / "bare.git")):
        opened = external.open(Origin(url=url))
        assert opened.root is None
        assert opened.commit == registry.git("rev-parse", "HEAD").strip()


def test_relative_addresses(registry: Registry, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    url = "../registry"
    with pytest.raises(GitError):
        external.open(Origin(url=url))
    near = (str(place), str(registry.store))
    assert external.open(Origin(url=url), near=near).root == str(registry.root)


@pytest.mark.parametrize("form", ["path", "path at a revision", "url"])
def test_projects_inside_of_projects(registry: Registry, form: str) -> None:
    url = registry.url if form == "url" else str(registry.root)
    opened = external.open(Origin(url=url, rev="v1" if "revision" in form else None))
    assert {item.path for item in opened.part("data/a").project.outputs()} == {"data", "model.bin", "old"}
    inner = opened.part("nested/keep")
    assert (inner.prefix, [item.path for item in inner.project.outputs()]) == ("nested", ["inner"])
    assert inner.below("nested/keep") == "keep"
    assert opened.is_hidden(opened.part(""), "nested", is_dir=True)
    assert not opened.is_hidden(inner, "nested", is_dir=True)
    assert opened.is_hidden(opened.part(""), "hidden", is_dir=False)


def test_where_data_is(registry: Registry) -> None:
    cache = f"{registry.root}/.dvc/cache"
    assert places(str(registry.root)) == [cache, str(registry.store)]
    assert places(str(registry.root), rev="v1") == [cache, str(registry.store)]
    assert places(registry.url) == [str(registry.store)]
    assert places(str(registry.root), "nested") == [f"{registry.root}/nested/.dvc/cache"]
    assert places(registry.url, remote={"url": "/elsewhere"}) == ["/elsewhere"]
    assert places(registry.url, config={"remote": {"store": {"url": "/there"}}}) == ["/there"]


def test_a_remote_beside_the_repository(changing: Registry) -> None:
    config = changing.root / ".dvc/config"
    config.write_text(config.read_text().replace(str(changing.store), "../../store"))
    changing.commit()
    assert places(changing.url) == [str(changing.store)]


def test_the_cache_of_a_strangers_configuration_is_not_ours(changing: Registry) -> None:
    (changing.root / ".dvc/config").write_text("[cache]\n    dir = /somewhere\n")
    changing.commit()
    with pytest.raises(ConfigError):
        places(changing.url)


def test_changes_to_settings(registry: Registry, place: Path) -> None:
    (place / "config").write_text("[core]\n    remote = there\n['remote \"there\"']\n    url = there\n")
    assert places(registry.url, config=str(place / "config")) == [f"{place}/there"]
    for changes in ({"config": "/nowhere"}, {"remote": "nothing"}, {"config": {"core": 1}}):
        with pytest.raises(ConfigError) as refused:
            places(registry.url, **changes)
        assert refused.value.hint


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_nothing_is_left_in_what_belongs_to_another_user(changing: Registry, sandbox: Sandbox) -> None:
    shutil.rmtree(changing.root / ".dvc/tmp", ignore_errors=True)
    os.chown(changing.root / ".dvc", 12345, 12345)
    opened = external.open(Origin(url=str(changing.root)))
    assert opened.part("").project.tracked("data")
    assert not (changing.root / ".dvc/tmp/dv").exists()


def test_paths() -> None:
    assert [external.clean(path) for path in ("", ".", "a/", "./a//b/../c")] == ["", "", "a", "a/c"]
    for path in ("..", "../a", "/a", "a/../../b", "a\0b"):
        with pytest.raises(PathError):
            external.clean(path)
