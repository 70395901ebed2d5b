"""Downloading from another repository: as the real DVC does it, and safely."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from data_versioning.errors import (
    ConfigError,
    Conflict,
    CorruptObject,
    FormatError,
    MissingObject,
    NotTracked,
    PathError,
    StorageError,
    UsageError,
)
from data_versioning.operations import get
from data_versioning.operations.get import GetOptions, GetResult
from data_versioning.operations.origin import Origin
from data_versioning.operations.sharing import ServedByDvc
from data_versioning.storage.local import LocalStore
from tests.operations.registry import OLD_TEXT, OLD_VALUE, Registry
from tests.operations.work import digest
from tests.oracle import Sandbox, Tool, difference, snapshot


@pytest.fixture(autouse=True)
def here(place: Path, private_home: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory outside of any repository."""
    directory = place / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def run(
    url: str, path: str, *, out: str | None = None, force: bool = False, rev: str | None = None
) -> GetResult:
    return get.get(Origin(url=url, rev=rev), path, options=GetOptions(out=out, force=force))


@pytest.mark.parametrize(
    ("case", "path"),
    [
        (["PATH"], "data"),
        (["PATH", "--rev", "v1"], "data"),
        (["PATH"], "data/sub/b"),
        (["PATH"], "nested/inner"),
        (["PATH", "-o", "x/y"], "model.bin"),
        (["URL"], "data/sub"),
        (["URL"], "code"),
        (["URL", "--rev", "v1"], "notes.txt"),
        (["URL"], "."),
    ],
)
def test_as_dvc(registry: Registry, dvc: Tool, dv: Tool, place: Path, case: list[str], path: str) -> None:
    url, *options = case
    if path == ".":
        options += ["-o", "all", "--rev", "v1"]
    left, right = place / "left", place / "right"
    for tool, directory in ((dvc, left), (dv, right)):
        directory.mkdir()
        tool(directory, "get", registry.url if url == "URL" else str(registry.root), path, *options).ok()
    if path == ".":  # DVC cannot read what DVC 2 named: it is left out of its copy
        assert (right / "all/old").read_bytes() == OLD_TEXT
        (right / "all/old").unlink()
        (left / "all/old").unlink(missing_ok=True)
    assert difference(snapshot(left), snapshot(right)) == {}


@pytest.mark.parametrize(
    "case",
    [
        ["nothing"],
        ["model.bin.dvc"],
        ["model.bin", "--rev", "nothing"],
        ["model.bin", "--remote", "nothing"],
        ["code", "--show-url"],
        ["nothing", "--show-url"],
    ],
    ids=" ".join,
)
def test_errors_end_as_those_of_dvc(
    registry: Registry, dvc: Tool, dv: Tool, here: Path, case: list[str]
) -> None:
    theirs, ours = (tool(here, "get", str(registry.root), *case) for tool in (dvc, dv))
    assert theirs.code == ours.code != 0, ours
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("path", ["model.bin", "data", "data/sub/b"])
def test_where_it_is_stored(registry: Registry, dvc: Tool, dv: Tool, here: Path, path: str) -> None:
    theirs, ours = (tool(here, "get", str(registry.root), path, "--show-url").ok() for tool in (dvc, dv))
    assert theirs.out == ours.out
    assert list(here.iterdir()) == []


def test_what_is_there_stays(registry: Registry, here: Path) -> None:
    (here / "data").mkdir()
    (here / "data/mine").write_text("mine")
    with pytest.raises(Conflict) as refused:
        run(registry.url, "data")
    assert "--force" in (refused.value.hint or "")
    run(registry.url, "data", out="data", force=True)  # a directory that is there: into it
    assert sorted(os.listdir(here / "data")) == ["data", "mine"]
    assert run(registry.url, "data", force=True).path == "data"
    assert sorted(os.listdir(here / "data")) == ["a", "new", "sub"]
    (here / "model.bin").write_text("mine")
    run(registry.url, "model.bin", force=True)
    assert (here / "model.bin").read_text() == "m2"
    assert sorted(os.listdir(here)) == ["data", "model.bin"]


