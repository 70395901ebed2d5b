"""Imports from places on this machine, as far as the comparison with DVC does not reach."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import (
    Conflict,
    DataVersioningError,
    FileChanged,
    Overlap,
    PathError,
    UsageError,
)
from data_versioning.localfs import batch
from data_versioning.operations import import_url, pull, update
from data_versioning.operations.import_url import Extent, ImportOptions, ImportResult
from data_versioning.operations.pointers import Annotations
from data_versioning.operations.sharing import ServedByDvc, TransferFailed, TransferOptions
from data_versioning.operations.update import UpdateOptions
from tests.operations.work import Work
from tests.oracle import Tool


@pytest.fixture
def source(work: Work) -> Path:
    """A directory outside of the repository."""
    place = work.root.parent / "source"
    (place / "sub").mkdir(parents=True)
    (place / "a").write_text("alpha")
    (place / "sub/b").write_text("beta")
    return place


def imported(work: Work, url: Path | str, out: str | None = None, **options: Any) -> ImportResult:
    return import_url.import_url(work.repo(), str(url), out, options=ImportOptions(**options))


def renewed(work: Work, *names: str, **options: Any) -> update.UpdateResult:
    return update.update(work.repo(), names, options=UpdateOptions(**options))


def test_result(work: Work, source: Path) -> None:
    result = imported(work, source, "data", notes=Annotations(desc="text", labels=("x",)))
    assert (result.path, result.pointer, result.size, result.nfiles) == ("data", "data.dvc", 9, 2)
    assert set(result.edited) == {"data.dvc", ".gitignore"}
    assert work.files("data") == {"a": b"alpha", "sub/b": b"beta"}
    assert work.pointer("data.dvc")["desc"] == "text"
    assert work.status() == {}


def test_each_byte_is_read_once(work: Work, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("hashed without being stored")

    monkeypatch.setattr(batch, "hash_files", never)
    imported(work, source)
    imported(work, f"{source}/a")
    (source / "a").write_text("newer")
    assert renewed(work, "source.dvc", "a.dvc").updated == ("source.dvc", "a.dvc")
    assert renewed(work, "source.dvc").unchanged == ("source.dvc",)


def test_the_path_of_a_file_url_is_recorded(work: Work, source: Path, dvc: Tool) -> None:
    imported(work, f"file://{source}/a")
    assert f"path: {source}/a\n" in work.read("a.dvc").decode()
    (source / "a").write_text("newer")
    dvc(work.root, "update", "a.dvc").ok()
    assert work.read("a") == b"newer"


def test_a_relative_origin_counts_from_the_pointer_file(work: Work, source: Path) -> None:
    (work.root / "deep").mkdir()
    imported(work, "../source/a", "deep/x")
    assert "path: ../../source/a\n" in work.read("deep/x.dvc").decode()
    (source / "a").write_text("newer")
    assert renewed(work, "deep/x.dvc").updated == ("deep/x.dvc",)
    assert work.read("deep/x") == b"newer"


def test_a_file_that_changes_while_it_is_read_is_not_recorded(
    work: Work, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = batch.store_files

    def meddle(*args: Any, **keywords: Any) -> batch.Batch:
        found = store(*args, **keywords)
        return found._replace(changed=list(range(len(found.written))))

    monkeypatch.setattr(batch, "store_files", meddle)
    before = work.everything()
    with pytest.raises(FileChanged):
        imported(work, source, "data")
    after = work.everything()
    assert {name for name in after if name not in before and "cache" not in name} == set()


def test_a_file_that_appears_meanwhile_is_kept(
    work: Work, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = batch.store_files

    def meddle(*args: Any, **keywords: Any) -> batch.Batch:
        work.write("data", "mine")
        return store(*args, **keywords)

    monkeypatch.setattr(batch, "store_files", meddle)
    with pytest.raises(Conflict):
        imported(work, f"{source}/a", "data")
    assert work.read("data") == b"mine"


def test_neither_end_may_lie_inside_the_other(work: Work) -> None:
    work.write("place/a", "kept")
    for url, out in (
        ("place", "place/inner"),
        ("place/a", "place"),
        ("place", "place"),
        (str(work.root), "x"),
    ):
        with pytest.raises(Overlap):
            imported(work, url, out, force=True)
    assert work.read("place/a") == b"kept"


def test_hostile_destinations(work: Work, source: Path) -> None:
    (work.root / "link").symlink_to(source.parent)
    for out in ("link/x", ".dvc/x", ".git/x", "../x", "missing/x", "x.dvc"):
        with pytest.raises(PathError):
            imported(work, f"{source}/a", out)
    with pytest.raises(UsageError):
        imported(work, "/")
    assert sorted(os.listdir(source.parent)) == ["repo", "source"]


def test_names_that_are_not_utf8(work: Work, source: Path) -> None:
    (source / os.fsdecode(b"\xff")).write_text("bytes")
    with pytest.raises(PathError, match="UTF-8"):
        imported(work, source / os.fsdecode(b"\xff"), "x")
    assert imported(work, source).nfiles == 3


def test_elsewhere_is_for_dvc(work: Work, source: Path) -> None:
    (work.root / ".dvc/config").write_text(
        "['remote \"cloud\"']\n    url = oss://host\n['remote \"kept\"']\n    url = s3://x\n    version_aware = true\n"
    )
    before = work.everything()
    for url in (
        "oss://host/key",
        "nobody://knows/this",
        "https://host/file#part",
        "remote://cloud/key",
        "remote://kept/key",
        "s3://x/key",
    ):
        with pytest.raises(ServedByDvc):
            imported(work, url)
    with pytest.raises(ServedByDvc):
        imported(work, source, extent=Extent.REMOTE, remote="kept")
    assert work.everything() == before


def test_update_keeps_work_that_is_saved_nowhere(work: Work, source: Path) -> None:
    imported(work, source, "data")
    (source / "a").write_text("newer")
    work.write("data/mine", "mine")
    pointer, files = work.read("data.dvc"), work.files("data")
    for extent in (Extent.WORKSPACE, Extent.HASHED):
        with pytest.raises(Conflict):
            renewed(work, "data.dvc", extent=extent)
    assert (work.read("data.dvc"), work.files("data")) == (pointer, files)
    work.commit("data.dvc")
    renewed(work, "data.dvc")
    assert work.files("data") == {"a": b"newer", "sub/b": b"beta"}


def test_update_of_data_on_a_remote_with_versions_is_for_dvc(work: Work) -> None:
    work.write("plain.dvc", "outs:\n- path: plain\n  remote: versions\n")
    with pytest.raises(ServedByDvc):
        renewed(work, "plain.dvc")
    with pytest.raises(UsageError):
        renewed(work, "plain.dvc", rev="main")


def test_pull_of_a_directory_that_was_not_downloaded(work: Work, source: Path) -> None:
    imported(work, source, "data", extent=Extent.HASHED)
    pointer = work.read("data.dvc")
    planned = pull.pull(work.repo(), ["data"], options=TransferOptions(dry_run=True)).fetched
    assert planned.planned == ("data",)
    assert pull.pull(work.repo(), ["data"]).fetched.copied == 2
    assert work.files("data") == {"a": b"alpha", "sub/b": b"beta"}
    assert work.read("data.dvc") == pointer
    shutil.rmtree(source)
    shutil.rmtree(work.root / "data")
    assert pull.pull(work.repo(), ["data"]).fetched.copied == 0
    assert work.files("data").keys() == {"a", "sub/b"}


def test_pull_of_an_origin_that_changed(work: Work, source: Path) -> None:
    imported(work, source, "data", extent=Extent.HASHED)
    (source / "a").write_text("other")
    with pytest.raises(TransferFailed) as failed:
        pull.pull(work.repo(), ["data"])
    assert "dv update data.dvc" in failed.value.result.problems[0].reason
    assert not (work.root / "data").exists()


def test_killed_at_any_moment(work: Work, dv: Tool) -> None:
    """A pointer file names only what the cache holds, and the same command succeeds afterwards."""
    source = work.root.parent / "many"
    for number in range(400):
        place = source / str(number % 7) / str(number)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bytes([number % 256]) * (number * 50))
    for moment in range(12):
        process = dv.start(work.root, "import-url", "-f", "../many", "data")
        time.sleep(0.08 + moment * 0.03)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (work.root / "data.dvc").exists():
            value = work.pointer("data.dvc")["md5"]
            entries = json.loads(work.named(value).read_bytes())
            assert len(entries) == 400
            assert all(work.named(entry["md5"]).exists() for entry in entries)
            dv(work.root, "checkout").ok()
            assert len(work.files("data")) == 400
            (work.root / "data.dvc").unlink()
            shutil.rmtree(work.root / "data")
            shutil.rmtree(work.root / ".dvc/cache")
        else:
            assert not (work.root / "data").exists()
    dv(work.root, "import-url", "-f", "../many", "data").ok()
    assert len(work.files("data")) == 400
    assert dv(work.root, "status", "--json").json == {}


def test_a_pointer_file_that_leads_outside_changes_nothing(work: Work, source: Path) -> None:
    kept = work.write("kept", "kept")
    for out in ("../source/a", ".", ".git/hooks", "/etc/x"):
        work.write(
            "x.dvc",
            f"deps:\n- hash: md5\n  path: {source}/sub\nouts:\n- hash: md5\n  path: {out}\n  cache: false\n",
        )
        for extent in (Extent.HASHED, Extent.WORKSPACE):
            with pytest.raises(DataVersioningError):
                renewed(work, "x.dvc", extent=extent)
    assert kept.read_text() == "kept"
    assert (source / "a").read_text() == "alpha"


def test_options_of_the_store_in_an_import_are_for_dvc(work: Work, source: Path) -> None:
    """Nothing here reads them; an update without them might come from another place."""
    imported(work, source, "data")
    pointer = work.root / "data.dvc"
    pointer.write_text(pointer.read_text().replace("deps:\n- ", "deps:\n- fs_config:\n    jobs: 4\n  "))
    with pytest.raises(ServedByDvc):
        renewed(work, "data.dvc")
