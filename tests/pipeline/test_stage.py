"""Names and places of stages."""

from __future__ import annotations

import doctest

import pytest

from data_versioning.errors import PathError
from data_versioning.paths import RepoPath
from data_versioning.pipeline import stage as stage_module
from data_versioning.pipeline.stage import Dependency, Lock, Output, Stage, join


def make(name: str, file: str, **fields: object) -> Stage:
    return Stage(name=name, file=RepoPath(file), wdir=RepoPath(file.rpartition("/")[0]))._replace(**fields)


def test_doctests() -> None:
    assert doctest.testmod(stage_module).failed == 0


@pytest.mark.parametrize(
    ("name", "file", "base", "address"),
    [
        ("train", "dvc.yaml", "", "train"),
        ("train", "sub/dvc.yaml", "", "sub/dvc.yaml:train"),
        ("train", "sub/dvc.yaml", "sub", "train"),
        ("train", "dvc.yaml", "sub", "../dvc.yaml:train"),
        ("", "sub/a.dvc", "", "sub/a.dvc"),
        ("", "sub/a.dvc", "sub/deep", "../a.dvc"),
    ],
)
def test_address(name: str, file: str, base: str, address: str) -> None:
    assert make(name, file).address_from(base) == address


def test_kinds_of_stages() -> None:
    run = make("a", "dvc.yaml", cmd="x")
    assert run.is_callback and not run.is_import
    assert not run._replace(params={"params.yaml": ("lr",)}).is_callback
    imported = make("", "a.dvc", deps=(Dependency(path="u", repo={"url": "r"}),), outs=(Output(path="a"),))
    assert imported.is_import and imported.is_repo_import and imported.is_partial_import
    assert not imported._replace(outs=(Output(path="a", md5="x" * 32),)).is_partial_import


def test_command_is_compared_with_the_lock() -> None:
    stage = make("a", "dvc.yaml", cmd=("x", "y"))
    assert not stage.cmd_changed
    assert not stage._replace(lock=Lock(("x", "y"), {})).cmd_changed
    assert stage._replace(lock=Lock("x", {})).cmd_changed


@pytest.mark.parametrize(
    ("output", "digest", "is_dir", "is_legacy"),
    [
        (Output(path="a"), None, False, False),
        (Output(path="a", md5="ab.dir", hash="md5"), "ab.dir", True, False),
        (Output(path="a", md5="ab"), "ab", False, True),
        (Output(path="a", etag="e", hash="md5"), "e", False, False),
    ],
)
def test_recorded_content(output: Output, digest: str | None, is_dir: bool, is_legacy: bool) -> None:
    assert (output.digest, output.is_dir, output.is_legacy) == (digest, is_dir, is_legacy)


@pytest.mark.parametrize("path", ["b\0c", "\ud800", "b/" * 3000])
def test_what_no_file_can_be_called_is_refused(path: str) -> None:
    with pytest.raises(PathError, match="cannot be the name of a file") as caught:
        join("a", path)
    assert caught.value.hint
