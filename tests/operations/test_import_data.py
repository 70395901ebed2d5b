"""Importing from another repository: the same pointer files, cache and workspace as the real DVC leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import (
    ConfigError,
    Conflict,
    DataVersioningError,
    GitError,
    MissingObject,
    Overlap,
    PathError,
)
from data_versioning.operations import import_data
from data_versioning.operations.import_data import ImportOptions, ImportResult
from data_versioning.operations.origin import Origin
from data_versioning.operations.pointers import Annotations
from data_versioning.operations.sharing import ServedByDvc
from tests.operations.registry import OLD_TEXT, Registry
from tests.operations.work import Work, digest
from tests.oracle import Tool, copy_repository, difference, snapshot
from tests.tracking import records

SETTINGS = [
    ["model.bin", "--remote", "store", "-o", "named"],
    ["model.bin", "--remote-config", "url=STORE", "-o", "changed"],
    ["model.bin", "--remote", "store", "--remote-config", "url=STORE", "-o", "both"],
    ["model.bin", "--config", "CONFIG", "-o", "file"],
]
CASES = [
    ["data"],
    ["data", "--rev", "v1", "-o", "old"],
    ["data/sub", "-o", "part"],
    ["data/sub/b", "-o", "sub/deep/one"],
    ["code/deep"],
    ["code/run.sh", "-o", "run"],
    ["notes.txt"],
    ["nested/keep", "-o", "kept"],
    ["model.bin", "--no-exec", "-o", "later"],
    ["data", "--no-download", "-o", "known"],
    *SETTINGS,
]
REFUSED = [
    ["nothing"],
    ["model.bin", "--rev", "nothing"],
    ["model.bin.dvc"],
    ["model.bin", "-o", "mine"],
    ["model.bin", "-o", "tracked/x"],
    ["model.bin", "--remote", "nothing"],
]


def run(work: Work, url: str, path: str, *, rev: str | None = None, **options: object) -> ImportResult:
    found = ImportOptions(**options)  # type: ignore[arg-type]
    return import_data.import_data(work.repo(), Origin(url=url, rev=rev), path, options=found)


@pytest.fixture
def pair(place: Path, template: Path) -> tuple[Path, Path]:
    """Two equal repositories."""
    roots = place / "left/repo", place / "right/repo"
    for root in roots:
        root.parent.mkdir()
        copy_repository(template, root)
        (root / "sub/deep").mkdir(parents=True)
    return roots


@pytest.mark.parametrize("form", ["path", "url"])
def test_as_dvc(registry: Registry, dvc: Tool, dv: Tool, pair: tuple[Path, Path], form: str) -> None:
    url = str(registry.root) if form == "path" else registry.url
    cases = CASES if form == "path" else [["data", "--rev", "v1"], ["code"], ["data/a", "-o", "one"]]
    words = {"url=STORE": f"url={registry.store}", "CONFIG": str(registry.root / ".dvc/config")}
    for case in cases:
        args = [words.get(word, word) for word in case]
        for tool, root in zip((dvc, dv), pair, strict=True):
            tool(root, "import", url, *args, "-q").ok()
        assert difference(*map(snapshot, pair)) == {}, case
    both = [
        tool(root, "status", "--json").json for tool, root in ((dvc, pair[0]), (dvc, pair[1]), (dv, pair[1]))
    ]
    assert both[0] == both[1] == both[2]
    assert set(both[0]) == ({"known.dvc", "later.dvc"} if form == "path" else set())


@pytest.mark.parametrize("case", REFUSED, ids=" ".join)
def test_errors_end_as_those_of_dvc(
    registry: Registry, dvc: Tool, dv: Tool, pair: tuple[Path, Path], case: list[str]
) -> None:
    codes = []
    for tool, root in zip((dvc, dv), pair, strict=True):
        (root / "mine").write_text("mine")
        (root / "tracked").mkdir()
        (root / "tracked/a").write_text("a")
        dvc(root, "add", "-q", "tracked").ok()
        before = snapshot(root)
        codes.append(tool(root, "import", str(registry.root), *case, "-q").code)
        assert difference(before, snapshot(root)) == {}
    assert codes[0] == codes[1] != 0


def test_force_replaces(registry: Registry, work: Work) -> None:
    work.write("model.bin", "mine")
    with pytest.raises(Conflict):
        run(work, registry.url, "model.bin")
    assert work.read("model.bin") == b"mine"
    run(work, registry.url, "model.bin", force=True)
    assert work.read("model.bin") == b"m2"
    run(work, registry.url, "model.bin", rev="v1", force=True)
    assert work.read("model.bin") == b"m"
    assert work.status() == {}


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_links_are_as_configured(registry: Registry, work: Work, kind: str) -> None:
    work.configure(type=kind)
    run(work, registry.url, "data")
    assert work.files("data") == {"a": b"a, changed", "new": b"new", "sub/b": b"b"}
    path = work.root / "data/a"
    assert path.is_symlink() if kind == "symlink" else path.stat().st_nlink == 2
    assert work.status() == {}


def test_data_of_dvc_2_gets_the_names_of_today(registry: Registry, work: Work) -> None:
    run(work, registry.url, "old")
    assert work.read("old") == OLD_TEXT
    assert work.pointer("old.dvc")["md5"] == digest(OLD_TEXT)
    assert work.objects() == {digest(OLD_TEXT): OLD_TEXT}


def test_a_commit_is_imported_not_what_lies_there(changing: Registry, work: Work) -> None:
    changing.write("notes.txt", "not committed")
    changing.write("new.txt", "not committed")
    run(work, str(changing.root), "notes.txt")
    assert work.read("notes.txt") == b"notes, changed\n"
    with pytest.raises(PathError):
        run(work, str(changing.root), "new.txt")


def test_what_was_not_pushed_comes_from_the_cache(changing: Registry, work: Work) -> None:
    changing.write("model.bin", "m3")
    changing.track("model.bin")
    changing.commit()
    with pytest.raises(MissingObject):
        run(work, changing.url, "model.bin")
    assert not (work.root / "model.bin.dvc").exists()
    run(work, str(changing.root), "model.bin")
    assert work.read("model.bin") == b"m3"


def test_nothing_is_recorded_when_it_fails(changing: Registry, work: Work) -> None:
    changing.forget()
    changing.object("new").unlink()
    with pytest.raises(MissingObject) as refused:
        run(work, changing.url, "data")
    assert refused.value.hint
    assert not (work.root / "data").exists()
    assert not (work.root / "data.dvc").exists()
    assert records(work.root)[-1]["outcome"] == "failed"


def test_the_record(registry: Registry, work: Work) -> None:
    result = run(work, registry.url, "data", notes=Annotations(desc="words", labels=("one",)))
    assert (result.path, result.size, result.nfiles) == ("data", 14, 3)
    assert result.edited == ("data.dvc", ".gitignore")
    assert work.pointer("data.dvc")["desc"] == "words"
    assert work.pointer("data.dvc")["labels"] == ["one"]
    assert [record["verb"] for record in records(work.root)] == ["import"]


def test_places_that_are_taken(registry: Registry, work: Work) -> None:
    work.write("file", "x")
    work.save()
    with pytest.raises(PathError, match="tracked by Git"):
        run(work, registry.url, "model.bin", out="file", force=True)
    work.write("data/a", "a")
    work.add("data")
    with pytest.raises((Overlap, PathError)):
        run(work, registry.url, "model.bin", out="data/model.bin")
    with pytest.raises(PathError):
        run(work, registry.url, "model.bin", out="../outside")
    for url in ("--upload-pack=touch x", ""):
        with pytest.raises(GitError, match="no repository"):
            run(work, url, "model.bin")


def test_without_git(place: Path, work: Work) -> None:
    (place / "plain").mkdir()
    (place / "plain/file").write_text("x")
    with pytest.raises(GitError, match="not in Git"):
        run(work, str(place / "plain"), "file")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", ".git/hooks/evil", "a/../../evil"])
def test_a_hostile_listing(changing: Registry, work: Work, name: str) -> None:
    content = f'[{{"md5": "{digest("m2")}", "relpath": "{name}"}}]'.encode()
    path = changing.object(content)
    path.parent.mkdir(exist_ok=True)
    path.with_name(path.name + ".dir").write_bytes(content)
    changing.write("evil.dvc", f"outs:\n- md5: {digest(content)}.dir\n  hash: md5\n  path: evil\n")
    changing.commit()
    before = work.everything()
    with pytest.raises(DataVersioningError):
        run(work, changing.url, "evil")
    assert work.everything() == before


def test_links_in_the_way(registry: Registry, work: Work) -> None:
    outside = work.root.parent / "outside"
    outside.mkdir()
    (work.root / "data").symlink_to(outside)
    with pytest.raises(DataVersioningError):
        run(work, registry.url, "data", force=True)
    assert list(outside.iterdir()) == []


def test_what_only_dvc_reaches(changing: Registry, work: Work) -> None:
    config = changing.root / ".dvc/config"
    config.write_text("[core]\n    remote = dav\n['remote \"dav\"']\n    url = gdrive://root/x\n")
    changing.commit()
    with pytest.raises(ServedByDvc):
        run(work, changing.url, "model.bin")
    web = config.read_text().replace("gdrive://root/x", "webdavs://host.invalid/x")
    config.write_text(web + "    bearer_token_command = touch pwned\n")
    changing.commit()
    with pytest.raises(ConfigError, match="bearer_token_command"):
        run(work, changing.url, "model.bin")
    assert not (work.root / "model.bin.dvc").exists()


def test_the_command(registry: Registry, work: Work, dv: Tool) -> None:
    said = dv(work.root, "import", registry.url, "data", "--rev", "v1").ok().out
    assert said.startswith("imported: data (2 files, 2 B) at ")
    assert "git add data.dvc .gitignore" in said
    assert (
        "recorded, not downloaded: m"
        in dv(work.root, "import", registry.url, "model.bin", "-o", "m", "--no-exec").out
    )
    found = dv(work.root, "import", registry.url, "notes.txt", "--json").json
    assert (found["pointer"], found["nfiles"]) == ("notes.txt.dvc", None)
