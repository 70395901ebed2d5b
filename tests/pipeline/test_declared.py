"""Paths that files declare: refused when they could do harm, marked when they lie elsewhere."""

from __future__ import annotations

import pytest

from data_versioning.errors import DataVersioningError, FormatError, PathError
from data_versioning.pipeline.load import load
from tests.pipeline.oracle import Texts, project

MD5 = "5ea40360f5b4ec688df672a4db9c17d1"


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/x",
        "/",
        "..",
        ".git/hooks/pre-commit",
        "a/.dvc/config",
        ".DVC",
        "s3://b/x",
        "sub/.Git",
    ],
)
@pytest.mark.parametrize("file", ["dvc.yaml", "data.dvc"])
def test_output_that_could_do_harm_is_refused(path: str, file: str) -> None:
    text = (
        f"outs:\n- path: '{path}'\n"
        if file.endswith(".dvc")
        else f"stages: {{a: {{cmd: x, outs: ['{path}']}}}}"
    )
    with pytest.raises(PathError, match=file):
        load(Texts({file: text}))


@pytest.mark.parametrize(
    "texts",
    [
        {"data.dvc": 'outs:\n- path: "a\\0b"\n'},
        {"dvc.yaml": 'stages: {a: {cmd: x, outs: ["a\\0b"]}}'},
        {"dvc.yaml": 'stages: {a: {cmd: x, deps: ["a\\0b"]}}'},
        {"data.dvc": "wdir: ../..\nouts:\n- path: x\n"},
        {"dvc.yaml": "stages: {a: {cmd: x, wdir: /tmp}}"},
        {"dvc.yaml": "vars: [../secret.yaml]\nstages: {a: {cmd: x}}"},
        {"data.dvc": "outs:\n- path: a\n  files:\n  - relpath: ../x\n    md5: abc\n"},
        {"data.dvc": "\udcff"},
    ],
)
def test_hostile_text_is_refused(texts: dict[str, str]) -> None:
    with pytest.raises((PathError, FormatError)):
        load(Texts(texts))


def test_repository_cannot_be_an_output() -> None:
    with pytest.raises(DataVersioningError):
        load(Texts({"sub/data.dvc": "wdir: ..\nouts:\n- path: .\n"}))


def test_dependencies_elsewhere_are_marked() -> None:
    loaded = project(
        sub__dvc_yaml="stages: {a: {cmd: x, deps: ['s3://b/k', 'ds://d', ../in, ../../out, /abs, near]}}"
    )
    assert [(dep.path, dep.external) for dep in loaded.stages[0].deps] == [
        ("s3://b/k", True),
        ("ds://d", True),
        ("../in", False),
        ("../../out", True),
        ("/abs", True),
        ("near", False),
    ]


def test_import_of_a_repository() -> None:
    text = f"""frozen: true
deps:
- path: data/x
  repo: {{url: 'https://h/r', rev: v1, rev_lock: {"a" * 40}}}
outs:
- {{md5: {MD5}, hash: md5, path: x}}
"""
    (stage,) = project(x_dvc=text).stages
    assert stage.is_repo_import and stage.deps[0].external and stage.frozen
    assert stage.deps[0].repo == {"url": "https://h/r", "rev": "v1", "rev_lock": "a" * 40}


def test_version_aware_directory_has_the_digest_of_its_files() -> None:
    files = f"  files:\n  - {{relpath: b, md5: {MD5}, size: 1}}\n  - {{relpath: a, md5: {MD5}, size: 2}}\n"
    (tracked,) = project(d_dvc=f"outs:\n- path: d\n  hash: md5\n{files}").outputs()
    assert tracked.output.is_dir and str(tracked.output.md5).endswith(".dir")
