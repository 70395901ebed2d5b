"""Recording what changed in data that is tracked, confirmed before anything is stored."""

from __future__ import annotations

import os
import stat

import pytest
import yaml

from data_versioning.errors import Conflict, FileChanged, NotTracked, PathError
from data_versioning.formats import dirfile
from data_versioning.localfs import batch
from data_versioning.operations import commit
from tests.operations.work import Work, digest
from tests.oracle import Tool

PIPELINE = """\
stages:
  first:
    cmd: cp data.csv mid && printf 1 > metrics.json
    deps: [data.csv]
    params: [lr, net]
    outs: [mid]
    metrics:
    - metrics.json:
        cache: false
  second:
    cmd: mkdir -p model && cp mid model/m
    deps: [mid, code]
    outs: [model]
"""


@pytest.fixture
def data(work: Work) -> Work:
    for name in ("a", "in/b"):
        work.write(f"data/{name}", name)
    work.write("lone", "lone")
    work.add("data", "lone")
    return work


def test_nothing_changed(data: Work) -> None:
    before = data.everything()
    result = data.commit(force=False)
    assert (set(result.stages), result.edited) == ({"data.dvc", "lone.dvc"}, ())
    assert data.everything() == before


def test_changes(data: Work) -> None:
    data.write("data/new", "new")
    data.write("lone", "other", mode=0o755)
    result = data.commit()
    assert set(result.edited) == {"data.dvc", "lone.dvc"}
    assert data.pointer("data.dvc")["nfiles"] == 3
    assert data.pointer("lone.dvc") == {
        "md5": digest("other"),
        "size": 5,
        "isexec": True,
        "hash": "md5",
        "path": "lone",
    }
    assert {digest("new"), digest("other")} <= set(data.objects())
    assert data.status() == {}


def test_one_target(data: Work) -> None:
    data.write("data/a", "changed")
    data.write("lone", "changed, too")
    assert data.commit("lone").edited == ("lone.dvc",)
    assert data.commit("data/in").edited == ("data.dvc",)
    with pytest.raises(NotTracked):
        data.commit("nothing")


def test_every_change_is_confirmed_first(data: Work) -> None:
    data.write("data/a", "changed")
    data.write("lone", "changed")
    before = data.everything()
    questions: list[str] = []

    def ask(question: str) -> bool:
        questions.append(question)
        return "data" in question

    with pytest.raises(Conflict, match="lone") as conflict:
        commit.commit(data.repo(), confirm=ask)
    assert conflict.value.hint
    assert len(questions) == 2
    assert data.everything() == before
    with pytest.raises(Conflict):
        commit.commit(data.repo())
    assert data.everything() == before
    commit.commit(data.repo(), confirm=lambda _: True)
    assert data.status() == {}


def test_data_that_is_gone(data: Work) -> None:
    data.delete("lone")
    data.write("data/a", "changed")
    before = data.everything()
    with pytest.raises(PathError, match="lone") as gone:
        data.commit()
    assert gone.value.hint
    assert data.everything() == before


def test_data_that_was_not_stored(work: Work) -> None:
    work.write("data/a", "a")
    work.add("data", store=False)
    assert work.objects() == {}
    result = work.commit(force=False)
    assert result.edited == ()
    assert len(work.objects()) == 2
    assert work.status() == {}


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_links(data: Work, kind: str) -> None:
    data.configure(type=kind)
    data.write("data/a", "changed")
    data.commit(relink=False)
    assert not (data.root / "data/a").is_symlink()
    data.commit()
    assert os.path.samefile(data.root / "data/a", data.object("changed"))
    assert (data.root / "data/a").is_symlink() == (kind == "symlink")
    assert stat.S_IMODE(data.object("changed").stat().st_mode) == 0o444
    assert data.status() == {}


def test_annotations_and_comments_stay(data: Work) -> None:
    text = data.read("lone.dvc").decode()
    data.write("lone.dvc", f"# why\n{text}  desc: of lone\n")
    data.write("lone", "other")
    data.commit("lone")
    assert data.read("lone.dvc").decode() == f"# why\n{text}  desc: of lone\n".replace(
        digest("lone"), digest("other")
    ).replace("size: 4", "size: 5")


