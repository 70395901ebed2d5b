"""Bringing imports up to date, as the real DVC does, but never over unsaved work."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import Conflict, GitError, NotTracked, UsageError
from data_versioning.git import clone
from data_versioning.operations import import_data, update
from data_versioning.operations.import_data import ImportOptions
from data_versioning.operations.import_url import Extent
from data_versioning.operations.origin import Origin
from data_versioning.operations.update import UpdateOptions, UpdateResult
from tests.operations.registry import Registry
from tests.operations.work import Work
from tests.oracle import Tool, copy_repository, difference, snapshot


def run(work: Work, *names: str, download: bool = True, **options: object) -> UpdateResult:
    extent = Extent.WORKSPACE if download else Extent.HASHED
    found = UpdateOptions(extent=extent, **options)  # type: ignore[arg-type]
    return update.update(work.repo(), names, options=found)


def bring(work: Work, url: str, path: str, *, rev: str | None = None, **options: object) -> None:
    found = ImportOptions(**options)  # type: ignore[arg-type]
    import_data.import_data(work.repo(), Origin(url=url, rev=rev), path, options=found)


def change(registry: Registry) -> None:
    registry.write("data/a", "third")
    registry.write("data/new", "new")
    registry.write("code/deep/er", "deeper\n")
    registry.track("data")
    registry.commit("three")
    registry.push()


STEPS = [
    ["data.dvc"],
    ["data.dvc"],
    ["old.dvc"],
    ["--rev", "main", "old.dvc"],
    ["deep.dvc"],
    ["--no-download", "known.dvc"],
    ["later.dvc"],
    ["--to-remote", "data.dvc"],
    ["--to-remote", "--no-download", "data.dvc"],
    ["-r", "x", "data.dvc"],
    ["nothing.dvc"],
    ["-R", "."],
]


def test_as_dvc(changing: Registry, dvc: Tool, dv: Tool, template: Path, place: Path) -> None:
    ours, theirs = place / "right/repo", place / "left/repo"
    copy_repository(template, ours)
    for args in (
        ["data"],
        ["data", "--rev", "v1", "-o", "old"],
        ["code/deep"],
        ["model.bin", "--no-download", "-o", "known"],
        ["model.bin", "--no-exec", "-o", "later"],
    ):
        dv(ours, "import", "../../registry", *args, "-q").ok()
    copy_repository(ours, theirs)
    change(changing)
    assert dvc(ours, "status", "--json").json == dv(ours, "status", "--json").json
    for args in STEPS:
        codes = [tool(root, "update", *args, "-q").code for tool, root in ((dvc, theirs), (dv, ours))]
        assert codes[0] == codes[1], args
        assert difference(snapshot(theirs), snapshot(ours)) == {}, args
    assert dv(ours, "status", "--json").json == {}


def test_unsaved_work_stays(changing: Registry, work: Work) -> None:
    bring(work, changing.url, "data")
    bring(work, changing.url, "notes.txt")
    change(changing)
    work.write("data/new", "mine")
    work.write("notes.txt", "mine")
    before = work.everything()
    for download in (True, False):
        with pytest.raises(Conflict) as refused:
            run(work, "data.dvc", "notes.txt.dvc", download=download)
        assert refused.value.hint
        assert {name: entry for name, entry in work.everything().items() if "cache" not in name} == {
            name: entry for name, entry in before.items() if "cache" not in name
        }


@pytest.mark.parametrize("download", [True, False])
def test_one_conflict_stops_all(changing: Registry, work: Work, download: bool) -> None:
    bring(work, changing.url, "data")
    bring(work, changing.url, "code/deep")
    change(changing)
    work.write("deep/er", "mine")
    pointers = work.read("data.dvc"), work.read("deep.dvc")
    for names in (["data.dvc", "deep.dvc"], ["deep.dvc", "data.dvc"]):
        with pytest.raises(Conflict):
            run(work, *names, download=download)
        assert work.files("data") == {"a": b"a, changed", "new": b"new", "sub/b": b"b"}
        assert (work.read("data.dvc"), work.read("deep.dvc")) == pointers
    work.write("deep/er", "deep\n")
    assert run(work, "data.dvc", "data", "deep.dvc", download=download).updated == ("data.dvc", "deep.dvc")


def test_without_download(changing: Registry, work: Work, dvc: Tool) -> None:
    """The pointer file stays one that DVC finds unchanged."""
    bring(work, changing.url, "data")
    change(changing)
    result = run(work, "data.dvc", download=False)
    assert result.updated == ("data.dvc",)
    assert not (work.root / "data").exists()
    assert "md5" not in work.pointer("data.dvc")
    assert dvc(work.root, "status", "--json").json == {"data.dvc": [{"changed outs": {"data": "deleted"}}]}
    assert run(work, "data.dvc", download=False).unchanged == ("data.dvc",)
    run(work, "data.dvc")
    assert work.read("data/a") == b"third"


def test_nothing_new_asks_for_no_data(changing: Registry, work: Work) -> None:
    """What is in the cache is enough to bring back a deleted file."""
    bring(work, changing.url, "data")
    for path in changing.store.rglob("*"):
        if path.is_file():
            path.unlink()
    work.delete("data/a")
    assert run(work, "data.dvc").unchanged == ("data.dvc",)
    assert work.read("data/a") == b"a, changed"
    assert run(work, "data.dvc", rev="main").updated == ("data.dvc",)


def test_following_a_branch(changing: Registry, work: Work) -> None:
    changing.git("branch", "stable", "v1")
    bring(work, changing.url, "model.bin", rev="stable")
    assert run(work, "model.bin.dvc").unchanged == ("model.bin.dvc",)
    changing.git("branch", "-f", "stable", "HEAD")
    assert work.status()["model.bin.dvc"] == [
        {"changed deps": {f"model.bin ({changing.url})": "update available"}}
    ]
    assert run(work, "model.bin.dvc").updated == ("model.bin.dvc",)
    assert (work.read("model.bin"), work.status()) == (b"m2", {})


def test_an_origin_is_asked_once(changing: Registry, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("data", "notes.txt", "model.bin"):
        bring(work, changing.url, path)
    change(changing)
    asked: list[str] = []
    refresh = clone.refresh

    def counting(url: str, *args: object, **keywords: object) -> object:
        asked.append(url)
        return refresh(url, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(clone, "refresh", counting)
    assert len(work.status()) == 3
    assert len(run(work, ".", recursive=True).updated) == 3
    assert asked == [changing.url] * 2


def test_all_or_nothing(changing: Registry, work: Work) -> None:
    bring(work, changing.url, "data")
    bring(work, changing.url, "notes.txt")
    change(changing)
    before = work.read("data.dvc")
    changing.git("rm", "-q", "notes.txt")
    changing.commit()
    with pytest.raises(Exception, match="notes"):
        run(work, "data.dvc", "notes.txt.dvc")
    assert work.read("data.dvc") == before
    assert work.read("data/a") == b"a, changed"


def test_what_is_no_import(changing: Registry, work: Work) -> None:
    work.write("lone", "x")
    work.add("lone")
    with pytest.raises(UsageError, match=r"'lone\.dvc' is no import"):
        run(work, "lone.dvc")
    bring(work, changing.url, "data")
    change(changing)
    assert run(work, ".", recursive=True).updated == ("data.dvc",)
    with pytest.raises(NotTracked):
        run(work, "nothing.dvc")
    with pytest.raises(UsageError):
        run(work, "lone.dvc", jobs=0)


def test_an_origin_that_is_gone(changing: Registry, work: Work) -> None:
    bring(work, changing.url, "model.bin")
    changing.root.rename(changing.root.with_name("gone"))
    with pytest.raises(GitError) as refused:
        run(work, "model.bin.dvc")
    assert "git ls-remote" in (refused.value.hint or "")
    assert work.status(ask_origins=False) == {}


def test_comments_stay(changing: Registry, work: Work) -> None:
    bring(work, changing.url, "data")
    text = work.read("data.dvc").decode()
    work.write("data.dvc", "# ours\n" + text.replace("frozen: true", "frozen: true  # always"))
    change(changing)
    run(work, "data.dvc")
    after = work.read("data.dvc").decode()
    assert after.startswith("# ours\n")
    assert "# always" in after


def test_from_a_directory(changing: Registry, work: Work, dv: Tool) -> None:
    """A relative address counts from where it was typed, or from the top of the repository."""
    (work.root / "sub").mkdir()
    dv(work.root, "import", "../registry", "model.bin", "-q").ok()
    changing.write("model.bin", "m3")
    changing.track("model.bin")
    changing.commit()
    said = dv(work.root / "sub", "update", "../model.bin.dvc").ok().out
    assert "updated: ../model.bin.dvc" in said
    assert "git add ../model.bin.dvc" in said
    assert work.read("model.bin") == b"m3"
