"""`dvc status` of edited pipelines, asked of DVC and of us."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from data_versioning.formats import dirfile, values
from data_versioning.paths import RepoPath
from data_versioning.pipeline import staleness
from data_versioning.pipeline.load import load
from data_versioning.pipeline.stage import Dependency, Output, is_pointer_file
from tests.pipeline.oracle import write

PIPELINE = """
stages:
  prepare:
    cmd: mkdir -p clean && cp raw/* clean/ && echo ${prepare.mark} > clean/mark
    deps: [raw]
    params: [prepare.mark]
    outs: [clean]
  train:
    wdir: model
    cmd:
    - cat ../clean/* > weights
    - echo '{"acc":' $RANDOM'}' > acc.json
    deps: [../clean, ../../outside.txt]
    params: [../params.yaml: [train], ../whole.json: , ../code.py: [Net.layers, size]]
    outs: [weights]
    metrics: [acc.json: {cache: false}]
  each:
    foreach: [a, b]
    do:
      cmd: echo ${item} > each_${item}
      outs: ['each_${item}']
  hello: {cmd: echo hello}
  always: {cmd: echo x > always, outs: [always], always_changed: true}
  never: {cmd: echo x > never, deps: [raw/1], params: [train.lr, nothing], outs: [never]}
"""
FILES = {
    "repo/dvc.yaml": PIPELINE,
    "repo/params.yaml": "prepare: {mark: 7}\ntrain: {lr: 0.1, layers: [1, 2]}\n",
    "repo/whole.json": '{"a": 1, "b": {"c": [1, 2]}}',
    "repo/code.py": "size = 3\nclass Net:\n    layers = (1, 2)\n",
    "repo/raw/1": "one",
    "repo/raw/deep/2": "two",
    "repo/model/keep": "",
    "repo/sub/dvc.yaml": "stages: {local: {cmd: cp ../single out, deps: [../single], outs: [out]}}",
    "repo/single": "single",
    "outside.txt": "outside",
}
STAGES = ["prepare", "train", "each", "hello", "always", "sub/dvc.yaml:local"]


@pytest.fixture(scope="module")
def ran(dvc_root: Path) -> Iterator[Path]:
    """The pipeline after a run; `never` has not run."""
    shutil.rmtree(dvc_root / ".dvc")
    shutil.rmtree(dvc_root / ".git")
    write(dvc_root, {**FILES, "repo/model/keep": ""})
    os.chdir(dvc_root / "repo")
    (dvc_root / "repo/raw/deep/2").rename(dvc_root / "repo/raw/2")
    (dvc_root / "repo/raw/deep").rmdir()
    with Repo.init(str(dvc_root / "repo"), no_scm=True) as repo:
        repo.reproduce(STAGES)
        repo.add(["single"])
    shutil.copytree(dvc_root, dvc_root.with_name("ran"), symlinks=True)
    yield dvc_root / "repo"
    os.chdir(dvc_root)
    shutil.rmtree(dvc_root.with_name("ran"))


@pytest.fixture
def repository(ran: Path) -> Path:
    """The pipeline as it was after the run, to be edited."""
    for path in ran.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(ran.parent.with_name("ran") / "repo", ran, symlinks=True, dirs_exist_ok=True)
    (ran.parent / "outside.txt").write_text("outside")
    return ran


class Disk:
    """A source, and the answers that a comparison needs, straight from the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: RepoPath) -> bytes:
        return (self.root / path).read_bytes()

    def exists(self, path: RepoPath) -> bool:
        return (self.root / path).exists()

    def walk(self) -> Iterator[RepoPath]:
        files = sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())
        return (RepoPath(path) for path in files if is_pointer_file(path) and not path.startswith(".dvc/"))

    def current_hash(self, place: str, entry: Output | Dependency) -> str | None:
        path = self.root / place
        if path.is_file():
            return hashlib.md5(path.read_bytes()).hexdigest()
        if not path.is_dir():
            return None
        names = [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
        content = dirfile.dump(names, [str(self.current_hash(f"{place}/{name}", entry)) for name in names])
        return hashlib.md5(content).hexdigest() + ".dir"

    def is_cached(self, place: str, output: Output) -> bool:
        assert (self.root / place).name == output.path.rpartition("/")[2]
        stored = self.root / ".dvc/cache/files/md5"
        digest = str(output.digest)
        if not (stored / digest[:2] / digest[2:]).exists():
            return False
        if not output.is_dir:
            return True
        _, digests = dirfile.load((stored / digest[:2] / digest[2:]).read_bytes(), file=digest)
        return all((stored / one[:2] / one[2:]).exists() for one in digests)

    def read_params(self, place: str) -> Mapping[str, object] | None:
        path = self.root / place
        if not path.exists():
            return None
        found = values.parse(path.read_text(), suffix=path.suffix, file=place)
        assert isinstance(found, dict)
        return found

    def status(self, *targets: str, base: str = "", **options: bool) -> dict[str, Any]:
        return staleness.status(
            load(self).select_stages(targets, base=base, **options),
            current_hash=self.current_hash,
            is_cached=self.is_cached,
            read_params=self.read_params,
            base=base,
            root=str(self.root),
        )


def replace(file: str, old: str, new: str) -> Callable[[Path], object]:
    def edit(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new))

    return edit


def text(file: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / file).write_text(content)


def delete(file: str) -> Callable[[Path], object]:
    return lambda root: shutil.rmtree(root / file) if (root / file).is_dir() else (root / file).unlink()


def forget(name: str) -> Callable[[Path], object]:
    """Remove an object from the cache: the one that holds what a file has now, or a whole directory's."""

    def edit(root: Path) -> None:
        digest = str(Disk(root).current_hash(name, Output(path=name)))
        (root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink()

    return edit


EDITS: dict[str, list[Callable[[Path], object]]] = {
    "nothing": [],
    "dependency": [text("raw/1", "changed")],
    "new file in a dependency": [text("raw/3", "three")],
    "dependency deleted": [delete("raw")],
    "dependency outside": [text("../outside.txt", "changed")],
    "dependency outside deleted": [delete("../outside.txt")],
    "output": [text("model/weights", "changed")],
    "file in an output": [text("clean/mark", "changed")],
    "output deleted": [delete("clean")],
    "output without cache": [text("model/acc.json", "{}")],
    "output without cache deleted": [delete("model/acc.json")],
    "object of a file lost": [forget("model/weights")],
    "object of a directory lost": [forget("clean")],
    "object inside a directory lost": [forget("clean/mark")],
    "object lost and output changed": [forget("model/weights"), text("model/weights", "x")],
    "param": [replace("params.yaml", "mark: 7", "mark: 8")],
    "param of a mapping": [replace("params.yaml", "lr: 0.1", "lr: 0.2")],
    "param of another type": [replace("params.yaml", "mark: 7", "mark: '7'")],
    "param as float": [replace("params.yaml", "mark: 7", "mark: 7.0")],
    "param deleted": [replace("params.yaml", "train:", "training:")],
    "params file deleted": [delete("whole.json")],
    "whole file": [text("whole.json", '{"a": 2, "d": null}')],
    "whole file empty": [text("whole.json", "{}")],
    "tuple as list": [replace("code.py", "(1, 2)", "[1, 2]")],
    "tuple": [replace("code.py", "(1, 2)", "(1, 2, 3)")],
    "more params asked": [replace("dvc.yaml", "params: [prepare.mark]", "params: [prepare.mark, lr, none]")],
    "fewer params asked": [replace("dvc.yaml", "../code.py: [Net.layers, size]", "../code.py: [size]")],
    "whole file asked": [replace("dvc.yaml", "../params.yaml: [train]", "../params.yaml: ")],
    "other params file": [replace("dvc.yaml", "../whole.json: ", "../other.json: ")],
    "command": [replace("dvc.yaml", "cp raw/* clean/", "cp -r raw/* clean/")],
    "one of several commands": [replace("dvc.yaml", "cat ../clean/*", "cat  ../clean/*")],
    "param in the command": [replace("params.yaml", "mark: 7", "mark: 9")],
    "dependency added": [replace("dvc.yaml", "deps: [raw]", "deps: [raw, single]")],
    "dependency removed": [replace("dvc.yaml", "deps: [raw]", "deps: []")],
    "output added": [replace("dvc.yaml", "outs: [clean]", "outs: [clean, model/keep]")],
    "missing output added": [replace("dvc.yaml", "outs: [clean]", "outs: [clean, nothing]")],
    "output not cached any more": [replace("dvc.yaml", "outs: [weights]", "outs: [weights: {cache: false}]"),
                                   forget("model/weights")],
    "frozen": [replace("dvc.yaml", "  prepare:\n", "  prepare:\n    frozen: true\n"), text("raw/1", "x"),
               text("clean/mark", "x")],
    "always changed": [replace("dvc.yaml", "  prepare:\n", "  prepare:\n    always_changed: true\n")],
    "foreach": [replace("dvc.yaml", "foreach: [a, b]", "foreach: [b, c]")],
    "lock deleted": [delete("dvc.lock")],
    "stage renamed": [replace("dvc.yaml", "  train:", "  teach:")],
    "added file": [text("single", "x")],
    "added file deleted": [delete("single")],
    "object of an added file lost": [forget("single")],
    "pointer of an added file": [replace("single.dvc", "md5: ", "md5: 0000")],
    "checksum on an added file": [replace("single.dvc", "outs:", "md5: abcdef\nouts:")],
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_status_is_what_dvc_says(repository: Path, case: str) -> None:
    for edit in EDITS[case]:
        edit(repository)
    with Repo(str(repository)) as repo:
        theirs = repo.status()
    assert Disk(repository).status() == theirs


@pytest.mark.parametrize(
    ("targets", "options"),
    [
        (["prepare"], {}),
        (["train", "prepare"], {}),
        (["train"], {"with_deps": True}),
        (["each"], {}),
        (["each@b"], {}),
        (["clean/mark"], {}),
        (["clean"], {}),
        (["model/weights"], {}),
        (["model/"], {"recursive": True}),
        (["sub"], {"recursive": True}),
        (["."], {"recursive": True}),
        (["sub/dvc.yaml"], {}),
        (["dvc.yaml:train"], {}),
        (["single.dvc", "single"], {}),
        (["./single"], {}),
    ],
)
def test_status_of_targets_is_what_dvc_says(
    repository: Path, targets: list[str], options: dict[str, bool]
) -> None:
    for name in (
        "raw/1",
        "clean/mark",
        "model/weights",
        "each_a",
        "each_b",
        "single",
        "sub/out",
        "model/acc.json",
    ):
        (repository / name).write_text("changed")
    with Repo(str(repository)) as repo:
        theirs = repo.status(targets, **options)
    if targets == ["model/"]:
        assert theirs == {}  # DVC looks for pointer files only; there are none
        return
    assert Disk(repository).status(*targets, **options) == theirs


def test_status_from_a_subdirectory_is_what_dvc_says(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("raw/1", "model/weights", "single", "sub/out", "../outside.txt"):
        (repository / name).write_text("changed")
    monkeypatch.chdir(repository / "sub")
    with Repo(str(repository)) as repo:
        theirs, local, single = repo.status(), repo.status(["local"]), repo.status(["../single"])
    assert Disk(repository).status(base="sub") == theirs
    assert Disk(repository).status("local", base="sub") == local
    assert Disk(repository).status("../single", base="sub") == single


def test_frozen_import_shows_no_dependencies(repository: Path) -> None:
    with Repo(str(repository)) as repo:
        repo.imp_url(str(repository.parent / "outside.txt"), "imported")
    (repository.parent / "outside.txt").write_text("changed")
    with Repo(str(repository)) as repo:
        assert Disk(repository).status("imported.dvc") == repo.status(["imported.dvc"]) == {}
    (repository / "imported.dvc").write_text(
        (repository / "imported.dvc").read_text().replace("frozen: true\n", "")
    )
    with Repo(str(repository)) as repo:
        theirs = repo.status(["imported.dvc"])
    assert theirs == {
        "imported.dvc": [{"changed deps": {str(repository.parent / "outside.txt"): "modified"}}]
    }
    assert Disk(repository).status("imported.dvc") == theirs
    replace("imported.dvc", "outs:", "desc: by hand\nouts:")(repository)
    replace("imported.dvc", "path: imported", "path: imported\n  push: false")(repository)
    with Repo(str(repository)) as repo:
        theirs = repo.status(["imported.dvc"])
    assert "changed checksum" in theirs["imported.dvc"]
    assert Disk(repository).status("imported.dvc") == theirs