@pytest.fixture
def pipeline(work: Work, dvc: Tool) -> Work:
    work.write("data.csv", "1")
    work.write("code/main.py", "pass")
    work.write("params.yaml", "lr: 1\nnet: {layers: [1, 2]}\nother: 3\n")
    work.write("dvc.yaml", PIPELINE)
    dvc(work.root, "repro", "-q").ok()
    return work


def edit_everything(work: Work) -> None:
    work.write("data.csv", "2")
    work.write("code/main.py", "other")
    work.write("code/more.py", "more")
    work.write("params.yaml", "lr: 0.1\nnet: {layers: [3]}\n")
    work.write("mid", "by hand")
    work.write("metrics.json", "2")
    work.write("model/n", "n")
    work.write("dvc.yaml", work.read("dvc.yaml").replace(b"cp mid", b"cp -f mid"))


def test_stages(pipeline: Work, dvc: Tool) -> None:
    """The lock file is what DVC's own commit writes."""
    edit_everything(pipeline)
    before = pipeline.read("dvc.lock")
    dvc(pipeline.root, "commit", "-f").ok()
    theirs = pipeline.read("dvc.lock")
    pipeline.write("dvc.lock", before)
    result = pipeline.commit()
    assert set(result.edited) == {"dvc.lock"}
    assert pipeline.read("dvc.lock") == theirs
    assert pipeline.status() == {} == dvc(pipeline.root, "status", "--json").json
    assert pipeline.commit(force=False).edited == ()


def test_one_stage(pipeline: Work) -> None:
    edit_everything(pipeline)
    pipeline.commit("second")
    assert set(pipeline.status()) == {"first"}
    pipeline.write("model/n", "again")
    pipeline.commit("second", with_deps=True)
    assert pipeline.status() == {}


def test_a_stage_in_a_directory(work: Work, dvc: Tool) -> None:
    work.write("sub/in", "1")
    work.write("sub/dvc.yaml", "stages:\n  s:\n    cmd: cp in out\n    deps: [in]\n    outs: [out]\n")
    dvc(work.root, "repro", "-q", "sub/dvc.yaml").ok()
    work.write("sub/in", "2")
    work.write("sub/out", "2")
    assert work.commit("sub/dvc.yaml:s").edited == ("sub/dvc.lock",)
    assert work.status() == {}
    work.write("sub/out", "3")
    work.commit("sub", recursive=True)
    assert work.status() == {}


def test_only_the_command_changed(pipeline: Work) -> None:
    pipeline.write("dvc.yaml", pipeline.read("dvc.yaml").replace(b"cp mid", b"cp -f mid"))
    with pytest.raises(Conflict, match="command"):
        pipeline.commit(force=False)
    pipeline.commit()
    assert pipeline.status() == {}


@pytest.mark.parametrize("lost", ["data.csv", "params.yaml", "metrics.json"])
def test_what_a_stage_needs_is_gone(pipeline: Work, lost: str) -> None:
    pipeline.delete(lost)
    before = pipeline.everything()
    with pytest.raises(PathError, match=lost):
        pipeline.commit("first")
    after = {name: entry for name, entry in pipeline.everything().items() if ".dvc/cache" not in name}
    assert after.items() <= before.items()


def test_a_parameter_that_is_gone(pipeline: Work) -> None:
    pipeline.write("params.yaml", "lr: 1\n")
    with pytest.raises(PathError, match="net") as gone:
        pipeline.commit("first")
    assert gone.value.hint


def test_a_stage_that_never_ran(work: Work, dvc: Tool) -> None:
    work.write("dvc.yaml", "stages:\n  s:\n    cmd: make\n    outs: [out]\n")
    work.write("out", "by hand")
    with pytest.raises(Conflict):
        work.commit(force=False)
    work.commit()
    assert yaml.safe_load(work.read("dvc.lock"))["stages"]["s"]["outs"][0]["md5"] == digest("by hand")
    assert work.status() == {} == dvc(work.root, "status", "--json").json