def test_only_the_remote_has_it(changing: Registry, here: Path) -> None:
    changing.forget()
    assert run(str(changing.root), "data").files == 3
    assert (here / "data/a").read_text() == "a, changed"
    assert stat.S_IMODE((here / "data/sub/b").stat().st_mode) == 0o644
    assert run(changing.url, "old").files == 1
    assert (here / "old").read_bytes() == OLD_TEXT


def test_recorded_content_counts_not_what_lies_there(changing: Registry, here: Path) -> None:
    changing.write("data/a", "not recorded")
    changing.write("notes.txt", "not committed")
    run(str(changing.root), "data")
    run(str(changing.root), "notes.txt")
    assert (here / "data/a").read_text() == "a, changed"
    assert (here / "notes.txt").read_text() == "not committed"


def test_an_interrupted_download_goes_on(
    changing: Registry, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing.forget()
    kept = changing.object("new").read_bytes()
    changing.object("new").unlink()
    with pytest.raises(MissingObject):
        run(changing.url, "data")
    (unfinished,) = here.iterdir()
    assert stat.S_IMODE(unfinished.stat().st_mode) == 0o700
    changing.object("new").write_bytes(kept)
    asked: list[int] = []
    download = LocalStore.download

    def counting(store: LocalStore, items: object, **keywords: object) -> object:
        asked.append(len(items))  # type: ignore[arg-type]
        return download(store, items, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "download", counting)
    run(changing.url, "data")
    assert asked == [1]
    assert [path.name for path in here.iterdir()] == ["data"]
    assert (here / "data/new").read_text() == "new"


def test_somebody_elses_directory_is_not_continued(
    registry: Registry, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = here.parent / "outside"
    outside.mkdir()
    made: list[str] = []
    mkdir = os.mkdir

    def planted(path: str, mode: int = 0o777) -> None:
        if path.endswith(".dv") and not made:
            made.append(path)
            os.symlink(outside, path)
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", planted)
    with pytest.raises(PathError, match="in the way"):
        run(registry.url, "data")
    assert list(outside.iterdir()) == []


def test_damaged_data_never_arrives(changing: Registry, here: Path) -> None:
    changing.forget()
    changing.object("m2").chmod(0o644)
    changing.object("m2").write_text("mm")
    with pytest.raises(CorruptObject, match="damaged"):
        run(changing.url, "model.bin")
    assert list(here.iterdir()) == []


def test_damaged_text_of_dvc_2(changing: Registry, here: Path) -> None:
    changing.forget()
    (changing.store / OLD_VALUE[:2] / OLD_VALUE[2:]).write_text("other")
    with pytest.raises(MissingObject):
        run(changing.url, "old")
    assert list(here.iterdir()) == []


def test_a_remote_that_refuses(changing: Registry, here: Path) -> None:
    changing.forget()
    path = changing.object("m2")
    path.unlink()
    path.mkdir()
    with pytest.raises((StorageError, CorruptObject)):
        run(changing.url, "model.bin")
    assert not (here / "model.bin").exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", ".git/hooks/evil", "a/../../evil", "sub/.dvc/x"])
def test_a_hostile_listing(changing: Registry, here: Path, name: str) -> None:
    content = f'[{{"md5": "{digest("m2")}", "relpath": "{name}"}}]'.encode()
    path = changing.object(content)
    path.parent.mkdir(exist_ok=True)
    path.with_name(path.name + ".dir").write_bytes(content)
    changing.write("evil.dvc", f"outs:\n- md5: {digest(content)}.dir\n  hash: md5\n  path: evil\n")
    changing.commit()
    for url in (changing.url, str(changing.root)):
        with pytest.raises(FormatError):
            run(url, "evil")
    assert list(here.iterdir()) == []
    assert not (here.parent / "evil").exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", ".git/hooks/post-checkout"])
def test_a_hostile_pointer(changing: Registry, here: Path, name: str) -> None:
    changing.write("evil.dvc", f"outs:\n- md5: {digest('m2')}\n  hash: md5\n  path: {name}\n")
    changing.commit()
    with pytest.raises(PathError):
        run(changing.url, "model.bin")
    assert list(here.iterdir()) == []


def test_what_only_dvc_reaches(changing: Registry, here: Path) -> None:
    config = changing.root / ".dvc/config"
    config.write_text("[core]\n    remote = dav\n['remote \"dav\"']\n    url = gdrive://root/x\n")
    changing.commit()
    run(str(changing.root), "data")  # its cache is here
    with pytest.raises(ServedByDvc):
        run(changing.url, "model.bin")
    assert [path.name for path in here.iterdir()] == ["data"]
    web = config.read_text().replace("gdrive://root/x", "webdavs://host.invalid/x")
    config.write_text(web + "    bearer_token_command = touch pwned\n")
    changing.commit()
    with pytest.raises(ConfigError, match="bearer_token_command"):
        run(changing.url, "model.bin")
    changing.forget()
    with pytest.raises(ConfigError, match="bearer_token_command"):
        run(str(changing.root), "model.bin")


def test_files_of_git_lfs_are_left_to_dvc(changing: Registry, here: Path) -> None:
    changing.write("big", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    changing.commit()
    with pytest.raises(ServedByDvc, match="Git-LFS"):
        run(changing.url, "big")
    assert list(here.iterdir()) == []


def test_a_repository_without_data(place: Path, sandbox: Sandbox, here: Path) -> None:
    sandbox.git(place, "init", "-q", "plain")
    (place / "plain/file").write_text("file")
    assert run(str(place / "plain"), "file").commit is None
    sandbox.git(place / "plain", "add", "file")
    sandbox.git(place / "plain", "commit", "-qm", "one")
    assert run(f"file://{place}/plain", "file", out="again").commit
    assert (here / "again").read_text() == "file"


def test_names(registry: Registry, here: Path) -> None:
    with pytest.raises(UsageError):
        run(registry.url, ".")
    for path in ("model.bin.dvc", "dvc.yaml"):
        with pytest.raises(PathError, match="pointer file"):
            run(registry.url, path, out="x")
    with pytest.raises(PathError, match="pointer file"):
        run(registry.url, "model.bin", out="x.dvc")
    with pytest.raises(NotTracked, match="part"):
        get.url(Origin(url=registry.url), "data/sub")


def test_passwords_are_not_told(dv: Tool, here: Path) -> None:
    url = "http://ada:s3cret@127.0.0.1:9/registry.git"
    for command in (["get", url, "data"], ["list", url], ["list", url, "--json"]):
        done = dv(here, *command)
        assert done.code == 1
        assert "127.0.0.1" in done.err + done.out
        assert "s3cret" not in done.err + done.out


def test_the_number_of_jobs(registry: Registry, here: Path) -> None:
    with pytest.raises(UsageError):
        get.get(Origin(url=registry.url), "data", options=GetOptions(jobs=0))
    get.get(Origin(url=registry.url), "data", options=GetOptions(jobs=1))


def test_the_command(registry: Registry, dv: Tool, here: Path) -> None:
    assert dv(here, "get", registry.url, "data").ok().out == "got data (3 files)\n"
    found = dv(here, "get", registry.url, "model.bin", "--json", "-q").json
    assert (found["path"], found["files"], len(found["commit"])) == ("model.bin", 1, 40)
    assert dv(here, "get", registry.url, "notes.txt", "--remote-config", "x").code == 254
    again = dv(here, "get", registry.url, "model.bin")
    assert (again.code, "--force" in again.err) == (1, True)
