"""What changed since data was recorded, in the shape of `dvc status`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import DiskError, FormatError, GitError, NotTracked, PathError
from data_versioning.formats import dirfile
from data_versioning.objects.cache import ObjectCache
from data_versioning.operations import status
from tests.operations.work import Work, digest
from tests.oracle import Tool

PIPELINE = """\
stages:
  train:
    cmd: cp data.csv model
    deps: [data.csv, code]
    params: [lr, net.layers]
    outs: [model]
    metrics:
    - metrics.json:
        cache: false
"""


@pytest.fixture
def data(work: Work) -> Work:
    for name in ("a", "in/b"):
        work.write(f"data/{name}", name)
    work.write("lone", "lone")
    work.add("data", "lone")
    return work


def outs(**changes: str) -> list[dict[str, Any]]:
    return [{"changed outs": changes}]


def test_nothing_tracked(work: Work) -> None:
    found = status.status(work.repo())
    assert (found.changes, found.stages, found.needs_dvc) == ({}, 0, ())


def test_nothing_changed(data: Work) -> None:
    found = status.status(data.repo())
    assert (found.changes, found.stages) == ({}, 2)


def test_changes(data: Work) -> None:
    data.write("data/a", "changed")
    data.delete("lone")
    assert data.status() == {"data.dvc": outs(data="modified"), "lone.dvc": outs(lone="deleted")}
    data.write("data/a", "a")
    data.write("lone", "lone")
    assert data.status() == {}
    data.delete("data/in")
    (data.root / "data/empty").mkdir()
    assert data.status() == {"data.dvc": outs(data="modified")}
    data.delete("data")
    data.write("data", "a file")
    assert data.status() == {"data.dvc": outs(data="modified")}


@pytest.mark.parametrize("content", ["a", "in/b", "lone", "listing"])
def test_lost_objects(data: Work, content: str) -> None:
    value = data.pointer("data.dvc")["md5"] if content == "listing" else digest(content)
    data.status()
    data.settle()
    data.status()
    data.named(value).unlink()
    pointer, path = ("lone.dvc", "lone") if content == "lone" else ("data.dvc", "data")
    assert data.status() == {pointer: outs(**{path: "not in cache"})}
    data.add(path)
    assert data.status() == {}


def test_objects_are_looked_for_again_only_when_the_cache_changed(
    data: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    missing = ObjectCache.missing

    def spy(self: ObjectCache, values: list[str], *, legacy: bool = False) -> list[int]:
        looked.append(len(values))
        return missing(self, values, legacy=legacy)

    monkeypatch.setattr(ObjectCache, "missing", spy)
    data.settle()
    data.status("data")
    looked.clear()
    data.status("data")
    assert looked == []
    data.object("in/b").unlink()
    assert data.status("data") == {"data.dvc": outs(data="not in cache")}
    assert looked != []


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["data"], {"data.dvc"}),
        (["lone.dvc"], {"lone.dvc"}),
        (["data/in"], {"data.dvc"}),
        (["data", "lone"], {"data.dvc", "lone.dvc"}),
        ([], {"data.dvc", "lone.dvc"}),
    ],
)
def test_targets(data: Work, targets: list[str], expected: set[str]) -> None:
    data.write("data/a", "changed")
    data.write("lone", "changed")
    assert set(data.status(*targets)) == expected


def test_an_unknown_target(data: Work) -> None:
    with pytest.raises(NotTracked, match="dat2"):
        data.status("dat2")


def test_below_a_directory(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.write("sub/x", "x")
    work.write("y", "y")
    work.add("sub/x", "y")
    work.write("sub/x", "X")
    work.write("y", "Y")
    assert set(work.status("sub", recursive=True)) == {"sub/x.dvc"}
    monkeypatch.chdir(work.root / "sub")
    assert work.status() == {"x.dvc": outs(x="modified"), "../y.dvc": outs(**{"../y": "modified"})}
    assert set(work.status("x")) == {"x.dvc"}


def run_stage(work: Work, dvc: Tool) -> None:
    work.write("data.csv", "1,2")
    work.write("code/main.py", "pass")
    work.write("params.yaml", "lr: 1\nnet: {layers: 2}\n")
    work.write(
        "dvc.yaml", PIPELINE.replace("cp data.csv model", "cp data.csv model && echo 1 > metrics.json")
    )
    dvc(work.root, "repro", "-q").ok()


def test_stages(work: Work, dvc: Tool) -> None:
    work.write("dvc.yaml", PIPELINE)
    assert work.status("train")["train"][0]["changed deps"] == {
        "data.csv": "deleted",
        "code": "deleted",
        "params.yaml": "deleted",
    }
    run_stage(work, dvc)
    assert work.status() == {} == dvc(work.root, "status", "--json").json
    work.write("data.csv", "3,4")
    work.write("code/new.py", "new")
    work.write("params.yaml", "lr: 2\nother: 1\n")
    work.write("metrics.json", "2")
    work.delete("model")
    work.write("dvc.yaml", work.read("dvc.yaml").replace(b"cp data", b"cp -f data"))
    assert work.status() == dvc(work.root, "status", "--json").json
    assert work.status()["train"] == [
        {
            "changed deps": {
                "data.csv": "modified",
                "code": "modified",
                "params.yaml": {"lr": "modified", "net.layers": "deleted"},
            }
        },
        {"changed outs": {"model": "deleted", "metrics.json": "modified"}},
        "changed command",
    ]


def test_with_what_it_depends_on(work: Work, dvc: Tool) -> None:
    run_stage(work, dvc)
    work.add("data.csv")
    work.write("data.csv", "changed")
    assert set(work.status("train")) == {"train"}
    assert set(work.status("train", with_deps=True)) == {"train", "data.csv.dvc"}


@pytest.mark.parametrize(
    ("file", "before", "after", "keys"),
    [
        ("p.json", '{"a": 1}', '{"a": 2}', "a"),
        ("p.toml", "a = 1\n", "a = 2\n", "a"),
        ("p.py", "a = 1\n", "a = 2\n", "a"),
        ("p.yaml", "a: {b: [1, 2]}\n", "a: {b: [1, 3]}\n", "a.b"),
    ],
)
def test_parameter_files(work: Work, dvc: Tool, file: str, before: str, after: str, keys: str) -> None:
    work.write(file, before)
    work.write(
        "dvc.yaml",
        f"stages:\n  s:\n    cmd: echo 1 > out\n    params:\n    - {file}: [{keys}]\n    outs: [out]\n",
    )
    dvc(work.root, "repro", "-q").ok()
    assert work.status() == {}
    work.write(file, after)
    assert work.status() == {"s": [{"changed deps": {file: {keys: "modified"}}}]}
    work.delete(file)
    assert work.status() == {"s": [{"changed deps": {file: "deleted"}}]}
    work.write(file, "{ [" if file != "p.py" else "a = (")
    with pytest.raises(FormatError, match=file):
        work.status()


def test_a_parameter_file_that_cannot_be_read(work: Work, dvc: Tool) -> None:
    run_stage(work, dvc)
    work.write("params.yaml", b"\xff\xfe")
    with pytest.raises((DiskError, FormatError), match=r"params\.yaml"):
        work.status()


def test_a_dependency_outside(work: Work, dvc: Tool) -> None:
    outside = work.root.parent / "outside"
    outside.write_text("x")
    work.write("dvc.yaml", f"stages:\n  s:\n    cmd: echo 1 > out\n    deps: [{outside}]\n    outs: [out]\n")
    dvc(work.root, "repro", "-q").ok()
    assert work.status() == {}
    outside.write_text("changed")
    assert work.status() == dvc(work.root, "status", "--json").json != {}


def test_the_origin_of_an_import_is_asked(work: Work) -> None:
    work.write("lone", "lone")
    work.add("lone")
    work.write(
        "other.dvc",
        f"frozen: true\ndeps:\n- path: x\n  repo:\n    url: /nowhere\n    rev_lock: {'a' * 40}\n"
        f"outs:\n- md5: {digest('x')}\n  size: 1\n  hash: md5\n  path: other\n",
    )
    with pytest.raises(GitError, match="/nowhere"):
        status.status(work.repo())
    assert list(status.status(work.repo(), ask_origins=False).changes) == ["other.dvc"]
    assert status.status(work.repo(), ["lone"]).changes == {}


def test_an_import_from_a_place_on_this_machine(work: Work, dvc: Tool) -> None:
    source = work.root.parent / "source"
    source.write_text("one")
    dvc(work.root, "import-url", str(source), "data").ok()
    assert work.status() == {}
    work.write("data", "mine")
    assert work.status() == {"data.dvc": outs(data="modified")}
    assert dvc(work.root, "status", "--json").json == work.status()


def test_data_of_dvc_2(work: Work) -> None:
    text = work.put_legacy(b"one\r\n")
    tree = dirfile.dump(["text"], [text])
    work.put_legacy(tree, value := digest(tree) + ".dir")
    work.write("old.dvc", f"outs:\n- md5: {value}\n  path: old\n")
    work.write("old/text", b"one\n")
    for _ in range(2):
        assert work.status() == {}
    work.write("old/text", b"two\n")
    assert work.status() == {"old.dvc": outs(old="modified")}
    work.write("old/text", b"one\r\n")
    work.named(text, legacy=True).unlink()
    assert work.status() == {"old.dvc": outs(old="not in cache")}


def test_ignored_data(data: Work) -> None:
    data.write(".dvcignore", "data/in\n")
    assert data.status() == {"data.dvc": outs(data="modified")}
    data.write(".dvcignore", "lone\n")
    assert data.status() == {"lone.dvc": outs(lone="deleted")}


def test_data_that_cannot_be_tracked(data: Work) -> None:
    (data.root / "data/odd").symlink_to("nowhere")
    with pytest.raises(PathError, match="data/odd"):
        data.status()


def test_status_changes_nothing(data: Work) -> None:
    data.write("data/a", "changed")
    shutil.rmtree(data.root / ".dvc/tmp")
    before = data.everything()
    data.status()
    assert data.everything() == before
    assert not (data.root / ".dvc/tmp/lock").exists()


def test_where_nothing_can_be_written(data: Work) -> None:
    shutil.rmtree(data.root / ".dvc/tmp")
    (data.root / ".dvc/tmp").write_text("")
    data.write("data/a", "changed")
    assert data.status() == {"data.dvc": outs(data="modified")}


def test_damaged_records_are_ignored(data: Work) -> None:
    data.status()
    for path in (data.root / ".dvc/tmp/dv").rglob("*"):
        if path.is_file():
            path.write_bytes(os.urandom(100))
    assert data.status() == {}
    data.write("data/a", "A")
    assert data.status() == {"data.dvc": outs(data="modified")}


def test_a_copy_of_the_repository(data: Work) -> None:
    """What was remembered of the original is not believed of the copy, whose files only look alike."""
    copy = data.root.with_name("copy")
    shutil.copytree(data.root, copy, symlinks=True)
    (copy / "data/a").write_text("A")
    stamp = (data.root / "data/a").stat()
    os.utime(copy / "data/a", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert Work(copy, data.sandbox).status() == {"data.dvc": outs(data="modified")}


def test_conflicting_pointers(data: Work) -> None:
    Path(data.root / "data.dvc").write_text("<<<<<<< HEAD\nouts:\n")
    with pytest.raises(FormatError, match=r"data\.dvc"):
        data.status()