def test_metrics_that_are_not_cached(pipeline: Work) -> None:
    pipeline.write("metrics.json", "[1, 2, 3]")
    pipeline.commit()
    assert digest("[1, 2, 3]") not in pipeline.objects()
    assert pipeline.status() == {}
    pipeline.delete("dvc.yaml")
    pipeline.checkout()
    assert pipeline.read("metrics.json") == b"[1, 2, 3]"


def test_an_import(work: Work, dvc: Tool) -> None:
    source = work.root.parent / "source"
    source.write_text("one")
    dvc(work.root, "import-url", str(source), "data").ok()
    work.write("data", "mine")
    before = work.read("data.dvc")
    dvc(work.root, "commit", "-f", "data.dvc").ok()
    theirs = work.read("data.dvc")
    work.write("data.dvc", before)
    work.commit("data.dvc")
    assert work.read("data.dvc") == theirs
    assert work.status() == {}


def legacy_tree(work: Work) -> str:
    text = work.put_legacy(b"one\r\n")
    tree = dirfile.dump(["text"], [text])
    work.put_legacy(tree, value := digest(tree) + ".dir")
    work.write("old.dvc", f"outs:\n- md5: {value}\n  size: 5\n  path: old\n")
    work.write("old/text", b"one\n")
    return value


def test_unchanged_data_of_dvc_2_stays_as_it_is(work: Work) -> None:
    legacy_tree(work)
    before = work.everything()
    assert work.commit().edited == ()
    assert work.everything() == before


def test_changed_data_of_dvc_2_is_recorded_as_today(work: Work, dvc: Tool) -> None:
    legacy_tree(work)
    work.write("old/text", b"two\r\n")
    work.commit()
    tree = dirfile.dump(["text"], [digest(b"two\r\n")])
    assert work.pointer("old.dvc") == {
        "md5": digest(tree) + ".dir",
        "size": 5,
        "nfiles": 1,
        "hash": "md5",
        "path": "old",
    }
    assert set(work.objects()) == {digest(b"two\r\n"), digest(tree) + ".dir"}
    assert work.status() == {} == dvc(work.root, "status", "--json").json


def test_dependencies_of_dvc_2(work: Work, dvc: Tool) -> None:
    """An unchanged dependency keeps its old hash, a changed one gets a hash of today."""
    for name in ("same", "changed"):
        work.write(name, b"one\r\n")
    work.write("out", "x")
    work.write("dvc.yaml", "stages:\n  s:\n    cmd: make\n    deps: [changed, same]\n    outs: [out]\n")
    old = digest(b"one\n")
    work.write(
        "dvc.lock",
        "schema: '2.0'\nstages:\n  s:\n    cmd: make\n    deps:\n"
        f"    - path: changed\n      md5: {old}\n      size: 5\n    - path: same\n      md5: {old}\n      size: 5\n"
        f"    outs:\n    - path: out\n      hash: md5\n      md5: {digest('x')}\n      size: 1\n",
    )
    work.write("changed", b"two\r\n")
    work.commit()
    deps = {dep["path"]: dep for dep in yaml.safe_load(work.read("dvc.lock"))["stages"]["s"]["deps"]}
    assert deps["same"] == {"path": "same", "md5": old, "size": 5}
    assert deps["changed"] == {"path": "changed", "hash": "md5", "md5": digest(b"two\r\n"), "size": 5}
    assert work.status() == {} == dvc(work.root, "status", "--json").json


def test_a_file_that_keeps_changing(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    data.write("lone", "log")
    store_files = batch.store_files
    monkeypatch.setattr(
        batch, "store_files", lambda *args, **options: store_files(*args, **options)._replace(changed=[0])
    )
    before = data.read("lone.dvc")
    with pytest.raises(FileChanged):
        data.commit()
    assert data.read("lone.dvc") == before
